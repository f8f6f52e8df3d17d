package disk_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/disk"
)

func newDisk(t testing.TB, size int64, o disk.Options) *disk.Disk {
	t.Helper()
	d, err := disk.New(size, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func write(t testing.TB, f hypercall.File, off int64, b []byte) {
	t.Helper()
	if n, err := f.WriteAt(b, off); n != len(b) || err != nil {
		t.Fatalf("write of %d bytes at %d: %d, %v", len(b), off, n, err)
	}
}

func content(t testing.TB, f hypercall.File) []byte {
	t.Helper()
	b := make([]byte, f.(hypercall.Sized).Size())
	if n, err := f.ReadAt(b, 0); n != len(b) || err != nil && err != io.EOF {
		t.Fatalf("read: %d, %v", n, err)
	}
	return b
}

// sector is 512 bytes of one kind.
func sector(c byte) []byte { return bytes.Repeat([]byte{c}, 512) }

// TestAgainstSlice does the same to disks with copies and to slices.
func TestAgainstSlice(t *testing.T) {
	const size = 5<<20 + 512
	rng := rand.New(rand.NewPCG(1, 2))
	image := make([]byte, 3<<20+100)
	for i := range image {
		image[i] = byte(rng.Uint32())
	}
	d, err := disk.Over(bytes.NewReader(image), size, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	type pair struct {
		d    *disk.Disk
		want []byte
	}
	pairs := []pair{{d, append(bytes.Clone(image), make([]byte, size-len(image))...)}}
	for range 500 {
		p := pairs[rng.IntN(len(pairs))]
		off := rng.Int64N(size/512) * 512
		b := make([]byte, min(rng.Int64N(40)*512, size-off))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		write(t, p.d, off, b)
		copy(p.want[off:], b)
		if rng.IntN(50) == 0 {
			pairs = append(pairs, pair{p.d.Snapshot(), bytes.Clone(p.want)})
		}
	}
	if len(pairs) < 4 {
		t.Fatalf("only %d copies were made", len(pairs))
	}
	for i, p := range pairs {
		if !bytes.Equal(content(t, p.d), p.want) {
			t.Errorf("copy %d differs from what was written to it", i)
		}
	}
}

func TestRequests(t *testing.T) {
	d := newDisk(t, 64<<10, disk.Options{Sector: 4096})
	for _, c := range []struct {
		n    int
		off  int64
		want error
	}{
		{512, 0, syscall.EINVAL}, {4096, 512, syscall.EINVAL}, {4096, -4096, syscall.EINVAL},
		{4096, 64 << 10, syscall.ENOSPC}, {8192, 60 << 10, syscall.ENOSPC}, {4096, 1 << 62, syscall.ENOSPC}, {4096, 60 << 10, nil},
	} {
		if _, err := d.WriteAt(make([]byte, c.n), c.off); !errors.Is(err, c.want) {
			t.Errorf("write of %d bytes at %d: %v, want %v", c.n, c.off, err, c.want)
		}
	}
	if n, err := d.ReadAt(make([]byte, 8192), 60<<10); n != 4096 || err != io.EOF {
		t.Errorf("read across the end: %d, %v", n, err)
	}
	if n, err := d.ReadAt(make([]byte, 10), 4090); n != 10 || err != nil {
		t.Errorf("read across pages: %d, %v", n, err)
	}
	if _, err := d.ReadAt(make([]byte, 10), -1); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("read before the beginning: %v", err)
	}
	if n, err := d.ReadAt(make([]byte, 4096), 64<<10); n != 0 || err != io.EOF {
		t.Errorf("read behind the end: %d, %v", n, err)
	}
	for _, c := range []struct {
		size int64
		o    disk.Options
	}{{0, disk.Options{}}, {-512, disk.Options{}}, {100, disk.Options{}}, {512, disk.Options{Sector: 4096}},
		{4096, disk.Options{Sector: 1000}}, {8192, disk.Options{Sector: 8192}}, {1 << 62, disk.Options{}}, {512, disk.Options{Limit: -1}}} {
		if _, err := disk.New(c.size, c.o); err == nil {
			t.Errorf("a disk of %d bytes and %+v was made", c.size, c.o)
		}
	}
}

func TestMemory(t *testing.T) {
	d := newDisk(t, 1<<40, disk.Options{Limit: 64 << 10})
	for i := range 14 { // and a table for each 2 MiB
		write(t, d, int64(i)*4096, sector('x'))
	}
	if _, err := d.WriteAt(sector('x'), 1<<39); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a write beyond the limit of memory: %v", err)
	}
	write(t, d, 4096, sector('y'))
	if m := d.Memory(); m > 64<<10 {
		t.Errorf("the disk takes %d bytes", m)
	}
	small := newDisk(t, 8<<20, disk.Options{})
	write(t, small, 0, make([]byte, 8<<20))
	if n := testing.AllocsPerRun(100, func() { small.Snapshot() }); n > 4 {
		t.Errorf("a copy of a disk of 8 MiB takes %v allocations", n)
	}
	if m := small.Snapshot().Memory(); m != 0 {
		t.Errorf("a copy takes %d bytes", m)
	}
}

func TestImages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "image")
	d := newDisk(t, 16<<20, disk.Options{})
	write(t, d, 512, sector('a'))
	write(t, d, 16<<20-512, sector('z'))
	if err := d.Save(path); err != nil {
		t.Fatal(err)
	}
	back, err := disk.Load(path, disk.Options{Limit: 20 << 10})
	if err != nil {
		t.Fatalf("an image with two sectors that are not zero: %v", err)
	}
	if !bytes.Equal(content(t, back), content(t, d)) {
		t.Error("the image differs from the disk")
	}
	other := newDisk(t, 16<<20, disk.Options{})
	write(t, other, 1024, sector('o'))
	if err := other.Restore(path); err != nil || !bytes.Equal(content(t, other), content(t, d)) {
		t.Errorf("what was there before the image is there still, or %v", err)
	}
	if err := newDisk(t, 8<<20, disk.Options{}).Restore(path); err == nil {
		t.Error("an image was restored to a disk of another size")
	}
	if err := os.Truncate(path, 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Load(path, disk.Options{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("an image with part of a sector: %v", err)
	}
}

func TestDevice(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := disk.Device(f, 4096)
	if err != nil {
		t.Fatal(err)
	}
	write(t, d, 512, sector('d'))
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, 513); err != nil || b[0] != 'd' {
		t.Errorf("the file has %q, %v", b, err)
	}
}

// TestConcurrent is for the race detector.
func TestConcurrent(t *testing.T) {
	l := disk.NewLog(newDisk(t, 1<<20, disk.Options{}), 0)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 400 {
				write(t, l, int64(i)<<18+int64(j)*512, sector(byte(i)))
				l.Sync()
				l.ReadAt(make([]byte, 512), int64(i)<<18)
				if j%100 == 0 {
					l.At(disk.Cut{Point: l.Len() / 2, Loss: disk.Torn})
				}
			}
		})
	}
	wg.Wait()
	if l.Len() != 3200 {
		t.Errorf("%d events", l.Len())
	}
}
