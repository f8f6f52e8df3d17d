//go:build amd64 || arm64

package host

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// A process is one that Fork made.
type process struct {
	k      *kernel
	parent *team
	id     int      // as its parent sees it
	file   *os.File // the pidfd, waited for by Go's own poller
	team   team
	done   chan struct{}
	nested bool // it lives in another PID namespace than this program
}

var _ backends.Process = (*process)(nil)

func (p *process) ID() int               { return p.id }
func (p *process) Done() <-chan struct{} { return p.done }

// Call makes the call on the process's leader or on one of its workers.
func (p *process) Call(c backends.Call) (r0, r1 uintptr, err error) {
	if err := c.Link(); err != nil {
		return 0, 0, err
	}
	all := words(&c)
	args := [6]uintptr(all[:6])
	r, err := p.dispatch(c.Num, &args, c.Cancel)
	c.KeepAlive()
	if err != nil {
		return 0, 0, p.k.why(err)
	}
	if e, bad := failed(r); bad {
		return 0, 0, abi.Errno(e)
	}
	return r, 0, nil
}

func (p *process) dispatch(num uintptr, args *[6]uintptr, cancel <-chan struct{}) (uintptr, error) {
	switch p.k.traits.of(num) {
	case quick, reading:
		return p.team.ask(num, args[:]...)
	case changing:
		return p.team.change(num, args)
	case joining, credentials, prctl:
		return p.changeCredentials(num, args)
	case exec:
		return p.exec(num, args)
	case exit:
		return p.exit(args[0])
	case forbidden:
		return 0, p.k.refuse(num, "the process waits for calls in a loop that this call would break; Fork makes processes")
	case waiting:
		defer p.k.sweep(&p.team)
	}
	if isClosed(cancel) {
		return 0, backends.ErrInterrupted
	}
	return p.team.work(num, args, cancel)
}

// changeCredentials makes calls after which the kernel forgets that
// the process shall die with its parent, and makes its memory, which is ours,
// one that may not be dumped and whose files in /proc belong to root.
func (p *process) changeCredentials(num uintptr, args *[6]uintptr) (uintptr, error) {
	dumpable, _, _ := syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_GET_DUMPABLE, 0, 0)
	r, err := p.team.change(num, args)
	if _, bad := failed(r); err != nil || bad || num == unix.SYS_PRCTL {
		return r, err
	}
	_, _ = p.team.ask(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL))
	_, _, _ = syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, dumpable, 0)
	return r, nil
}

// exec makes the process another program. Where that succeeds, the call does
// not return in the kernel; it returns 0 here. That it was killed meanwhile
// cannot be told from that it was killed right after. Its LWPs are gone from
// our memory then, so that later calls find nobody; the rest is done at the
// end of the process.
func (p *process) exec(num uintptr, args *[6]uintptr) (uintptr, error) {
	err := p.signalAction(unix.SIGPIPE, defaultAction)
	if err != nil {
		return 0, err
	}
	r, err := p.team.ask(num, args[:]...)
	if err != nil {
		return 0, nil
	}
	return r, p.signalAction(unix.SIGPIPE, ignoreAction)
}

func (p *process) exit(status uintptr) (uintptr, error) {
	_, _ = p.team.ask(unix.SYS_EXIT_GROUP, status)
	<-p.done
	return 0, nil
}

func (p *process) signalAction(sig syscall.Signal, a *sigaction) error {
	_, err := p.team.ask(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(a)), 0, sigSetSize)
	return err
}

// Fork makes a child of p.
func (p *process) Fork(ctx context.Context, fds backends.Descriptors) (backends.Process, error) {
	return p.k.fork(ctx, p, fds)
}

// Close kills the process and waits for its end.
func (p *process) Close() error {
	if err := p.kill(); err != nil {
		return err
	}
	<-p.done
	return nil
}

func (p *process) kill() error {
	if err := p.send(unix.SIGKILL); err != nil && err != unix.ESRCH {
		return fmt.Errorf("killing process %d: %w", p.id, err)
	}
	return nil
}

// send sends the process a signal, if it still has a descriptor. It is ESRCH
// where the process has ended and was waited for.
func (p *process) send(sig syscall.Signal) (err error) {
	err = unix.ESRCH
	_ = p.withDescriptor(func(fd int) { err = unix.PidfdSendSignal(fd, sig, nil, 0) })
	return err
}

// withDescriptor calls f with the process's pidfd, which stays open meanwhile.
func (p *process) withDescriptor(f func(fd int)) error {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Control(func(fd uintptr) { f(int(fd)) })
}

// watch waits for the end of the process.
func (p *process) watch() {
	conn, err := p.file.SyscallConn()
	if err == nil {
		err = conn.Read(func(fd uintptr) bool { return pollIn(fd, 0) })
	}
	if err != nil { // Go's poller does not take the descriptor
		_ = p.withDescriptor(func(fd int) { pollIn(uintptr(fd), -1) })
	}
	p.team.end()
	close(p.done)
}

func pollIn(fd uintptr, timeout int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, timeout)
		if err != unix.EINTR {
			return n > 0
		}
	}
}

// reaped reports whether the parent has waited for the process, which has
// ended.
func (p *process) reaped() bool { return p.send(0) == unix.ESRCH }

// reap takes the exit status of a process that has ended, if nobody did.
func (p *process) reap() {
	switch {
	case p.reaped():
	case p.parent == &p.k.own:
		_ = p.withDescriptor(func(fd int) { _ = unix.Waitid(unix.P_PIDFD, fd, nil, unix.WEXITED|unix.WNOHANG, nil) })
	default:
		_, _ = p.parent.ask(unix.SYS_WAIT4, uintptr(p.id), 0, unix.WNOHANG, 0)
	}
}
