//go:build linux && (amd64 || arm64)

package sentry

import (
	"container/heap"
	"math"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"

	"github.com/anykernel/anykernel/hypercall"
)

// A netClock is the clock of a kernel's network stack: its time, and all of
// its timers on one timer of the host. An idle stack has no timer, and none
// outlives the kernel.
type netClock struct {
	c     hypercall.Clock
	guard func(func()) // runs a timer's function; see Kernel.guard

	mu     sync.Mutex
	timers timerHeap
	host   *time.Timer   // fires for the first of timers
	armed  time.Duration // when; math.MaxInt64 for never
	closed bool
}

const never = time.Duration(math.MaxInt64)

func newNetClock(c hypercall.Clock, guard func(func())) *netClock {
	n := &netClock{c: c, guard: guard, armed: never}
	n.host = time.AfterFunc(never, n.fire)
	n.host.Stop()
	return n
}

func (n *netClock) Now() time.Time { return n.c.Now() }

func (n *netClock) NowMonotonic() tcpip.MonotonicTime {
	return tcpip.MonotonicTime{}.Add(n.c.Monotonic())
}

// AfterFunc is a timer of the stack. f runs on a goroutine of its own.
func (n *netClock) AfterFunc(d time.Duration, f func()) tcpip.Timer {
	t := &netTimer{clock: n, f: f, index: -1}
	t.Reset(d)
	return t
}

// arm sets the host's timer for the first of the stack's. n.mu is held.
func (n *netClock) arm() {
	first := never
	if len(n.timers) > 0 {
		first = n.timers[0].at
	}
	// A timer that is armed too early costs one look; stopping and starting
	// it for every segment would cost more.
	if first >= n.armed {
		return
	}
	n.armed = first
	n.host.Reset(first - n.c.Monotonic())
}

// fire runs what is due.
func (n *netClock) fire() {
	now := n.c.Monotonic()
	n.mu.Lock()
	var due []func()
	for len(n.timers) > 0 {
		t := n.timers[0]
		if t.at > now {
			break
		}
		heap.Pop(&n.timers)
		due = append(due, t.f)
	}
	n.armed = never
	n.arm()
	n.mu.Unlock()
	for _, f := range due {
		go n.guard(f)
	}
}

// next is what is left until the first timer; false where none is set.
func (n *netClock) next() (time.Duration, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.timers) == 0 {
		return 0, false
	}
	return n.timers[0].at - n.c.Monotonic(), true
}

// close stops every timer for ever.
func (n *netClock) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.host.Stop()
	for _, t := range n.timers {
		t.index = -1
	}
	n.timers = nil
}

// A netTimer is a tcpip.Timer.
type netTimer struct {
	clock *netClock
	f     func()
	at    time.Duration
	index int // in clock.timers; -1 where it is not set
}

func (t *netTimer) Stop() bool {
	n := t.clock
	n.mu.Lock()
	defer n.mu.Unlock()
	if t.index < 0 {
		return false
	}
	heap.Remove(&n.timers, t.index)
	return true
}

func (t *netTimer) Reset(d time.Duration) {
	n := t.clock
	now := n.c.Monotonic()
	at := now + min(d, never-1-now)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	t.at = at
	if t.index < 0 {
		heap.Push(&n.timers, t)
	} else {
		heap.Fix(&n.timers, t.index)
	}
	n.arm()
}

// timerHeap is a container/heap by time.
type timerHeap []*netTimer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at < h[j].at }

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*netTimer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
