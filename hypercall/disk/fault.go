package disk

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/anykernel/anykernel/hypercall"
)

// A Fault is what is wrong with a device: it puts something before it.
type Fault func(hypercall.File) hypercall.File

// With is a device with faults. The first one sees a request first.
func With(f hypercall.File, faults ...Fault) hypercall.File {
	for i := len(faults) - 1; i >= 0; i-- {
		f = faults[i](f)
	}
	return f
}

// Faults is middleware that gives faults to what a kernel opens under a name.
// Each opening has them anew; what a fault counts begins again.
func Faults(name string, faults ...Fault) hypercall.Middleware {
	return func(h hypercall.Host) hypercall.Host {
		if h.Block == nil {
			h.Block = hypercall.POSIX().Block
		}
		h.Block = faulty{h.Block, name, faults}
		return h
	}
}

type faulty struct {
	hypercall.Block
	name   string
	faults []Fault
}

func (b faulty) Open(path string, mode hypercall.OpenMode) (hypercall.File, error) {
	f, err := b.Block.Open(path, mode)
	if err != nil || path != b.name {
		return f, err
	}
	return With(f, b.faults...), nil
}

// before is a device where something happens before each request: read, write
// or barrier. An error is the request's.
type before struct {
	hypercall.File
	read, write func(n int, off int64) error
	sync        func() error
}

func (b *before) ReadAt(p []byte, off int64) (int, error) {
	if b.read != nil {
		if err := b.read(len(p), off); err != nil {
			return 0, err
		}
	}
	return b.File.ReadAt(p, off)
}

func (b *before) WriteAt(p []byte, off int64) (int, error) {
	if b.write != nil {
		if err := b.write(len(p), off); err != nil {
			return 0, err
		}
	}
	return b.File.WriteAt(p, off)
}

func (b *before) Sync() error {
	if b.sync != nil {
		if err := b.sync(); err != nil {
			return err
		}
	}
	return b.File.Sync()
}

// Size is what the device below says, 0 where it does not.
func (b *before) Size() int64 {
	if s, ok := b.File.(hypercall.Sized); ok {
		return s.Size()
	}
	return 0
}

// BadSectors makes reads and writes that touch bytes from off up to off+n fail
// with EIO.
func BadSectors(off, n int64) Fault {
	touch := func(size int, at int64) error {
		if at < off+n && off < at+int64(size) {
			return fmt.Errorf("bad sector at %d: %w", max(at, off), syscall.EIO)
		}
		return nil
	}
	return func(f hypercall.File) hypercall.File { return &before{File: f, read: touch, write: touch} }
}

// Flaky makes reads and writes fail with EIO when fails says so: by chance,
// say, which in a simulated world is Scheduler.Fault of package turns.
func Flaky(fails func() bool) Fault {
	try := func(n int, off int64) error {
		if fails() {
			return fmt.Errorf("%d bytes at %d failed this time: %w", n, off, syscall.EIO)
		}
		return nil
	}
	return func(f hypercall.File) hypercall.File { return &before{File: f, read: try, write: try} }
}

// Lying makes a device that says that it has flushed what it was told to
// flush, and does not.
func Lying(f hypercall.File) hypercall.File { return &lying{before{File: f}} }

type lying struct{ before }

func (*lying) Sync() error { return nil }

// Full makes a device that was promised larger than it is, as thinly
// provisioned ones are: a write fails with ENOSPC when it would touch more
// than so many bytes in all, in blocks of 4 KiB.
func Full(capacity int64) Fault {
	return func(f hypercall.File) hypercall.File {
		var mu sync.Mutex
		blocks := map[int64]struct{}{}
		return &before{File: f, write: func(n int, off int64) error {
			mu.Lock()
			defer mu.Unlock()
			for i := off / pageSize; i*pageSize < off+int64(n); i++ {
				if _, ok := blocks[i]; ok {
					continue
				}
				if int64(len(blocks)+1)*pageSize > capacity {
					return fmt.Errorf("all %d bytes are taken: %w", capacity, syscall.ENOSPC)
				}
				blocks[i] = struct{}{}
			}
			return nil
		}}
	}
}

// A Speed is how fast a device is. The zero Speed costs nothing.
type Speed struct {
	// Latency is what each request takes, barriers too.
	Latency time.Duration
	// Rate is how many bytes go by in a second; 0 is any number.
	Rate int64
	// Sleep lets time pass; nil is time.Sleep.
	Sleep func(time.Duration)
}

// Slow makes requests take their time.
func Slow(s Speed) Fault {
	if s.Sleep == nil {
		s.Sleep = time.Sleep
	}
	wait := func(n int, _ int64) error {
		d := s.Latency
		if s.Rate > 0 {
			d += time.Duration(float64(n) / float64(s.Rate) * float64(time.Second))
		}
		s.Sleep(d)
		return nil
	}
	return func(f hypercall.File) hypercall.File {
		return &before{File: f, read: wait, write: wait, sync: func() error { return wait(0, 0) }}
	}
}

// A Switch is the power of a device. It is on at first. When it is off, every
// request fails with EIO, and nothing reaches the device. Its methods are safe
// for concurrent use.
type Switch struct {
	off   atomic.Bool
	timer atomic.Int64 // writes and barriers until it goes off by itself; 0 for never
}

// Off cuts the power.
func (s *Switch) Off() { s.off.Store(true) }

// On brings the power back.
func (s *Switch) On() { s.off.Store(false) }

// IsOff reports whether the power is off.
func (s *Switch) IsOff() bool { return s.off.Load() }

// OffAfter cuts the power after n more writes and barriers; n is at least 1.
func (s *Switch) OffAfter(n int) { s.timer.Store(int64(n)) }

// Fault is the switch as what it does to a device.
func (s *Switch) Fault(f hypercall.File) hypercall.File {
	live := func(int, int64) error {
		if s.off.Load() {
			return fmt.Errorf("the disk has no power: %w", syscall.EIO)
		}
		return nil
	}
	count := func(int, int64) error {
		err := live(0, 0)
		if err == nil && s.timer.Load() > 0 && s.timer.Add(-1) == 0 {
			s.Off() // after this one
		}
		return err
	}
	return &before{File: f, read: live, write: count, sync: func() error { return count(0, 0) }}
}
