//go:build linux && (amd64 || arm64)

package sentry

import (
	"runtime/debug"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/goid"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// firstRestart is where numbers begin that are no errors but ask the loop to
// restart the call (ERESTARTSYS and its kin).
const firstRestart = 512

// maxErrno bounds the error numbers in a result.
const maxErrno = 4095

func errnoResult(e uintptr) uintptr { return -e }

// call makes a call on a task that the caller has to itself. direct says that
// the call may run on the caller's goroutine.
func (c *task) call(call *backends.Call, direct bool) (uintptr, error) {
	args := arch.SyscallArguments{
		{Value: call.Args[0].Word()}, {Value: call.Args[1].Word()}, {Value: call.Args[2].Word()},
		{Value: call.Args[3].Word()}, {Value: call.Args[4].Word()}, {Value: call.Args[5].Word()},
	}
	c.cancel.begin(call.Cancel)
	if !direct || !c.take() {
		return c.submit(&request{nr: call.Num, args: args, call: *call})
	}
	rval, ctrl, err, ok := c.run(call.Num, args)
	if !ok {
		return 0, c.k.Err()
	}
	if ctrl == nil {
		errno := uintptr(0)
		if err != nil {
			errno = uintptr(kernel.ExtractErrno(err, int(call.Num)))
		}
		if errno < firstRestart {
			cancelled := c.cancel.end()
			c.giveBack()
			call.KeepAlive()
			return answer(rval, errno, cancelled)
		}
	}
	if c.cancel.fired() { // it ended for nothing but the cancellation
		c.cancel.end()
		c.giveBack()
		return 0, backends.ErrInterrupted
	}
	q := &request{nr: call.Num, args: args, call: *call, ran: true, rval: rval, ctrl: ctrl, err: err}
	c.request.Store(q)
	c.state.Store(parked)
	return c.wait()
}

// take makes the caller the task's driver. It fails where the loop has
// something to do first, or must see the call.
func (c *task) take() bool {
	if !c.state.CompareAndSwap(parked, taken) {
		return false
	}
	if c.interrupted.Load() || c.watched() {
		c.giveBack()
		return false
	}
	if me, owner := goid.Get(), goroutineOf(c.t); owner.Load() != me {
		owner.Store(me)
	}
	return true
}

// giveBack ends take.
func (c *task) giveBack() {
	c.state.Store(parked)
	if c.interrupted.Load() {
		c.poke()
	}
}

// run executes a call on the caller's goroutine. It fails where gVisor
// panicked.
func (c *task) run(nr uintptr, args arch.SyscallArguments) (rval uintptr, ctrl *kernel.SyscallControl, err error, ok bool) {
	defer func() {
		if !ok {
			c.broken.Store(true)
			c.k.panicked(recover(), debug.Stack())
		}
	}()
	if nr < uintptr(len(direct)) && direct[nr] != nil {
		rval, ctrl, err = direct[nr](c.t, nr, args)
	} else {
		rval, err = c.t.SyscallTable().Missing(c.t, nr, args)
	}
	return rval, ctrl, err, true
}

// submit hands a call to the task's loop and waits for its result.
func (c *task) submit(q *request) (uintptr, error) {
	c.request.Store(q)
	return c.wait()
}

// wait waits for the result of a request.
func (c *task) wait() (uintptr, error) {
	c.poke()
	select {
	case r := <-c.done:
		cancelled := c.cancel.end()
		if r > ^uintptr(maxErrno) {
			return answer(0, -r, cancelled)
		}
		return r, nil
	case <-c.exited:
		c.cancel.end()
		return 0, c.gone()
	case <-c.k.dead:
		c.cancel.end()
		return 0, c.k.Err()
	}
}

// gone is why a task that ended cannot answer.
func (c *task) gone() error {
	if c != c.p.leader && c.execs != c.p.execs.Load() { // execve in another thread ended this one
		return abi.Errno(unix.EINTR)
	}
	if c != c.p.leader && !c.k.isDead() {
		// A filter ended it: gVisor knows no filters that end the process.
		// Where the process is ending for another reason, this does nothing.
		_ = c.p.leader.t.ThreadGroup().SendSignal(&linux.SignalInfo{Signo: int32(unix.SIGSYS), Code: linux.SI_USER})
	}
	select {
	case <-c.p.done:
	case <-c.k.dead:
	}
	if err := c.k.Err(); err != nil {
		return err
	}
	return backends.ErrExited
}

func answer(rval, errno uintptr, cancelled bool) (uintptr, error) {
	switch {
	case errno == 0:
		return rval, nil
	case errno == uintptr(unix.EINTR) && cancelled:
		return 0, backends.ErrInterrupted
	}
	return 0, abi.Errno(errno)
}
