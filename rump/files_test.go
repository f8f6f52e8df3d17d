//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unsafe"
)

// ext2Image is the path of an empty ext2 file system of so many bytes.
func ext2Image(t testing.TB, size int64) string {
	t.Helper()
	mkfs, err := exec.LookPath("mkfs.ext2")
	if err != nil {
		if mkfs, err = exec.LookPath("/sbin/mkfs.ext2"); err != nil {
			t.Skip("mkfs.ext2 is not here (remedy: apt-get install e2fsprogs)")
		}
	}
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, size); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs, "-q", "-O", "none", "-I", "128", "-b", "1024", image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext2: %v\n%s", err, out)
	}
	return image
}

const sysMount = 410

// mountExt2 mounts the block device dev on /mnt.
func mountExt2(t testing.TB, k *Kernel, dev string) {
	t.Helper()
	if _, errno, err := call(k.Init(), sysMkdir, "/mnt", 0o755); errno != 0 || err != nil {
		t.Fatalf("mkdir: error %d, %v", errno, err)
	}
	text := append([]byte(dev), 0)
	args := make([]byte, 8)
	putPointer(args, text)
	if _, errno, err := call(k.Init(), sysMount, "ext2fs", "/mnt", 0, args, len(args), 0, 0, text); errno != 0 || err != nil {
		t.Fatalf("mount: error %d, %v", errno, err)
	}
}

// TestImage writes a file to an image in one kernel and reads it in another.
func TestImage(t *testing.T) {
	needKit(t)
	image := ext2Image(t, 8<<20)
	want := bytes.Repeat([]byte("0123456789abcdef"), 20000)
	const create, readOnly = 0x202, 0
	k := boot(t, "ext2fs")
	if err := k.Register("/disk", image, BlockDevice, 0, ToTheEnd); err != nil {
		t.Fatal(err)
	}
	mountExt2(t, k, "/disk")
	fd, errno, err := call(k.Init(), sysOpen, "/mnt/file", create, 0o644)
	if errno != 0 || err != nil {
		t.Fatalf("open: error %d, %v", errno, err)
	}
	if n, errno, err := call(k.Init(), sysWrite, int(fd), want, len(want)); int(n) != len(want) || errno != 0 || err != nil {
		t.Fatalf("write: %d, error %d, %v", n, errno, err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}

	f, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// By its name, it is read where the host has it; as the program's own, by
	// way of the program.
	for _, register := range []func(k *Kernel) error{
		func(k *Kernel) error { return k.Register("/disk", image, BlockDevice, 0, ToTheEnd) },
		func(k *Kernel) error { return k.RegisterFile("/disk", sized{f, 8 << 20}, BlockDevice, 0, ToTheEnd) },
	} {
		k := boot(t, "ext2fs")
		if err := register(k); err != nil {
			t.Fatal(err)
		}
		mountExt2(t, k, "/disk")
		fd, errno, err := call(k.Init(), sysOpen, "/mnt/file", readOnly)
		if errno != 0 || err != nil {
			t.Fatalf("open in another kernel: error %d, %v", errno, err)
		}
		got := make([]byte, len(want)+1)
		if n, errno, err := call(k.Init(), sysRead, int(fd), got, len(got)); int(n) != len(want) || errno != 0 || err != nil {
			t.Fatalf("read: %d, error %d, %v", n, errno, err)
		}
		if !bytes.Equal(got[:len(want)], want) {
			t.Error("what was read is not what was written")
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
}

type sized struct {
	*os.File
	size int64
}

func (s sized) Size() int64 { return s.size }

// TestDamagedImages mounts images with bytes turned over: errors and crashes
// of that kernel are fine, anything else is not.
func TestDamagedImages(t *testing.T) {
	needKit(t)
	image := ext2Image(t, 1<<20)
	clean, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	rounds := 64
	if testing.Short() {
		rounds = 16
	}
	for i := range rounds {
		bad := bytes.Clone(clean)
		for j := range 8 {
			at := 1024 + (i*7919+j*104729)%8192
			bad[at] ^= byte(i*31 + j*17 + 1)
		}
		k, err := tryBoot("ext2fs")
		if err != nil {
			t.Fatal(err)
		}
		if err := k.RegisterFile("/disk", &memory{bad}, BlockDevice, 0, ToTheEnd); err != nil {
			t.Fatal(err)
		}
		use(k)
		k.Close()
	}
}

// use mounts what may be damaged and works in it.
func use(k *Kernel) {
	call(k.Init(), sysMkdir, "/mnt", 0o755)
	text := append([]byte("/disk"), 0)
	args := make([]byte, 8)
	putPointer(args, text)
	if _, errno, err := call(k.Init(), sysMount, "ext2fs", "/mnt", 0, args, len(args), 0, 0, text); errno != 0 || err != nil {
		return
	}
	for _, name := range []string{"/mnt/a", "/mnt/b"} {
		call(k.Init(), sysMkdir, name, 0o755)
		if fd, errno, err := call(k.Init(), sysOpen, name+"/f", 0x202, 0o644); errno == 0 && err == nil {
			call(k.Init(), sysWrite, int(fd), make([]byte, 9000), 9000)
		}
	}
}

// memory is a disk in memory.
type memory struct{ b []byte }

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	return copy(p, m.b[min(off, int64(len(m.b))):]), nil
}
func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	return copy(m.b[min(off, int64(len(m.b))):], p), nil
}
func (m *memory) Sync() error  { return nil }
func (m *memory) Close() error { return nil }
func (m *memory) Size() int64  { return int64(len(m.b)) }

// putPointer writes the address of to, which is kept alive by the caller.
func putPointer(b, to []byte) {
	binary.NativeEndian.PutUint64(b, uint64(uintptr(unsafe.Pointer(&to[0]))))
}
