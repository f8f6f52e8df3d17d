//go:build linux && (amd64 || arm64)

package sentry

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/goid"
	"gvisor.dev/gvisor/pkg/hostarch"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/mm"
	"gvisor.dev/gvisor/pkg/sentry/platform"

	"github.com/anykernel/anykernel/backends"
)

// A task is a thread inside the kernel: gVisor's task and the platform context
// that belongs to it.
//
// It has two possible drivers: the task's own goroutine, which runs gVisor's
// loop (signals, stops, exit, and calls that need the loop), and a caller's
// goroutine, which runs one call while the first is parked. state says who
// drives; everything of gVisor's task is touched by the driver alone.
type task struct {
	k *Kernel
	p *Process
	t *kernel.Task

	state       atomic.Uint32           // one of parked, taken, looping, ended
	interrupted atomic.Bool             // the loop has something to look at
	request     atomic.Pointer[request] // for the loop
	wake        chan struct{}           // tells the parked goroutine to look; capacity 1
	done        chan uintptr            // the result of a request: a value or -errno; capacity 1
	ready       chan struct{}           // closed when the task parks for the first time
	exited      chan struct{}           // closed when the task has ended
	abandoned   atomic.Bool             // its goroutine is gone, see loop
	broken      atomic.Bool             // its driver panicked

	// Of the loop alone:
	ours   bool                   // the goroutine is of this package, see adopt
	mm     platform.MemoryManager // the address space that was opened up last
	busy   bool                   // a request is being executed
	answer uintptr                // its result, where have
	have   bool
	fresh  bool // it has not parked yet

	// Of whoever holds the task:
	born  uint32 // Process.stale when it was cloned
	execs uint32 // Process.execs then

	// Of the driver:
	cancel watch
}

const (
	looping uint32 = iota // the task's goroutine drives
	parked                // nobody drives: a caller may take the task
	taken                 // a caller drives
	ended                 // the task is gone
)

// A request is a call for the loop.
type request struct {
	nr   uintptr
	args arch.SyscallArguments
	call backends.Call // keeps the memory alive

	// The outcome of a call that a caller ran and that needs the loop to be
	// completed: restarted, or given up for a signal.
	ran  bool
	rval uintptr
	ctrl *kernel.SyscallControl
	err  error
}

// parkCall is the number of a call that no kernel has. Every task sits in it
// between calls. (A task in a call is in the state that gVisor expects of
// whoever runs one.)
const parkCall = 1999

// Switch is gVisor's "run user code until the next call or event". It is where
// the loop passes after every call. Here it looks for what to do next.
func (c *task) Switch(ctx context.Context, m platform.MemoryManager, ac *arch.Context64, _ int32) (*linux.SignalInfo, hostarch.AccessType, error) {
	if !c.ours {
		c.adopt()
	}
	if c.k.isDead() {
		runtime.Goexit()
	}
	if m != c.mm { // the first time, and after execve
		if err := c.enter(m, ac); err != nil {
			c.k.panicked(err, nil)
			runtime.Goexit()
		}
	}
	win := c.k.platform.win
	switch ac.IP() {
	case win.userCode(): // the kernel backed up to restart a call
		if !c.cancel.fired() {
			ac.SetIP(win.afterCall())
			setRestart(ac)
			return nil, hostarch.NoAccess, nil
		}
		ac.SetIP(win.afterCall())
		c.finish(errnoResult(uintptr(unix.EINTR)))
	case win.afterCall():
		c.finish(ac.Return())
	default: // at the start of a signal's handler: it returns at once
		dropFrame(ac)
		ac.SetIP(win.afterCall())
		setNumber(ac, unix.SYS_RT_SIGRETURN)
		return nil, hostarch.NoAccess, nil
	}
	q := c.request.Swap(nil)
	if q == nil {
		if !c.watched() {
			setNumber(ac, parkCall) // continued in park
			return nil, hostarch.NoAccess, nil
		}
		// Filters and tracers may not see parkCall: wait here.
		if q = c.await(); q == nil {
			return nil, hostarch.NoAccess, platform.ErrContextInterrupt
		}
	}
	c.start(q, ac)
	return nil, hostarch.NoAccess, nil
}

// gVisor runs a task's loop on a goroutine that it starts itself, where a panic
// would end the program. The first Switch moves the loop to one that ends only
// the kernel. Nothing is half done there: a loop that begins anew comes to the
// same place.

