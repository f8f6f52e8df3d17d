//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"context"
	"errors"
	"sync"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump"
	"github.com/anykernel/anykernel/sys/abi"
)

// A Process is a process of a NetBSD kernel.
type Process struct {
	k   *Kernel
	raw *rump.Process
}

var _ backends.Process = (*Process)(nil)

// ID is the process number that the kernel gave.
func (p *Process) ID() int { return p.raw.ID() }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.raw.Done() }

// Errors of NetBSD that this package knows.
const (
	eINTR    = 4
	eEXIST   = 17
	eROFS    = 30
	eNOSYS   = 78
	eRESTART = -3 // a call that a signal would have begun anew
)

// Call makes a raw call of NetBSD; see [backends.Process].
func (p *Process) Call(c backends.Call) (r0, r1 uintptr, err error) {
	if len(c.Refs) > 0 {
		if err := c.Link(); err != nil {
			return 0, 0, err
		}
	}
	if c.Num == 0 || c.Num >= rump.NumCalls {
		return 0, 0, p.unknown()
	}
	l, err := p.raw.LWP()
	if err != nil {
		return 0, 0, p.gone(err)
	}
	r0, r1, err = p.call(l, &c)
	p.raw.Return(l)
	return r0, r1, err
}

// call makes a call by an LWP.
func (p *Process) call(l *rump.LWP, c *backends.Call) (r0, r1 uintptr, err error) {
	args := l.Args()
	for i := range args {
		args[i] = c.Args[i].Word()
	}
	var errno int
	if c.Cancel == nil {
		r0, r1, errno, err = l.Syscall(c.Num)
	} else {
		r0, r1, errno, err = p.cancelable(l, c.Num, c.Cancel)
	}
	c.KeepAlive()
	if errno == 0 && err == nil {
		return r0, r1, nil
	}
	return 0, 0, p.failed(errno, err, c.Cancel)
}

// unknown is the answer to a number that is no call.
func (p *Process) unknown() error {
	if err := p.k.Err(); err != nil {
		return err
	}
	return abi.Errno(eNOSYS)
}

// gone says why there is no LWP for a call.
func (p *Process) gone(err error) error {
	if end := p.k.Err(); end != nil {
		return end
	}
	if errors.Is(err, rump.ErrExited) {
		return backends.ErrExited
	}
	return p.dead(err)
}

// failed says what became of a call that failed.
func (p *Process) failed(errno int, err error, cancel <-chan struct{}) error {
	switch {
	case err != nil:
		return p.dead(err)
	case errno == eINTR || errno == eRESTART:
		return p.interrupted(cancel)
	}
	return abi.Errno(errno)
}

// dead is the error of a call that the kernel did not survive.
func (p *Process) dead(err error) error {
	if end := p.k.raw.Err(); end != nil {
		p.k.end(end)
		return p.k.Err()
	}
	return err
}

func (p *Process) interrupted(cancel <-chan struct{}) error {
	if isClosed(cancel) {
		return backends.ErrInterrupted
	}
	if err := p.k.Err(); err != nil {
		return err // Close interrupted it
	}
	return abi.Errno(eINTR)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// cancelable makes a call that ends when cancel is closed.
func (p *Process) cancelable(l *rump.LWP, num uintptr, cancel <-chan struct{}) (r0, r1 uintptr, errno int, err error) {
	if isClosed(cancel) {
		return 0, 0, eINTR, nil
	}
	if p.k.scheduled {
		return l.SyscallUntil(cancel, num)
	}
	ended := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case <-cancel:
			l.Interrupt()
		case <-ended:
		}
	})
	r0, r1, errno, err = l.Syscall(num)
	close(ended)
	watcher.Wait()
	l.Uninterrupt()
	return r0, r1, errno, err
}

// Fork makes a child by the kernel's own rfork.
func (p *Process) Fork(ctx context.Context, fds backends.Descriptors) (backends.Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	raw, err := p.raw.Fork(fds == backends.CleanDescriptors, fds == backends.SharedDescriptors)
	if err != nil {
		return nil, p.gone(err)
	}
	return &Process{k: p.k, raw: raw}, nil
}

// Close ends the process. A rump kernel keeps no status of it.
func (p *Process) Close() error { return p.raw.Close() }
