//go:build cgo && linux && (amd64 || arm64)

package rump_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/internal/fsimages"
	"github.com/anykernel/anykernel/sys"
)

// mounting is a kernel that has an image at /mnt.
func mounting(image string) string {
	return backends.Spec{Name: "rump", Args: []string{"vfs"}, Options: []backends.Option{{Key: "mount", Value: image + ":/mnt"}}}.String()
}

// TestImages reads and writes every kind of file system whose images can be
// made here; which kind it is the kernel finds by itself.
func TestImages(t *testing.T) {
	needKit(t)
	tree := fsimages.Tree(t)
	for _, kind := range fsimages.Kinds {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			image := kind.Make(t, tree)
			k := kerneltest.New(t, mounting(image))
			p := k.Init()
			st, err := p.Statfs("/mnt")
			if err != nil || st.Type != kind.Type || st.ReadOnly() == kind.Write {
				t.Errorf("the kernel sees %v, %v, want %s", st, err, kind.Type)
			}
			if !kind.Empty {
				sameTree(t, os.DirFS(tree), p.FS("/mnt"), kind.Links)
			}
			if !kind.Write {
				if err := p.WriteFile("/mnt/new", nil, 0o644); err == nil {
					t.Error("a file system that can only be read was written")
				}
				return
			}
			want := bytes.Repeat([]byte("0123456789abcdef"), 3000)
			if err := p.WriteFile("/mnt/new", want, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := k.Close(); err != nil {
				t.Fatal(err)
			}
			again := kerneltest.New(t, mounting(image)+":ro")
			if got, err := again.Init().ReadFile("/mnt/new"); !bytes.Equal(got, want) || err != nil {
				t.Errorf("another kernel reads %d bytes, %v, want what was written", len(got), err)
			}
			if err := again.Init().Unlink("/mnt/new"); !errors.Is(err, sys.EROFS) {
				t.Errorf("remove from what is mounted to be read: %v", err)
			}
		})
	}
}

