package hypercall

import "time"

// A Scheduler decides when the threads of kernels run, and what time it is
// meanwhile. A kernel whose host has one has no threads of its own: it is a
// [Machine], and runs when it is told to. The goroutines that call on it wait
// by the scheduler, too, and so nothing runs but one thread of one kernel or
// one goroutine at a time: the one whose turn it is.
//
// The scheduler's methods are called by whose turn it is: a goroutine that Go
// started, or the one that the scheduler was made for. [Wait.Wake] may be
// called by a machine's Run as well.
type Scheduler interface {
	// The time. A kernel that runs beside is told of its steps.
	StepClock

	// Seat is a place for a machine. The name is for people.
	Seat(name string) (Seat, error)
	// Join gives a machine turns.
	Join(s Seat, m Machine)
	// Leave takes a machine's turns away, if it has any, and its seat.
	Leave(s Seat)

	// Pause is a moment at which the calling goroutine's turn may end, though
	// it has nothing to wait for.
	Pause()
	// Sleep lets time pass for the calling goroutine.
	Sleep(d time.Duration)
	// AfterFunc has f called after d, by whose turn it is then. f may not
	// wait. Stop reports whether it prevented that.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
	// Go starts a goroutine that has turns.
	Go(name string, f func())
	// Beside has the calling goroutine wait for f, which may wait for what
	// knows nothing of the scheduler, such as a kernel that has threads of its
	// own. f is called on a goroutine that has no turn. Where the goroutine
	// must end while it waits, f goes on.
	Beside(f func())
	// Later has f called by whose turn it is then. It is for what runs beside,
	// and may be called by any goroutine. f may not wait.
	Later(f func())
	// NewWait is something that the calling goroutine can wait for. What it
	// is is asked for when nothing moves any more.
	NewWait(what func() string) Wait
}

// A Wait is something that one goroutine waits for, once.
type Wait interface {
	// Wait gives the turn away and returns true after Wake. It returns false
	// when cancel is closed before, and may then be called again.
	Wait(cancel <-chan struct{}) bool
	// Wake ends the wait, also one that has not begun.
	Wake()
}

// A Seat is what a scheduler gives a machine, and how it knows it.
type Seat struct {
	ID      int
	Seed    uint64        // of what the machine draws by itself
	Preempt float64       // how likely a thread's turn ends where it need not, from 0 to 1
	Address uintptr       // of SeatSize bytes of address space for the machine alone
	Epoch   time.Time     // the time of day when the scheduler's time began
	Elapsed time.Duration // since then
}

// SeatSize is the room for addresses that a machine has. Machines with the
// same seat have the same addresses, in every run.
const SeatSize = 16 << 30

// A Machine is a kernel whose threads run when they are told to. Times are
// those since the scheduler's time began.
type Machine interface {
	// Ready reports whether a thread could run now.
	Ready() bool
	// Run gives at most n ready threads a turn each, one after the other.
	Run(n int)
	// Next is when the next thread will be ready by the clock, if none is
	// before.
	Next() (at time.Duration, ok bool)
	// SetTime moves the machine's time.
	SetTime(now time.Duration)
	// Trace is a hash over all that the machine did.
	Trace() uint64
	// Waiting is what the machine's own threads wait for, for people.
	Waiting() []string
}
