//go:build linux && (amd64 || arm64)

package sentry

import (
	"time"

	sentrytime "gvisor.dev/gvisor/pkg/sentry/time"
)

// A Clock is where a kernel takes its time from. Its methods are called by
// many goroutines at a time and must be fast: every clock_gettime and every
// packet asks.
type Clock interface {
	// Now is the wall clock.
	Now() time.Time
	// Monotonic is the time since some fixed moment. It never goes back.
	Monotonic() time.Duration
}

// hostClock is the clock of this machine.
type hostClock struct{ start time.Time }

func newHostClock() hostClock { return hostClock{time.Now()} }

func (hostClock) Now() time.Time             { return time.Now() }
func (c hostClock) Monotonic() time.Duration { return time.Since(c.start) }

// clocks is a Clock as gVisor wants it.
type clocks struct{ c Clock }

func (c clocks) GetTime(id sentrytime.ClockID) (int64, error) {
	if id == sentrytime.Realtime {
		return c.c.Now().UnixNano(), nil
	}
	return c.c.Monotonic().Nanoseconds(), nil
}

// Update has no parameters for a vDSO: there is no code that would use it.
func (clocks) Update(bool) sentrytime.UpdateResult { return sentrytime.UpdateResult{} }

func (clocks) MonotonicRawEnabled() bool { return false }
