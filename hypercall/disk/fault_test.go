package disk_test

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/disk"
)

func TestBadSectors(t *testing.T) {
	f := disk.With(newDisk(t, 1<<20, disk.Options{}), disk.BadSectors(4096, 512))
	write(t, f, 4096-512, sector(1))
	write(t, f, 4096+512, sector(1))
	for _, off := range []int64{4096, 4096 - 512} {
		if _, err := f.ReadAt(make([]byte, 1024), off); !errors.Is(err, syscall.EIO) {
			t.Errorf("read at %d: %v", off, err)
		}
		if _, err := f.WriteAt(make([]byte, 1024), off); !errors.Is(err, syscall.EIO) {
			t.Errorf("write at %d: %v", off, err)
		}
	}
	if f.(hypercall.Sized).Size() != 1<<20 {
		t.Error("a bad sector changed the size")
	}
}

func TestFlaky(t *testing.T) {
	n := 0
	f := disk.With(newDisk(t, 4096, disk.Options{}), disk.Flaky(func() bool { n++; return n%2 == 0 }))
	write(t, f, 0, sector('a'))
	if _, err := f.WriteAt(sector('b'), 0); !errors.Is(err, syscall.EIO) {
		t.Errorf("the second request: %v", err)
	}
	if b := content(t, f); b[0] != 'a' {
		t.Error("a write that failed was done")
	}
}

func TestLying(t *testing.T) {
	l := disk.NewLog(newDisk(t, 4096, disk.Options{}), 0)
	f := disk.With(l, disk.Lying)
	write(t, f, 0, sector('a'))
	if err := f.Sync(); err != nil || l.Len() != 1 || f.(hypercall.Sized).Size() != 4096 {
		t.Errorf("%d events, %v", l.Len(), err)
	}
}

func TestFull(t *testing.T) {
	f := disk.With(newDisk(t, 1<<20, disk.Options{}), disk.Full(8192))
	write(t, f, 0, sector(1))
	write(t, f, 512, sector(1))
	write(t, f, 1<<19, sector(1))
	if _, err := f.WriteAt(sector(1), 8192); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a third block of two: %v", err)
	}
	write(t, f, 1<<19+512, sector(1)) // again in the second
}

func TestSlow(t *testing.T) {
	var slept time.Duration
	f := disk.With(newDisk(t, 1<<20, disk.Options{}), disk.Slow(disk.Speed{
		Latency: time.Millisecond, Rate: 1 << 20, Sleep: func(d time.Duration) { slept += d },
	}))
	write(t, f, 0, make([]byte, 1<<19))
	f.Sync()
	f.ReadAt(make([]byte, 1<<19), 0)
	if want := 3*time.Millisecond + time.Second; slept != want {
		t.Errorf("1 MiB at 1 MiB/s and three requests of 1ms took %v, want %v", slept, want)
	}
}

func TestSwitch(t *testing.T) {
	var s disk.Switch
	d := newDisk(t, 4096, disk.Options{})
	f := disk.With(d, s.Fault)
	s.OffAfter(2)
	write(t, f, 0, sector('a'))
	if err := f.Sync(); err != nil || !s.IsOff() {
		t.Errorf("the second request: %v", err)
	}
	_, err := f.WriteAt(sector('b'), 0)
	_, err2 := f.ReadAt(sector('b'), 0)
	for _, err := range []error{err, err2, f.Sync()} {
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("without power: %v", err)
		}
	}
	s.On()
	if content(t, f)[0] != 'a' {
		t.Error("a write without power reached the disk")
	}
}

func TestFaultsByName(t *testing.T) {
	host := hypercall.Host{Block: hypercall.Files(map[string]hypercall.File{
		"good": newDisk(t, 4096, disk.Options{}), "bad": newDisk(t, 4096, disk.Options{}),
	})}
	host = hypercall.Wrap(host, disk.Faults("bad", disk.BadSectors(0, 512)))
	for name, want := range map[string]error{"good": nil, "bad": syscall.EIO} {
		f, err := host.Block.Open(name, hypercall.Read|hypercall.Write)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(sector(1), 0); !errors.Is(err, want) {
			t.Errorf("a write to the %s disk: %v", name, err)
		}
	}
}
