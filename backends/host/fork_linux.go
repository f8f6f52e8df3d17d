//go:build amd64 || arm64

package host

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
)

// forks is the processes of a kernel and the threads that they are made of.
type forks struct {
	traits *traitTable
	slots  slots
	own    team // the LWPs of this program
	mu     sync.Mutex
	// procs is the processes that live or were not waited for, children
	// behind their parents.
	procs []*process
	over  bool
}

func (k *kernel) fork(ctx context.Context, parent *process, fds backends.Descriptors) (backends.Process, error) {
	if reason := k.Capabilities().Missing(backends.Processes); reason != "" {
		return nil, fmt.Errorf("%s: %w", reason, backends.ErrNotSupported)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return nil, backends.ErrClosed
	}
	p := &process{k: k, parent: &k.own, done: make(chan struct{})}
	if parent != nil {
		p.parent = &parent.team
	} else if err := k.own.start(); err != nil {
		return nil, err
	}
	if err := p.born(parent, fds); err != nil {
		return nil, k.why(err)
	}
	k.procs = append(k.procs, p)
	go p.watch()
	if err := p.prepare(parent, fds); err != nil {
		_ = p.kill()
		return nil, k.why(err)
	}
	return p, nil
}

// born clones the process from its parent's leader.
func (p *process) born(parent *process, fds backends.Descriptors) error {
	flags := uintptr(unix.CLONE_VM | unix.CLONE_CHILD_CLEARTID | uintptr(unix.SIGCHLD))
	if fds != backends.CopiedDescriptors {
		flags |= unix.CLONE_FILES // clean ones are cut off later, at no cost
	} else {
		// Go's own way to run programs must not have its pipes copied.
		syscall.ForkLock.Lock()
		defer syscall.ForkLock.Unlock()
	}
	b, err := p.k.slots.get()
	if err != nil {
		return err
	}
	b.origin, b.pidfd = bornProcess, -1
	if parent == nil {
		b.origin = bornReset
	}
	err = p.parent.useLeader(func(l *lwp) error {
		b.ppid = uint32(p.parent.pid)
		if parent == nil || parent.nested {
			flags |= unix.CLONE_PIDFD
		}
		r, alive := l.clone(flags, b)
		if !alive {
			return backends.ErrExited
		}
		if e, bad := failed(r); bad {
			return fmt.Errorf("clone: %w", e)
		}
		p.id = int(r)
		return nil
	})
	if err != nil {
		if !errors.Is(err, backends.ErrExited) { // it was not made
			b.bury()
		}
		p.k.slots.put(b)
		return err
	}
	p.team = team{slots: p.parent.slots, leader: &lwp{block: b, leads: true}, busy: map[*lwp]struct{}{}}
	return p.findDescriptor(parent, int(b.pidfd))
}

// findDescriptor gets a pidfd of the new process into this program's table.
func (p *process) findDescriptor(parent *process, inParent int) (err error) {
	fd := inParent
	switch {
	case parent == nil:
	case parent.nested:
		// The parent's numbers mean nothing here.
		fd, err = parent.getDescriptor(inParent)
		_, _ = p.parent.ask(unix.SYS_CLOSE, uintptr(inParent))
	default:
		fd, err = unix.PidfdOpen(p.id, 0)
	}
	if err == nil {
		err = unix.SetNonblock(fd, true) // for Go's poller
	}
	if err != nil {
		_, _ = p.team.ask(unix.SYS_EXIT_GROUP, 0)
		p.team.end()
		return fmt.Errorf("a descriptor of process %d: %w", p.id, err)
	}
	p.team.kick = func() { _ = p.send(interruptSignal) }
	p.file = os.NewFile(uintptr(fd), fmt.Sprintf("process %d", p.id))
	return nil
}

// getDescriptor copies a descriptor of the process into this program's table.
func (p *process) getDescriptor(num int) (fd int, err error) {
	fd, err = -1, unix.ESRCH
	_ = p.withDescriptor(func(pidfd int) { fd, err = unix.PidfdGetfd(pidfd, num, 0) })
	return fd, err
}

// prepare makes the process what Fork promises.
func (p *process) prepare(parent *process, fds backends.Descriptors) error {
	if fds == backends.CleanDescriptors {
		r, err := p.team.ask(unix.SYS_CLOSE_RANGE, 0, math.MaxUint32, unix.CLOSE_RANGE_UNSHARE)
		if e, bad := failed(r); bad {
			err = fmt.Errorf("close_range: %w", e)
		}
		if err != nil {
			return err
		}
	}
	pid, err := p.team.ask(unix.SYS_GETPID)
	if err != nil {
		return err
	}
	p.team.pid = int(pid)
	p.nested = int(pid) != p.id || parent != nil && parent.nested
	if parent != nil {
		return nil // it inherited the rest
	}
	// EPIPE is an error here as everywhere in Go, and not the end.
	if err := p.signalAction(unix.SIGPIPE, ignoreAction); err != nil {
		return err
	}
	if err := p.signalAction(interruptSignal, interruptAction); err != nil {
		return err
	}
	_, err = p.team.ask(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(noSignals)), 0, sigSetSize)
	return err
}

// sweep forgets processes that their parent has waited for.
func (k *kernel) sweep(parent *team) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.procs = slices.DeleteFunc(k.procs, func(p *process) bool {
		if p.parent != parent || !isClosed(p.done) || !p.reaped() {
			return false
		}
		_ = p.file.Close()
		return true
	})
}

// close ends all processes and threads of the kernel.
func (f *forks) close() error {
	f.mu.Lock()
	f.over = true
	procs := f.procs
	f.procs = nil
	f.mu.Unlock()
	var first error
	for _, p := range slices.Backward(procs) {
		if err := p.Close(); err != nil && first == nil {
			first = err
			continue
		}
		p.team.inFlight.Wait()
		p.reap()
		_ = p.file.Close()
	}
	f.own.stop()
	f.slots.unmap()
	return first
}
