package packetdrill

import (
	"time"

	"github.com/anykernel/anykernel/hypercall/turns"
	"github.com/anykernel/anykernel/sys"
)

// epoch is when scripts begin.
var epoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// moment is how much time passes where a script waits for what happens now: time
// moves when all that was to happen has happened.
const moment = time.Nanosecond

// A stage is where a script and its kernel run: a world, whose time moves when
// both wait. All is called by whose turn it is.
type stage struct {
	*turns.Scheduler
	start  time.Duration // of the script
	awaken func()        // who waits for something to happen; nil: nobody
}

// now is the script's time.
func (s *stage) now() time.Duration { return s.Monotonic() - s.start }

// begin makes this moment the script's start.
func (s *stage) begin() { s.start = s.Monotonic() }

// until waits until a time of the script.
func (s *stage) until(t time.Duration) {
	if d := t - s.now(); d > 0 {
		s.Sleep(d)
	}
}

// settle waits for what happens now.
func (s *stage) settle() { s.Sleep(moment) }

// happened wakes who waits for it.
func (s *stage) happened() {
	if s.awaken != nil {
		s.awaken()
	}
}

// await waits until something is so, at most until a time of the script, and
// reports whether it is.
func (s *stage) await(deadline time.Duration, what string, is func() bool) bool {
	for !is() {
		left := deadline - s.now()
		if left < 0 {
			return false
		}
		x := s.NewWait(func() string { return what })
		s.awaken = x.Wake
		stop := s.AfterFunc(left+moment, x.Wake)
		x.Wait(nil)
		stop()
		s.awaken = nil
	}
	return true
}

// tolerance is how exact a kernel's time is. NetBSD's has ticks of 10 ms.
func tolerance(k *sys.Kernel) time.Duration {
	if k.ABI().OS == "linux" {
		return 4 * time.Millisecond
	}
	return 25 * time.Millisecond
}
