package hypercall

import (
	"sync"
	"sync/atomic"
	"time"
)

// A StepClock is a Clock whose time moves in steps that somebody else decides
// on. A kernel asks to be told of them, because nothing else would wake who
// sleeps in it.
type StepClock interface {
	Clock
	// OnStep has f called after every step, until cancel is called. f has
	// returned when the step is over.
	OnStep(f func()) (cancel func())
}

// A VirtualClock is a time that stands still until it is moved. It may be
// shared by several kernels. All methods are safe for concurrent use.
type VirtualClock struct {
	start   time.Time
	elapsed atomic.Int64 // ns

	mu    sync.Mutex
	subs  map[int]func()
	count int
}

var _ StepClock = (*VirtualClock)(nil)

// NewVirtualClock is a clock that stands at start.
func NewVirtualClock(start time.Time) *VirtualClock {
	return &VirtualClock{start: start, subs: map[int]func(){}}
}

// Now is the wall clock.
func (c *VirtualClock) Now() time.Time { return c.start.Add(c.Monotonic()) }

// Monotonic is what the clock has been moved by.
func (c *VirtualClock) Monotonic() time.Duration { return time.Duration(c.elapsed.Load()) }

// Advance moves the clock. When it returns, everything that was due by then
// has been woken, though it may not have run yet. A negative d is 0.
func (c *VirtualClock) Advance(d time.Duration) {
	c.elapsed.Add(int64(max(0, d)))
	c.mu.Lock()
	var subs []func()
	for _, f := range c.subs {
		subs = append(subs, f)
	}
	c.mu.Unlock()
	for _, f := range subs {
		f()
	}
}

// OnStep has f called after every Advance.
func (c *VirtualClock) OnStep(f func()) (cancel func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.count
	c.count++
	c.subs[n] = f
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.subs, n)
	}
}
