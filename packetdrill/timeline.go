package packetdrill

import (
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/sys"
)

// A timeline is the time of a script, from its start.
type timeline interface {
	now() time.Duration
	// step moves on to the next moment at which the kernel does something by
	// itself, or to t where that is earlier. It does not move backwards.
	step(t time.Duration)
	// patience is how long to wait, in real time, for what is due now.
	patience() time.Duration
	// quiet is how long nothing happens, in real time, where nothing will.
	quiet() time.Duration
	tolerance() time.Duration
}

// A timed kernel knows when it will do something by itself.
type timed interface {
	NextTimer() (time.Duration, bool)
}

// virtual is a time that stands still but for steps.
type virtual struct {
	clock  *hypercall.VirtualClock
	kernel timed
	start  time.Duration
	stuck  int // steps in which time did not move
}

func (v *virtual) now() time.Duration { return v.clock.Monotonic() - v.start }

// maxStuck is how often a timer may be due that does not go off.
const maxStuck = 100

func (v *virtual) step(t time.Duration) {
	left := t - v.now()
	if left <= 0 {
		return
	}
	next, ok := v.kernel.NextTimer()
	if ok && next < left && v.stuck < maxStuck {
		if next == 0 {
			v.stuck++
		} else {
			v.stuck = 0
		}
		left = next
	} else {
		v.stuck = 0
	}
	v.clock.Advance(left)
}

func (v *virtual) patience() time.Duration  { return time.Second }
func (v *virtual) quiet() time.Duration     { return 2 * time.Millisecond }
func (v *virtual) tolerance() time.Duration { return 4 * time.Millisecond }

// real is this machine's time.
type real struct{ start time.Time }

func (r *real) now() time.Duration { return time.Since(r.start) }

// step sleeps for a short time only, so that whoever waits sees what happens.
func (r *real) step(t time.Duration) {
	time.Sleep(min(t-r.now(), 2*time.Millisecond))
}

func (r *real) patience() time.Duration  { return 0 }
func (r *real) quiet() time.Duration     { return time.Millisecond }
func (r *real) tolerance() time.Duration { return 25 * time.Millisecond }

// epoch is when scripts in virtual time begin.
var epoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// canStep reports whether kernels of a backend run by a clock that is moved.
func canStep(k *sys.Kernel) (timed, bool) {
	t, ok := backends.Unhooked(k.Raw()).(timed)
	return t, ok
}
