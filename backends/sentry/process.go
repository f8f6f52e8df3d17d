//go:build linux && (amd64 || arm64)

package sentry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/platform"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// A Process is a process of a kernel: a thread group whose threads are driven
// by the goroutines that call.
type Process struct {
	k      *Kernel
	id     atomic.Int64
	leader *task
	// leading is held by whoever uses the leader.
	leading chan struct{}

	// idle is the worker that was used last, where it is idle; the others are
	// in pool.
	idle atomic.Pointer[task]
	// stale counts the changes of what Linux keeps per thread. A worker of an
	// older count is not used again.
	stale atomic.Uint32
	// execs counts execve. It ends the workers.
	execs atomic.Uint32
	// timers counts timer_create.
	timers atomic.Int32

	// arena is where calls have their memory in a kernel for guests; nil in
	// others, and where arenaErr says why. space is where it is mapped, which
	// only the leader changes, before others look.
	arena    *arena
	arenaErr error
	space    platform.MemoryManager

	mu   sync.Mutex
	pool []*task
	live int // tasks that have not ended

	done chan struct{}
}

// maxIdle bounds the workers that are kept for later.
const maxIdle = 64

var _ backends.Process = (*Process)(nil)

// ID is the process number that the kernel gave, in the PID namespace of the
// process that made it.
func (p *Process) ID() int { return int(p.id.Load()) }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

