//go:build darwin || freebsd || netbsd || openbsd

package host

import (
	"context"
	"fmt"
	"syscall"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// Call makes the call on the calling thread.
func (p *first) Call(c backends.Call) (r0, r1 uintptr, err error) {
	// A descriptor is this program's, and may be closed at any time.
	if p.closed.Load() && c.Num != syscall.SYS_CLOSE {
		return 0, 0, backends.ErrClosed
	}
	if isClosed(c.Cancel) {
		return 0, 0, backends.ErrInterrupted
	}
	if len(c.Refs) != 0 {
		if err := c.Link(); err != nil {
			return 0, 0, err
		}
	}
	a := &c.Args
	r0, r1, e := syscall.Syscall9(c.Num, a[0].Word(), a[1].Word(), a[2].Word(), a[3].Word(),
		a[4].Word(), a[5].Word(), a[6].Word(), a[7].Word(), 0)
	c.KeepAlive()
	if e != 0 {
		return 0, 0, abi.Errno(e)
	}
	return r0, r1, nil
}

const (
	noProcesses  = "processes that wait for calls share the memory of this program, which only Linux's clone allows"
	noInterrupts = "a blocked call of a thread of Go's cannot be interrupted here; descriptors that do not block can be waited for with a deadline"
)

// forks is nothing: there are no processes but the first.
type forks struct{}

func (*forks) init()        {}
func (*forks) close() error { return nil }

func (k *kernel) fork(context.Context, *first, backends.Descriptors) (backends.Process, error) {
	return nil, fmt.Errorf("%s: %w", noProcesses, backends.ErrNotSupported)
}