// adopt moves the loop and does not return.
func (c *task) adopt() {
	c.ours = true
	leaveState(c.t, kernel.TaskGoroutineRunningApp)
	go c.loop()
	runtime.Goexit()
}

// loop runs the loop. Where it ends before the task does, because of a panic
// here or elsewhere in the kernel, none of the kernel's locks may be trusted:
// the task stays as it is.
func (c *task) loop() {
	ok := false
	defer func() {
		if !ok {
			c.abandoned.Store(true)
			c.k.panicked(recover(), debug.Stack())
		}
	}()
	runLoop(c.t, 0)
	ok = true
}

// enter prepares the address space m and points the task at its "code".
func (c *task) enter(m platform.MemoryManager, ac *arch.Context64) error {
	if err := c.openUp(m); err != nil {
		return err
	}
	c.mm = m
	if c.busy { // execve: it returns nothing to the old image; here it returns 0
		ac.SetReturn(0)
	}
	ac.SetIP(c.k.platform.win.afterCall())
	return nil
}

// openUp lets the address space reach what calls bring.
func (c *task) openUp(m platform.MemoryManager) error {
	if !c.k.cfg.Guests {
		return c.k.platform.openUp(c.t, m)
	}
	p := c.p
	if p.space == m || p.arena == nil {
		return nil
	}
	p.space = m
	return p.arena.mapInto(c.t, m.(*mm.MemoryManager), c.k.platform.win)
}

// park is parkCall.
func park(t *kernel.Task, _ uintptr, _ arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
	c := kernelOf(t).taskOf(t)
	q := c.await()
	if q == nil {
		return 0, nil, nil // let the loop look at signals
	}
	if !q.ran {
		c.request.Store(q) // Switch starts it, so that filters see it
		return 0, nil, nil
	}
	c.start(q, t.Arch())
	return q.rval, q.ctrl, q.err
}

// start makes q the call that the loop executes.
func (c *task) start(q *request, ac *arch.Context64) {
	c.busy = true
	setCall(ac, q.nr, &q.args)
}

// finish notes the result of the request, if one was being executed. await
// gives it out: only then is the task free for the next call.
func (c *task) finish(r uintptr) {
	if c.busy {
		c.busy, c.have, c.answer = false, true, r
	}
}

// await parks the task's goroutine until there is a request, which it returns,
// or an interrupt.
func (c *task) await() *request {
	c.state.Store(parked)
	if c.fresh {
		c.fresh = false
		close(c.ready)
	}
	if c.have {
		c.have = false
		c.done <- c.answer
	}
	for {
		select {
		case <-c.wake:
		case <-c.k.dead: // a kernel that panicked: its loops end where they are
			runtime.Goexit()
		}
		// While a caller drives, leave it alone: giveBack wakes us again.
		if c.state.CompareAndSwap(parked, looping) {
			break
		}
	}
	c.interrupted.Store(false)
	goroutineOf(c.t).Store(goid.Get())
	return c.request.Swap(nil)
}

// poke wakes the task's goroutine.
func (c *task) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Interrupt is called by gVisor, from any goroutine and with its locks held,
// when there is a signal or a stop to look at.
func (c *task) Interrupt() {
	c.interrupted.Store(true)
	c.poke()
}

// watched reports whether the task's calls must pass through the loop, where
// filters and tracers see them.
func (c *task) watched() bool {
	return c.t.SeccompMode() != linux.SECCOMP_MODE_NONE || c.t.Tracer() != nil
}

// Release is called by gVisor at the end of the task.
func (c *task) Release() {
	c.state.Store(ended)
	c.k.forget(c)
	close(c.exited)
}

// PrepareSleep is called by the driver when a call blocks.
func (c *task) PrepareSleep() { c.cancel.arm(c) }

func (*task) PullFullState(platform.AddressSpace, *arch.Context64) error { return nil }
func (*task) FullStateChanged()                                          {}
func (*task) Preempt()                                                   {}
func (*task) PrepareUninterruptibleSleep()                               {}
func (*task) PrepareStop()                                               {}
func (*task) PrepareExecve()                                             {}
func (*task) PrepareExit()                                               {}
func (*task) LastCPUNumber() int32                                       { return 0 }
