package sys

import (
	"context"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
)

// errFileClosed is what ends the waiting for a file that is being closed.
var errFileClosed error = fs.ErrClosed

// A direction is what a goroutine waits to do with a descriptor.
type direction uint8

const (
	reading direction = iota
	writing
)

// A pollDesc is a descriptor that a poller watches, seen by those who wait for
// it: the events so far, and the deadlines.
//
// Events are counted. Who is about to try a call notes the count before, and
// waits for another count if the call found nothing to do: so an event
// between the two is not lost, and one event wakes all who wait.
type pollDesc struct {
	sched hypercall.Scheduler // of the kernel; nil: Go
	mu    sync.Mutex
	err   error // why nobody can wait any more
	sides [2]pollSide
}

type pollSide struct {
	events uint64
	// Those who wait with a context do so for changed, which is closed to wake
	// them and nil if there are none; the others for cond, which needs no
	// memory each time.
	changed chan struct{}
	cond    sync.Cond
	waits   []hypercall.Wait // of those who wait by the kernel's scheduler
	expired bool             // the deadline has passed
	timer   *deadlineTimer   // nil if there is none
}

func newPollDesc(s hypercall.Scheduler) *pollDesc {
	d := &pollDesc{sched: s}
	for i := range d.sides {
		d.sides[i].cond.L = &d.mu
	}
	return d
}

// ready counts an event.
func (d *pollDesc) ready(read, write bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for dir, is := range [2]bool{reading: read, writing: write} {
		if is {
			d.sides[dir].events++
			d.sides[dir].wake()
		}
	}
}

// fail ends all waiting for good. Only the first reason is kept.
func (d *pollDesc) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return
	}
	d.err = err
	for i := range d.sides {
		d.sides[i].wake()
		d.sides[i].setDeadline(d, time.Time{})
	}
}

func (s *pollSide) wake() {
	s.cond.Broadcast()
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
	for _, w := range s.waits {
		w.Wake()
	}
	s.waits = nil
}

// count is the events so far. The error says why a call need not be tried.
func (d *pollDesc) count(dir direction) (uint64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &d.sides[dir]
	return s.events, d.fault(s)
}

func (d *pollDesc) fault(s *pollSide) error {
	if d.err == nil && s.expired {
		return os.ErrDeadlineExceeded
	}
	return d.err
}

// wait waits until there have been other events than seen, the deadline has
// passed, the context has ended ([backends.ErrInterrupted]), or nothing can be
// waited for any more.
func (d *pollDesc) wait(ctx context.Context, dir direction, seen uint64) error {
	var end <-chan struct{}
	if ctx != nil {
		end = ctx.Done()
	}
	s := &d.sides[dir]
	d.mu.Lock()
	defer d.mu.Unlock()
	for s.events == seen && d.fault(s) == nil {
		if d.sched != nil {
			if !d.waitTurn(s, end) {
				return backends.ErrInterrupted
			}
			continue
		}
		if end == nil {
			s.cond.Wait()
			continue
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		d.mu.Unlock()
		select {
		case <-changed:
			d.mu.Lock()
		case <-end:
			d.mu.Lock()
			return backends.ErrInterrupted
		}
	}
	return d.fault(s)
}

// waitTurn waits by the kernel's scheduler. It is called with d.mu held and
// returns false where end ended the wait.
func (d *pollDesc) waitTurn(s *pollSide, end <-chan struct{}) bool {
	w := d.sched.NewWait(func() string { return "a descriptor to be ready" })
	s.waits = append(s.waits, w)
	d.mu.Unlock()
	defer d.mu.Lock()
	return w.Wait(end)
}

// A deadlineTimer is a timer of Go's, or of a kernel's scheduler.
type deadlineTimer struct{ stop func() bool }

func (d *pollDesc) now() time.Time {
	if d.sched != nil {
		return d.sched.Now()
	}
	return time.Now()
}

func (d *pollDesc) afterFunc(left time.Duration, f func()) func() bool {
	if d.sched != nil {
		return d.sched.AfterFunc(left, f)
	}
	return time.AfterFunc(left, f).Stop
}

// setDeadline sets the deadline of the directions; the zero time is none. It
// wakes those who wait where the deadline has passed.
func (d *pollDesc) setDeadline(t time.Time, dirs ...direction) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, dir := range dirs {
		d.sides[dir].setDeadline(d, t)
	}
	return d.err
}

// setDeadline is called with d.mu held.
func (s *pollSide) setDeadline(d *pollDesc, t time.Time) {
	if s.timer != nil {
		s.timer.stop()
		s.timer = nil
	}
	left := t.Sub(d.now())
	s.expired = !t.IsZero() && left <= 0
	if s.expired {
		s.wake()
	}
	if t.IsZero() || s.expired {
		return
	}
	timer := &deadlineTimer{}
	timer.stop = d.afterFunc(left, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if s.timer == timer { // it was not replaced meanwhile
			s.timer, s.expired = nil, true
			s.wake()
		}
	})
	s.timer = timer
}
