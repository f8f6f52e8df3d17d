//go:build amd64 || arm64

package host

import (
	"math"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A block is what a Go caller and an LWP share: a request, its answer, and
// the word that says whose turn it is. It lies at the bottom of the LWP's
// slot. The assembly knows the offsets.
//
// Only one caller at a time uses an LWP; whoever holds it is its owner.
type block struct {
	state  uint32 // of the LWP; a futex. See stateDead
	origin uint32 // how a child is to be born; see bornThread
	num    uintptr
	args   [6]uintptr
	answer uintptr // what the kernel left in the register of results
	// child is the block of the LWP that this call makes, 0 for any other
	// call. The new LWP returns from the same system call as its maker does
	// and finds its block here.
	child uintptr
	ppid  uint32 // who must be the parent of a process that was just born
	pidfd int32  // where CLONE_PIDFD puts its result
	// noAction is a struct sigaction that is zero: SIG_DFL.
	noAction [4]uint64
}

// The states of an LWP. A caller moves it from idle or parked to posted, the
// LWP from posted or waited to idle. Each moves it to parked or waited before
// it sleeps on the word, so that the other knows to wake it.
//
// The kernel writes stateDead, and wakes a sleeper, when the LWP is gone from
// our memory, because it ended, was killed, or became another program: the
// word is its CLONE_CHILD_CLEARTID address. So a caller needs to watch this
// one word only, and a slot may be used again once its word is zero. Nothing
// but a compare-and-swap may be used to post a call, lest it hide a death.
const (
	stateDead   = 0
	stateIdle   = 1
	stateParked = 2 // the LWP sleeps until it is posted
	statePosted = 3
	stateWaited = 4 // posted, and the caller sleeps until it is done
)

// How an LWP is born.
const (
	bornThread  = 0 // into its maker's process
	bornProcess = 1 // as a child: it ties its life to its parent's
	bornReset   = 2 // as a child of this program: it also forgets Go's signal handlers
)

// An lwp is a thread of the kernel that executes the loop. Go's runtime does
// not know it: it has no g, no thread-local storage of its own, and it never
// runs Go code.
type lwp struct {
	*block
	tid   int    // as its process sees it
	leads bool   // it is the leader of its team
	spent bool   // a signal was sent to it: it is not used after its call
	gen   uint64 // which of its team's attributes it has
}

const (
	futexWait = 0
	futexWake = 1
)

// slotSize holds a block, and behind it the stack, which is used by the
// kernel only, for the frame of the one signal that an LWP handles. The
// largest frame of x86-64 so far, with AMX, is 11 KiB.
const slotSize = 32 << 10

// spins bounds how long a caller looks for an answer before it sleeps. It is
// somewhat longer than the loop takes to see and make a short call.
const spins = 400

// load reads the state.
func (b *block) load() uint32 { return atomic.LoadUint32(&b.state) }

// post hands a call to the LWP. It is false where the LWP is dead.
func (b *block) post(num uintptr, args *[6]uintptr) bool {
	b.num, b.args = num, *args
	for {
		s := b.load()
		if s == stateDead {
			return false
		}
		if atomic.CompareAndSwapUint32(&b.state, s, statePosted) {
			if s == stateParked {
				b.futex(futexWake, 1)
			}
			return true
		}
	}
}

// busy reports whether the LWP has a call to make or to finish.
func (b *block) busy() bool { return b.load() >= statePosted }

// spin waits a little for the LWP and reports whether it still is busy.
func (b *block) spin() bool {
	for range spins {
		if !b.busy() {
			return false
		}
	}
	return b.busy()
}

// wait sleeps until the LWP is not busy any more. It is called without a
// P's worth of hurry: the goroutine blocks its thread.
func (b *block) wait() {
	for {
		switch b.load() {
		case statePosted:
			atomic.CompareAndSwapUint32(&b.state, statePosted, stateWaited)
		case stateWaited:
			b.futex(futexWait, stateWaited)
		default:
			return
		}
	}
}

// result is the answer to the call that is over; alive is false where the LWP
// died of it or before.
func (b *block) result() (r uintptr, alive bool) { return b.answer, b.load() != stateDead }

// do makes a call that is known not to block, or not for long.
func (b *block) do(num uintptr, args ...uintptr) (r uintptr, alive bool) {
	var a [6]uintptr
	copy(a[:], args)
	if !b.post(num, &a) {
		return 0, false
	}
	if b.spin() {
		b.wait()
	}
	return b.result()
}

// bury marks an LWP dead that is known to be, for the case that the kernel did
// not: it leaves the word alone where a process dumps core.
func (b *block) bury() {
	atomic.StoreUint32(&b.state, stateDead)
	b.futex(futexWake, math.MaxInt32)
}

// futex is without FUTEX_PRIVATE_FLAG, because the kernel's own wake at an
// LWP's death is, and the two kinds do not meet.
func (b *block) futex(op int, val uintptr) {
	p := unsafe.Pointer(&b.state)
	if op == futexWake {
		_, _, _ = syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(p), uintptr(op), val, 0, 0, 0)
	} else {
		_, _, _ = syscall.Syscall6(unix.SYS_FUTEX, uintptr(p), uintptr(op), val, 0, 0, 0)
	}
}

// failed reports whether a result is an error number, and which.
func failed(r uintptr) (syscall.Errno, bool) {
	if r > ^uintptr(4095) {
		return syscall.Errno(-r), true
	}
	return 0, false
}

// The assembly.

// loopClone makes an LWP in this process whose maker is the calling thread.
func loopClone(flags, stack uintptr, b *block) uintptr

// handlerAddr and restorerAddr are where the handler of the signal that
// interrupts starts, and the code that it returns to.
func handlerAddr() uintptr
func restorerAddr() uintptr