func (p *Process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Call makes a raw call of Linux; see [backends.Process].
//
// Three things differ from a process with machine code in it. exit ends the
// whole process. A clone that would share memory or threads with its caller is
// not supported: there is no code to run in it; use Fork. A signal handler
// does nothing but that the signal counts as caught.
func (p *Process) Call(c backends.Call) (r0, r1 uintptr, err error) {
	if p.k.world != nil {
		return p.k.world.call(p, c)
	}
	return p.callNow(c)
}

// callNow makes a call on this goroutine.
func (p *Process) callNow(c backends.Call) (r0, r1 uintptr, err error) {
	if p.k.cfg.Guests {
		return p.bring(c)
	}
	if len(c.Refs) > 0 {
		if err := c.Link(); err != nil {
			return 0, 0, err
		}
	}
	return p.do(c)
}

// do makes a call whose pointers are the process's.
func (p *Process) do(c backends.Call) (r0, r1 uintptr, err error) {
	if c.Num < uintptr(len(classOf)) {
		if class := classOf[c.Num]; class != ordinary && (class != masking || hasMask(&c)) {
			r0, err = p.special(&c, class)
			return r0, 0, err
		}
	}
	t, err := p.worker(c.Cancel)
	if err != nil {
		if noThreads(err) {
			r0, err = p.lead(&c, true)
		}
		return r0, 0, err
	}
	if p.k.memory.bounded() {
		if err := p.k.memory.admit(t, &c); err != nil {
			p.release(t)
			return 0, 0, err
		}
	}
	r0, err = t.call(&c, true)
	p.release(t)
	return r0, 0, err
}

// special makes a call that is not ordinary.
func (p *Process) special(c *backends.Call, class class) (uintptr, error) {
	switch class {
	case masking, looped:
		t, err := p.worker(c.Cancel)
		if err != nil {
			if noThreads(err) {
				return p.lead(c, false)
			}
			return 0, err
		}
		defer p.release(t)
		return t.call(c, false)
	case executing:
		return p.exec(c)
	case exiting:
		e := backends.Call{Num: unix.SYS_EXIT_GROUP}
		e.Args[0] = c.Args[0]
		return p.lead(&e, false)
	case cloning:
		if err := p.checkClone(c); err != nil {
			return 0, err
		}
		return p.lead(c, false)
	case suspending:
		return p.lead(c, false)
	case changing:
		return p.change(c)
	}
	return p.lead(c, true)
}

// exec makes an execve.
func (p *Process) exec(c *backends.Call) (uintptr, error) {
	p.k.execMu.Lock() // see goPlatform.max
	defer p.k.execMu.Unlock()
	p.execs.Add(1)
	r, err := p.lead(c, false)
	if err != nil {
		p.execs.Add(^uint32(0))
	}
	return r, err
}

// noThreads reports whether the kernel refuses to make a worker, as it does
// after unshare(CLONE_NEWPID). The leader then makes every call, one after the
// other.
func noThreads(err error) bool { return err == abi.Errno(unix.EINVAL) }

// lead makes a call on the leader.
func (p *Process) lead(c *backends.Call, direct bool) (uintptr, error) {
	if err := p.lock(c.Cancel); err != nil {
		return 0, err
	}
	defer p.unlock()
	return p.leader.call(c, direct)
}

func (p *Process) lock(cancel <-chan struct{}) error {
	select {
	case p.leading <- struct{}{}:
		return nil
	case <-cancel:
		return backends.ErrInterrupted
	case <-p.done:
		return p.leader.gone()
	case <-p.k.dead:
		return p.k.Err()
	}
}

func (p *Process) unlock() { <-p.leading }

// change makes a call that changes what Linux keeps per thread. Idle workers
// end first: some of these calls refuse a process of several threads.
func (p *Process) change(c *backends.Call) (uintptr, error) {
	if err := p.lock(c.Cancel); err != nil {
		return 0, err
	}
	defer p.unlock()
	p.stale.Add(1)
	p.retireIdle()
	// Signals that a new mask lets through are delivered by the loop.
	r, err := p.leader.call(c, c.Num != unix.SYS_RT_SIGPROCMASK)
	// Workers that were cloned meanwhile may or may not have inherited it.
	p.stale.Add(1)
	p.retireIdle()
	return r, err
}

// Fork makes a child that waits for calls; see [backends.Process].
func (p *Process) Fork(ctx context.Context, fds backends.Descriptors) (backends.Process, error) {
	child, err := p.fork(ctx, fds)
	if err != nil {
		return nil, err
	}
	return child, nil
}

func (p *Process) fork(ctx context.Context, fds backends.Descriptors) (*Process, error) {
	flags := uintptr(unix.SIGCHLD)
	if fds == backends.SharedDescriptors {
		flags |= unix.CLONE_FILES
	}
	child, err := p.clone(flags, ctx.Done())
	if err != nil {
		return nil, err
	}
	if fds == backends.CleanDescriptors {
		c := backends.Call{Num: unix.SYS_CLOSE_RANGE}
		c.Args[1] = backends.Int(1<<32 - 1)
		if _, _, err := child.Call(c); err != nil {
			return nil, errors.Join(fmt.Errorf("closing inherited descriptors: %w", err), child.Close())
		}
	}
	return child, nil
}

// clone makes a process. It returns when that waits for calls.
func (p *Process) clone(flags uintptr, cancel <-chan struct{}) (*Process, error) {
	c := backends.Call{Num: unix.SYS_CLONE, Cancel: cancel}
	c.Args[0] = backends.Int(flags)
	pid, err := p.lead(&c, false)
	if err != nil {
		return nil, err
	}
	return p.k.await(p.leader.t.PIDNamespace(), kernel.ThreadID(pid))
}

// threadFlags make a thread as pthread_create does, but for what belongs to
// its memory.
const threadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM

// checkClone refuses what a process without machine code cannot do.
func (p *Process) checkClone(c *backends.Call) error {
	var flags uintptr
	switch c.Num {
	case unix.SYS_CLONE:
		flags = c.Args[0].Word()
	case unix.SYS_CLONE3:
		b := c.Args[0].Bytes()
		if p.arena != nil {
			b = p.arena.at(p.k.platform.win.arenaBase(), c.Args[0].Word(), 8)
		}
		if len(b) < 8 {
			return fmt.Errorf("clone3: its argument must be memory of the caller: %w", backends.ErrNotSupported)
		}
		flags = uintptr(hostOrder.Uint64(b))
	default:
		return fmt.Errorf("fork and vfork: use Fork, or clone: %w", backends.ErrNotSupported)
	}
	if bad := flags & (unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_THREAD | unix.CLONE_SIGHAND); bad != 0 {
		return fmt.Errorf("clone with flags %#x: no code would run in it: %w", bad, backends.ErrNotSupported)
	}
	return nil
}

// Close ends the process as SIGKILL would and waits for its end.
func (p *Process) Close() error {
	if p == p.k.init {
		return errors.New("the first process lives as long as its kernel: close that")
	}
	if p.ended() || p.k.isDead() {
		return nil
	}
	info := linux.SignalInfo{Signo: int32(unix.SIGKILL), Code: linux.SI_USER}
	if err := p.leader.t.ThreadGroup().SendSignal(&info); err != nil && !p.ended() {
		return err
	}
	select {
	case <-p.done:
	case <-p.k.dead:
	}
	return nil
}
