//go:build linux && (amd64 || arm64)

package sentry

import (
	"bytes"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
)

// A world is a kernel's part in a world of package sim. gVisor's goroutines have
// no turns and run beside; the kernel's calls, frames and timers are the world's.
type world struct {
	k *Kernel
	s hypercall.Scheduler
}

// enterWorld makes a kernel part of its host's world, if there is one.
func (k *Kernel) enterWorld() error {
	s := k.cfg.Host.Scheduler
	if s == nil {
		return nil
	}
	seat, err := s.Seat(k.name)
	if err != nil {
		return err
	}
	k.world = &world{k, s}
	if k.host.Net != nil {
		k.host.Net = worldNet{k.host.Net, s}
	}
	s.Join(seat, k.world)
	k.onEnd(func() { s.Later(func() { s.Leave(seat) }) }) // it may end by itself
	return nil
}

// worldClock is a world's clock, and nothing else of the world: hooks would wait
// by the others.
type worldClock struct{ hypercall.StepClock }

// call makes a call for a goroutine of the world.
func (w *world) call(p *Process, c backends.Call) (r0, r1 uintptr, err error) {
	w.s.Beside(func() { r0, r1, err = p.callNow(c) })
	return r0, r1, err
}

var _ hypercall.Machine = (*world)(nil)

// Ready implements hypercall.Machine, as do those below: the kernel never waits
// for a turn.
func (w *world) Ready() bool { return false }

func (w *world) Run(int) {}

// Next is when its next timer is due.
func (w *world) Next() (time.Duration, bool) {
	left, ok := w.k.NextTimer()
	return w.s.Monotonic() + max(left, 1), ok // one that was missed is looked at again
}

// SetTime has nothing to do: the kernel's clock is a worldClock.
func (w *world) SetTime(time.Duration) {}

func (w *world) Trace() uint64 { return 0 } // its frames are in the network's

func (w *world) Waiting() []string { return nil }

// worldNet is a network whose frames are sent in turns.
type worldNet struct {
	hypercall.Net
	s hypercall.Scheduler
}

func (n worldNet) Attach(nic hypercall.NIC, receive func([]byte)) (hypercall.Link, error) {
	nic.Segments = nil // each frame has its turn
	l, err := n.Net.Attach(nic, receive)
	if err != nil {
		return nil, err
	}
	if a, ok := l.(hypercall.Addressed); ok {
		return worldAddressed{worldLink{l, n.s}, a}, nil
	}
	return worldLink{l, n.s}, nil
}

// worldAddressed is the end of a cable that decides on the address.
type worldAddressed struct {
	worldLink
	hypercall.Addressed
}

// worldLink is the end of a cable.
type worldLink struct {
	hypercall.Link
	s hypercall.Scheduler
}

// Send has the frame sent by whose turn it is next.

func (l worldLink) Send(frame []byte) {
	frame = bytes.Clone(frame)
	l.s.Later(func() { l.Link.Send(frame) })
}
