//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"bytes"
	"testing"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/disk"
)

const (
	sysClose = 6
	sysFsync = 95
)

// ext2Disk is an empty ext2 file system of 4 MiB.
func ext2Disk(t *testing.T) *disk.Disk {
	d, err := disk.Load(ext2Image(t, 4<<20), disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// onDisk is a kernel with an ext2 file system on /mnt.
func onDisk(t *testing.T, f hypercall.File) *Kernel {
	k := boot(t, "ext2fs")
	if err := k.RegisterFile("/disk", f, BlockDevice, 0, ToTheEnd); err != nil {
		t.Fatal(err)
	}
	mountExt2(t, k, "/disk")
	return k
}

// put writes a file, and flushes it. It returns the first error number.
func put(t *testing.T, k *Kernel, name string, b []byte) int {
	t.Helper()
	const create = 0x202
	fd, errno, err := call(k.Init(), sysOpen, name, create, 0o644)
	if err != nil || errno != 0 {
		return errno
	}
	defer call(k.Init(), sysClose, int(fd))
	for _, do := range []func() (uintptr, int, error){
		func() (uintptr, int, error) { return call(k.Init(), sysWrite, int(fd), b, len(b)) },
		func() (uintptr, int, error) { return call(k.Init(), sysFsync, int(fd)) },
	} {
		if _, errno, err := do(); err != nil || errno != 0 {
			return errno
		}
	}
	return 0
}

// TestBarriers: when fsync(2) returns, the disk was told to make the data
// last, after it was written.
func TestBarriers(t *testing.T) {
	needKit(t)
	l := disk.NewLog(ext2Disk(t), 0)
	k := onDisk(t, l)
	data := bytes.Repeat([]byte("last"), 256)
	if errno := put(t, k, "/mnt/file", data); errno != 0 {
		t.Fatalf("error %d", errno)
	}
	written := -1
	for i := range l.Len() {
		switch e := l.Event(i); {
		case e.Op == disk.OpWrite && bytes.Equal(e.Data[:min(len(data), len(e.Data))], data):
			written = i
		case e.Op == disk.OpBarrier && written >= 0:
			return
		}
	}
	t.Errorf("of %d events, %d wrote the data, and no barrier came after it", l.Len(), written)
}

// TestDiskFaults: a kernel tells its programs what is wrong with its disk.
func TestDiskFaults(t *testing.T) {
	needKit(t)
	const eIO, eNOSPC = 5, 28
	var power disk.Switch
	for _, c := range []struct {
		name  string
		fault disk.Fault
		after func()
		want  int
	}{
		{"bad sectors", disk.BadSectors(1<<20, 3<<20), nil, eIO},
		{"full", disk.Full(512 << 10), nil, eNOSPC},
		{"no power", power.Fault, power.Off, eIO},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := onDisk(t, disk.With(ext2Disk(t), c.fault))
			if errno := put(t, k, "/mnt/small", make([]byte, 1000)); errno != 0 {
				t.Fatalf("a small file: error %d", errno)
			}
			if c.after != nil {
				c.after()
			}
			if errno := put(t, k, "/mnt/large", make([]byte, 2<<20)); errno != c.want {
				t.Errorf("a large file: error %d, want %d", errno, c.want)
			}
		})
	}
}
