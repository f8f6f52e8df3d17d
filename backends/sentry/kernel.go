//go:build linux && (amd64 || arm64)

package sentry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/socket/netstack"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/sys/abi"
)

var hostOrder = binary.LittleEndian

// A Kernel is gVisor's kernel in this process.
type Kernel struct {
	name     string // for PanicError
	opts     Options
	cfg      backends.Config
	host     hypercall.Host // answers, with the hooks around it
	gv       *kernel.Kernel
	platform *goPlatform
	net      *netstack.Stack // of the first network namespace
	netClock *netClock
	links    []stack.LinkEndpoint // of its NICs, for salvage
	console  *console
	random   *random // nil: gVisor's own
	world    *world  // nil: it has none
	memory   *memory
	init     *Process
	undo     []func() // what Close calls, the last first
	opened   closers  // what it closes then

	execMu sync.Mutex // see goPlatform.max

	mu    sync.Mutex // a leaf: taken with gVisor's locks held
	tasks map[*kernel.Task]*task
	procs map[*kernel.ThreadGroup]*Process
	nets  map[*stack.Stack]struct{} // network stacks with workers

	closing atomic.Bool
	endOnce sync.Once
	err     error         // set before done is closed
	done    chan struct{} // closed when the kernel has ended
	dead    chan struct{} // closed when it has panicked
}

var _ backends.Kernel = (*Kernel)(nil)

// ABI is Linux's on this machine.
func (k *Kernel) ABI() *abi.ABI { return hostABI() }

// Init is the first process.
func (k *Kernel) Init() backends.Process { return k.init }

// Done is closed when the kernel has ended, by Close or by itself.
func (k *Kernel) Done() <-chan struct{} { return k.done }

// Err is nil while the kernel runs; then a *backends.PanicError, or
// backends.ErrClosed.
func (k *Kernel) Err() error {
	select {
	case <-k.done:
		return k.err
	default:
		return nil
	}
}

func (k *Kernel) isDead() bool {
	select {
	case <-k.dead:
		return true
	default:
		return false
	}
}

// end says why the kernel does not run any more. Only the first reason counts.
func (k *Kernel) end(err error) (first bool) {
	k.endOnce.Do(func() {
		k.err = err
		close(k.done)
		first = true
	})
	if first && k.host.Lifecycle != nil {
		var crash *backends.PanicError
		if errors.As(err, &crash) {
			k.host.Lifecycle.Panic(crash.Reason)
		} else {
			k.host.Lifecycle.Exit(0)
		}
	}
	return first
}

// panicked ends the kernel after a Go panic inside of it, or something as bad.
// Locks of gVisor may be held for ever: nothing of it is entered any more.
// Blocked calls are woken, and the loops of tasks end where they park.
func (k *Kernel) panicked(reason any, stack []byte) {
	e := k.panicError(reason, stack)
	if !k.end(e) {
		return
	}
	close(k.dead)
	k.cfg.Logger().Error("kernel panicked", "kernel", k.name, "reason", e.Reason)
	k.mu.Lock()
	defer k.mu.Unlock()
	for t := range k.tasks {
		t.Interrupt() // sends on channels, takes no lock
	}
}

func (k *Kernel) panicError(reason any, stack []byte) *backends.PanicError {
	e := &backends.PanicError{
		Kernel:  k.name,
		Reason:  fmt.Sprint(reason),
		Console: k.console.tail(),
		Stack:   stack,
	}
	if reason == nil {
		e.Reason = "the goroutine of a call ended inside the kernel" // runtime.Goexit
	}
	return e
}

// guard enters gVisor from outside, unless it has panicked, and ends the kernel
// if it does so meanwhile.
func (k *Kernel) guard(f func()) {
	if !k.isDead() {
		k.contain(f)
	}
}

// contain runs a function of gVisor's. If it panics, the kernel ends.
func (k *Kernel) contain(f func()) {
	ok := false
	defer func() {
		if !ok {
			k.panicked(recover(), debug.Stack())
		}
	}()
	f()
	ok = true
}

// initEnded is called when the last task of the first process has ended.
func (k *Kernel) initEnded() {
	if k.closing.Load() {
		return
	}
	status := k.init.leader.t.ThreadGroup().ExitStatus()
	go k.panicked(fmt.Sprintf("attempted to kill init: %v", status), nil)
}

// Close ends the kernel and gives everything back.
func (k *Kernel) Close() error {
	if k.closing.Swap(true) {
		<-k.done
		return nil
	}
	if k.end(backends.ErrClosed) {
		return k.destroy()
	}
	return errors.Join(k.salvage(), k.opened.Close())
}

// newTask makes the context of a task that gVisor is making. gVisor's locks
// are held.
func (k *Kernel) newTask(t *kernel.Task) *task {
	c := &task{
		k: k, t: t,
		wake:   make(chan struct{}, 1),
		done:   make(chan uintptr, 1),
		ready:  make(chan struct{}),
		exited: make(chan struct{}),
		fresh:  true,
	}
	tg := t.ThreadGroup()
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.procs[tg]
	if p == nil {
		p = &Process{k: k, leader: c, leading: make(chan struct{}, 1), done: make(chan struct{})}
		if k.cfg.Guests {
			p.arena, p.arenaErr = newArena()
		}
		k.procs[tg] = p
	}
	c.p = p
	p.live++
	k.tasks[t] = c
	return c
}

// forget is called when a task has ended.
func (k *Kernel) forget(c *task) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.tasks, c.t)
	if c.p.live--; c.p.live > 0 {
		return
	}
	delete(k.procs, c.t.ThreadGroup())
	c.p.arena.drop()
	close(c.p.done)
	if c.p == k.init {
		k.initEnded()
	}
}

// taskOf is the context of a task; nil where it has ended.
func (k *Kernel) taskOf(t *kernel.Task) *task {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tasks[t]
}

// kernelOf is the kernel that t is in, nil where it is none of this package.
func kernelOf(t *kernel.Task) *Kernel {
	if p, ok := t.Kernel().Platform.(*goPlatform); ok {
		return p.k
	}
	return nil
}

// Process is the process with a number, in the PID namespace of the first. It
// is how to get at what the raw calls clone and clone3 made.
func (k *Kernel) Process(pid int) (*Process, error) {
	if err := k.Err(); err != nil {
		return nil, err
	}
	return k.await(k.gv.RootPIDNamespace(), kernel.ThreadID(pid))
}

// await waits until the first task of a new process waits for calls.
func (k *Kernel) await(ns *kernel.PIDNamespace, pid kernel.ThreadID) (*Process, error) {
	c := k.taskOf(ns.TaskWithID(pid))
	if c == nil || c != c.p.leader {
		return nil, errors.Join(k.Err(), fmt.Errorf("there is no process %d: %w", pid, backends.ErrExited))
	}
	c.p.id.CompareAndSwap(0, int64(pid))
	select {
	case <-c.ready:
		return c.p, nil
	case <-c.exited:
		return nil, c.gone()
	case <-k.dead:
		return nil, k.Err()
	}
}

// onEnd notes what ends something that the boot made.
func (k *Kernel) onEnd(f func()) { k.undo = append(k.undo, f) }

// destroy ends what the boot made, the last first.
func (k *Kernel) destroy() (all error) {
	for _, f := range slices.Backward(k.undo) {
		all = errors.Join(all, k.undoing(f))
	}
	k.undo = nil
	return errors.Join(all, k.opened.Close())
}

// undoing runs f, and goes on if it panics.
func (k *Kernel) undoing(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = k.panicError(r, debug.Stack())
		}
	}()
	f()
	return nil
}