// sameTree holds got to want, in which links are what is not looked for where
// the file system has none.
func sameTree(t *testing.T, want, got fs.FS, links bool) {
	t.Helper()
	names := 0
	err := fs.WalkDir(want, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 && !links {
			return err
		}
		names++
		info, err := fs.Lstat(got, name)
		if err != nil || info.Mode().Type() != d.Type() {
			return fmt.Errorf("%s is a %v, %v, want %v", name, info, err, d.Type())
		}
		if d.IsDir() {
			return nil
		}
		a, err := fs.ReadFile(want, name)
		if err != nil {
			return err
		}
		b, err := fs.ReadFile(got, name)
		if err != nil || !bytes.Equal(a, b) {
			return fmt.Errorf("%s has %d bytes, %v, want %d", name, len(b), err, len(a))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if names < 6 {
		t.Errorf("only %d files were compared", names)
	}
}

// TestPartitions: a disk's only file system is found, and one of several by
// its number.
func TestPartitions(t *testing.T) {
	needKit(t)
	kind := fsimages.Kinds[slices.IndexFunc(fsimages.Kinds, func(k fsimages.Kind) bool { return k.Name == "ext2" })]
	part, err := os.ReadFile(kind.Make(t, fsimages.Tree(t)))
	if err != nil {
		t.Fatal(err)
	}
	const sector, first = 512, 64
	disk := make([]byte, first*sector)
	entry := func(i int, start, n uint32) {
		e := disk[446+16*i:]
		e[4] = 0x83
		put32(e[8:], start)
		put32(e[12:], n)
	}
	n := uint32(len(part) / sector)
	entry(1, first, n)
	disk[510], disk[511] = 0x55, 0xaa
	one := filepath.Join(t.TempDir(), "one.img")
	if err := os.WriteFile(one, append(disk, part...), 0o644); err != nil {
		t.Fatal(err)
	}
	entry(2, first+n, n)
	two := filepath.Join(t.TempDir(), "two.img")
	if err := os.WriteFile(two, slices.Concat(disk, part, part), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, image := range []string{one, one + "#2", two + "#2", two + "#3", "ext2fs:" + two + "#3"} {
		k := kerneltest.New(t, mounting(image))
		if b, err := k.Init().ReadFile("/mnt/readme.txt"); string(b) != "hello\n" || err != nil {
			t.Errorf("%s: %q, %v", image, b, err)
		}
		if st, err := k.Init().Statfs("/mnt"); err != nil || st.Total() > uint64(len(part)) {
			t.Errorf("%s: %v, %v", image, st, err)
		}
	}
	both := kerneltest.New(t, mounting(two+"#2")+"&mount="+two+"%233:/other").Init() // of which each is itself
	if err := both.Unlink("/other/readme.txt"); err != nil {
		t.Error(err)
	}
	if _, err := both.Stat("/mnt/readme.txt"); err != nil {
		t.Errorf("of two partitions, one is both: %v", err)
	}
	for image, want := range map[string]string{two: "say which", one + "#1": "no partition 1", one + "#9": "no partition 9"} {
		if _, err := sys.Open(t.Context(), mounting(image)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", image, err, want)
		}
	}
}

func put32(b []byte, v uint32) {
	b[0], b[1], b[2], b[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
}

// TestExt4: what the kernel knows of ext4 it reads; of the rest the features are
// named.
func TestExt4(t *testing.T) {
	needKit(t)
	tree := fsimages.Tree(t)
	k := kerneltest.New(t, mounting(fsimages.Ext4(t, tree, "^64bit,^flex_bg,^has_journal,^extent")))
	sameTree(t, os.DirFS(tree), k.Init().FS("/mnt"), true)
	if st, err := k.Init().Statfs("/mnt"); err != nil || !st.ReadOnly() {
		t.Errorf("it is mounted as %v, %v", st, err)
	}
	_, err := sys.Open(t.Context(), mounting(fsimages.Ext4(t, tree, "64bit,flex_bg")))
	if err == nil || !strings.Contains(err.Error(), "NetBSD may not know its features extent, 64bit, flex_bg") {
		t.Errorf("an ext4 with all that it has by default: %v", err)
	}
}

// TestMountSpecifications: what is wrong is said.
func TestMountSpecifications(t *testing.T) {
	needKit(t)
	junk := filepath.Join(t.TempDir(), "junk.img")
	if err := os.WriteFile(junk, bytes.Repeat([]byte("junk"), 50000), 0o644); err != nil {
		t.Fatal(err)
	}
	for mount, want := range map[string]string{
		"disk.img":                   "it is [TYPE:]IMAGE",
		"disk.img:/":                 "it is [TYPE:]IMAGE",
		":/mnt":                      "it is [TYPE:]IMAGE",
		"nothing.img:/mnt":           "no such file",
		t.TempDir() + ":/mnt":        "is a folder",
		junk + ":/mnt":               "no known file system",
		"ffs:" + junk + ":/mnt":      "Invalid argument (EINVAL)",
		"nilfs:" + junk + ":/mnt":    "the kernel says: nilfs: no valid superblocks found",
		"ffs:" + junk + ":/mnt:fast": "options of ffs: \"fast\": it has none",
	} {
		spec := backends.Spec{Name: "rump", Args: []string{"vfs"}, Options: []backends.Option{{Key: "mount", Value: mount}}}
		if k, err := sys.Open(t.Context(), spec.String()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", mount, err, want)
			if k != nil {
				k.Close()
			}
		}
	}
}

// TestDamagedFileSystems reads and writes images with bytes turned over:
// errors, and crashes of that kernel, are fine. Anything else is not.
func TestDamagedFileSystems(t *testing.T) {
	needKit(t)
	tree := fsimages.Tree(t)
	rounds := 64
	if testing.Short() {
		rounds = 8
	}
	for _, kind := range fsimages.Kinds {
		if kind.Name == "fat32" { // like fat16, and large
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			clean, err := os.ReadFile(kind.Make(t, tree))
			if err != nil {
				t.Fatal(err)
			}
			image := filepath.Join(t.TempDir(), "bad.img")
			how := map[string]int{}
			for seed := range uint64(rounds) {
				if err := os.WriteFile(image, damaged(clean, seed), 0o644); err != nil {
					t.Fatal(err)
				}
				how[use(t, kind.Type+":"+image, kind.Write)]++
			}
			t.Logf("%v", how)
		})
	}
}

// damaged is an image with bytes changed, most of them where its structure is.
func damaged(clean []byte, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	bad := bytes.Clone(clean)
	var used []int // blocks that are not empty
	for off := 0; off < len(bad); off += 512 {
		if block := bad[off:min(off+512, len(bad))]; bytes.Count(block, []byte{0}) != len(block) && !bytes.Contains(block, []byte("\n1")) {
			used = append(used, off)
		}
	}
	for range 4 << (seed % 8) {
		bad[min(used[rng.IntN(len(used))]+rng.IntN(512), len(bad)-1)] = byte(rng.Uint32())
	}
	return bad
}

// use does what it can with a file system, and says what became of the kernel.
func use(t *testing.T, image string, write bool) string {
	t.Helper()
	const patience = 3 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	k, err := sys.Open(ctx, mounting(image))
	var crash *backends.PanicError
	switch {
	case errors.As(err, &crash):
		return "crash at mount"
	case errors.Is(err, context.DeadlineExceeded):
		return "closed at mount"
	case err != nil:
		return "error at mount"
	}
	// The kernel may go round in a circle over it. Close ends that, too.
	stuck := time.AfterFunc(patience, func() { k.Close() })
	p, failed := k.Init(), 0
	count := func(err error) {
		if err != nil && !errors.Is(err, io.EOF) {
			failed++
		}
	}
	entries := 0
	_ = fs.WalkDir(p.FS("/mnt"), ".", func(name string, d fs.DirEntry, err error) error {
		count(err)
		if entries++; entries > 200 || err != nil {
			return fs.SkipDir
		}
		if !d.IsDir() {
			f, err := p.Open("/mnt/"+name, sys.O_RDONLY|sys.O_NONBLOCK|sys.O_CLOEXEC, 0)
			count(err)
			if err == nil {
				_, err := f.Read(make([]byte, 256<<10))
				count(err)
				f.Close()
			}
		}
		return nil
	})
	if write {
		count(p.WriteFile("/mnt/written", make([]byte, 20000), 0o644))
		count(p.Unlink("/mnt/written"))
	}
	inTime := stuck.Stop()
	count(k.Close())
	switch {
	case errors.As(k.Err(), &crash):
		return "crash"
	case !inTime:
		return "closed"
	case failed > 0:
		return "errors"
	}
	return "unharmed"
}
