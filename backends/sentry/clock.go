//go:build linux && (amd64 || arm64)

package sentry

import (
	"time"

	sentrytime "gvisor.dev/gvisor/pkg/sentry/time"

	"github.com/anykernel/anykernel/hypercall"
)

// hostClock is the clock of this machine.
type hostClock struct{ start time.Time }

func newHostClock() hostClock { return hostClock{time.Now()} }

func (hostClock) Now() time.Time             { return time.Now() }
func (c hostClock) Monotonic() time.Duration { return time.Since(c.start) }

// clocks is a clock as gVisor wants it.
type clocks struct{ c hypercall.Clock }

func (c clocks) GetTime(id sentrytime.ClockID) (int64, error) {
	if id == sentrytime.Realtime {
		return c.c.Now().UnixNano(), nil
	}
	return c.c.Monotonic().Nanoseconds(), nil
}

// Update has no parameters for a vDSO: there is no code that would use it.
func (clocks) Update(bool) sentrytime.UpdateResult { return sentrytime.UpdateResult{} }

func (clocks) MonotonicRawEnabled() bool { return false }
