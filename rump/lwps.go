//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anykernel/anykernel/hypercall/rumpuser"
)

// lwps is the LWPs of a process: as many as it ever had calls at a time. The
// one that was used last is used next, because the kernel's virtual CPU
// remembers it.
type lwps struct {
	host  *rumpuser.Kernel
	pid   int
	guest *rumpuser.Guest     // nil: the process's memory is here
	hot   atomic.Pointer[LWP] // taken and given without the lock

	mu     sync.Mutex
	idle   []*LWP
	all    []*LWP
	closed atomic.Bool
}

func (l *lwps) init(host *rumpuser.Kernel, pid int) { l.host, l.pid = host, pid }

// take is an LWP that nobody uses.
func (l *lwps) take() (*LWP, error) {
	if t := l.hot.Swap(nil); t != nil {
		return t, nil
	}
	return l.takeSlowly()
}

func (l *lwps) takeSlowly() (*LWP, error) {
	l.mu.Lock()
	if l.closed.Load() {
		l.mu.Unlock()
		return nil, l.gone()
	}
	if n := len(l.idle); n > 0 {
		t := l.idle[n-1]
		l.idle = l.idle[:n-1]
		l.mu.Unlock()
		return t, nil
	}
	t, err := l.host.NewThread()
	if err == nil {
		if l.guest != nil {
			t.SetGuest(l.guest)
		}
		l.all = append(l.all, t)
	}
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if errno, err := t.NewLWP(l.pid); err != nil || errno != 0 {
		l.mu.Lock()
		l.idle = append(l.idle, t) // counted, and freed with the others
		l.closed.Store(true)       // nobody may use it
		l.mu.Unlock()
		if err == nil {
			err = fmt.Errorf("a new LWP of process %d: error %d", l.pid, errno)
		}
		return nil, err
	}
	return t, nil
}

// gone says why there are no LWPs any more.
func (l *lwps) gone() error {
	select {
	case <-l.host.Ended():
		return rumpuser.ErrEnded
	default:
		return ErrExited
	}
}

// adopt adds an LWP that was made elsewhere.
func (l *lwps) adopt(t *LWP) {
	l.mu.Lock()
	l.all = append(l.all, t)
	l.mu.Unlock()
	l.give(t)
}

// give takes back an LWP.
func (l *lwps) give(t *LWP) {
	if !l.closed.Load() && l.hot.CompareAndSwap(nil, t) {
		return
	}
	l.mu.Lock()
	l.idle = append(l.idle, t)
	l.mu.Unlock()
}

// close makes every later take fail, until open.
func (l *lwps) close() { l.closed.Store(true) }

func (l *lwps) open() { l.closed.Store(false) }

// reduce releases all LWPs but one, which it returns. None is in use.
func (l *lwps) reduce(release func(*LWP) error) (*LWP, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.idle) > 1 {
		t := l.idle[len(l.idle)-1]
		if err := release(t); err != nil {
			return nil, err
		}
		l.idle = l.idle[:len(l.idle)-1]
		l.all = slices.DeleteFunc(l.all, func(o *LWP) bool { return o == t })
		t.Free()
	}
	return l.idle[0], nil
}

// interrupt ends the sleeps of calls in flight.
func (l *lwps) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.all {
		t.Interrupt()
	}
}

// wait waits until every LWP was given back, false where the deadline passed
// before. The zero deadline never passes.
func (l *lwps) wait(deadline time.Time) bool {
	for pause := 10 * time.Microsecond; ; pause = min(2*pause, 5*time.Millisecond) {
		if l.quiet() {
			return true
		}
		if !deadline.IsZero() && l.host.Now().After(deadline) {
			return false
		}
		l.host.Sleep(pause)
	}
}

func (l *lwps) quiet() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.hot.Swap(nil); t != nil {
		l.idle = append(l.idle, t)
	}
	lost := 0
	for _, t := range l.all {
		if t.Lost() {
			lost++
		}
	}
	return len(l.idle)+lost == len(l.all)
}

// free gives back what the LWPs had on this side. None is in use.
func (l *lwps) free() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.all {
		t.Free()
	}
	l.all, l.idle = nil, nil
}
