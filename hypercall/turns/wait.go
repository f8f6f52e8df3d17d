package turns

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/anykernel/anykernel/hypercall"
)

// A wait is a hypercall.Wait.
type wait struct {
	s      *Scheduler
	what   func() string
	task   *task // who waits
	cancel <-chan struct{}
	woken  bool
}

// NewWait implements hypercall.Scheduler.
func (s *Scheduler) NewWait(what func() string) hypercall.Wait { return &wait{s: s, what: what} }

// Wait implements hypercall.Wait.
func (x *wait) Wait(cancel <-chan struct{}) bool {
	s := x.s
	if x.woken {
		return true
	}
	if closed(cancel) {
		return false
	}
	t := s.current()
	x.task = t
	if cancel != nil {
		x.cancel = cancel
		s.waits = append(s.waits, x)
	}
	s.park(t, x)
	x.task = nil
	s.forget(x)
	return x.woken
}

// Wake implements hypercall.Wait.
func (x *wait) Wake() {
	x.woken = true
	if t := x.task; t != nil && t.wait == x {
		x.s.wake(t)
	}
}

func (s *Scheduler) forget(x *wait) {
	if x.cancel != nil {
		x.cancel = nil
		s.waits = slices.DeleteFunc(s.waits, func(y *wait) bool { return y == x })
	}
}

// cancelWaits makes those ready whose wait was cancelled.
func (s *Scheduler) cancelWaits() {
	for _, x := range s.waits {
		if closed(x.cancel) && x.task.wait == x {
			s.wake(x.task)
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// current is the task whose turn it is.
func (s *Scheduler) current() *task {
	if s.turn == nil {
		panic("turns: a wait in a function that an event or a kernel called")
	}
	return s.turn
}

// pauses is how many pauses there are to one that ends a turn.
const pauses = 8

// Pause implements hypercall.Scheduler.
func (s *Scheduler) Pause() {
	if s.turn != nil && s.turns.IntN(pauses) == 0 {
		s.ready = append(s.ready, s.turn)
		s.park(s.turn, nil)
	}
}

// Sleep lets time pass.
func (s *Scheduler) Sleep(d time.Duration) {
	until := s.now + d
	x := &wait{s: s, what: func() string { return fmt.Sprintf("time %v", until) }}
	s.AfterFunc(d, x.Wake)
	x.Wait(nil)
}

// WithTimeout is a context that ends after d, by the world's clock. Its
// deadline is one of the world's, too, see Scheduler.Now.
func (s *Scheduler) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	stop := s.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return ctx, func() {
		stop()
		cancel(context.Canceled)
	}
}
