//go:build amd64 || arm64

package host

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// Call makes the call on the calling thread, if that will do.
func (p *first) Call(c backends.Call) (r0, r1 uintptr, err error) {
	// A descriptor is this program's, and may be closed at any time.
	if p.closed.Load() && c.Num != unix.SYS_CLOSE {
		return 0, 0, backends.ErrClosed
	}
	if len(c.Refs) != 0 {
		if err := c.Link(); err != nil {
			return 0, 0, err
		}
	}
	var e syscall.Errno
	a := &c.Args
	switch t := p.traits.of(c.Num); {
	case t == blocking && c.Cancel == nil:
		r0, _, e = syscall.Syscall6(c.Num, a[0].Word(), a[1].Word(), a[2].Word(), a[3].Word(), a[4].Word(), a[5].Word())
	case t == quick:
		r0, _, e = syscall.RawSyscall6(c.Num, a[0].Word(), a[1].Word(), a[2].Word(), a[3].Word(), a[4].Word(), a[5].Word())
	default:
		r0, err = p.special(c.Num, words(&c), t, c.Cancel)
	}
	c.KeepAlive()
	if e != 0 {
		return 0, 0, abi.Errno(e)
	}
	return r0, 0, err
}

// special makes the calls that are not simply made.
func (p *first) special(num uintptr, words [backends.MaxArgs]uintptr, t trait, cancel <-chan struct{}) (r uintptr, err error) {
	k, args := (*kernel)(p), [6]uintptr(words[:6])
	switch t {
	case changing, joining, exit:
		return 0, k.refuse(num, "it acts on one thread, and this program has many; make a process with Fork")
	case forbidden:
		return 0, k.refuse(num, "Go's runtime does not survive it; Fork makes processes")
	case credentials:
		return p.changeCredentials(num, &args)
	case prctl:
		if changesThread(args[0]) {
			return 0, k.refuse(num, "the option is one of a single thread, and this program has many; make a process with Fork")
		}
	case waiting:
		defer k.sweep(&k.own)
	}
	if cancel == nil || t == reading || t == prctl || t == exec {
		r, _, e := syscall.Syscall6(num, args[0], args[1], args[2], args[3], args[4], args[5])
		return answer(r, e)
	}
	return p.interruptible(num, &args, cancel)
}

func answer(r uintptr, e syscall.Errno) (uintptr, error) {
	if e != 0 {
		return 0, abi.Errno(e)
	}
	return r, nil
}

// interruptible makes a call that cancel can end, on a thread of our own: a
// signal to a thread of Go's would not end its call, because Go's handlers
// are installed with SA_RESTART.
func (p *first) interruptible(num uintptr, args *[6]uintptr, cancel <-chan struct{}) (uintptr, error) {
	k := (*kernel)(p)
	if isClosed(cancel) {
		return 0, backends.ErrInterrupted
	}
	if err := k.startOwn(); err != nil {
		return 0, err
	}
	r, err := k.own.work(num, args, cancel)
	if err != nil {
		return 0, k.why(err)
	}
	e, bad := failed(r)
	switch {
	case bad && e == unix.EINTR && k.closed.Load():
		return 0, backends.ErrClosed
	case bad:
		return 0, abi.Errno(e)
	}
	return r, nil
}

// changeCredentials makes a call on all threads: those that Go knows, and our
// own.
func (p *first) changeCredentials(num uintptr, args *[6]uintptr) (uintptr, error) {
	k := (*kernel)(p)
	r, _, e := syscall.AllThreadsSyscall6(num, args[0], args[1], args[2], args[3], args[4], args[5])
	if e == unix.ENOTSUP {
		return 0, k.refuse(num, "a program that uses cgo cannot make it on all threads; make a process with Fork")
	}
	if e != 0 {
		return 0, abi.Errno(e)
	}
	if _, err := k.own.change(num, args); err != nil && !errors.Is(err, backends.ErrExited) {
		return 0, err
	}
	return r, nil
}

// changesThread reports whether an option of prctl(2) sets what Linux keeps
// for each thread and POSIX programs expect of the process.
func changesThread(option uintptr) bool {
	switch option {
	case unix.PR_SET_SECCOMP, unix.PR_SET_NO_NEW_PRIVS, unix.PR_SET_KEEPCAPS, unix.PR_SET_SECUREBITS,
		unix.PR_CAPBSET_DROP, unix.PR_CAP_AMBIENT, unix.PR_SET_PDEATHSIG, unix.PR_SET_TIMERSLACK:
		return true
	}
	return false
}

// startOwn starts the team of this program.
func (k *kernel) startOwn() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return backends.ErrClosed
	}
	return k.own.start()
}

func (f *forks) init() {
	f.traits = hostTraits()
	f.own = team{slots: &f.slots, pid: os.Getpid(), busy: map[*lwp]struct{}{}}
}
