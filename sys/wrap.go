package sys

import (
	"errors"
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var errNoCall = fmt.Errorf("no such call in this ABI: %w", backends.ErrNotSupported)

// isInterrupt reports whether a call ended because of a signal or its context.
func (p *Process) isInterrupt(err error) bool {
	e, ok := err.(abi.Errno)
	return ok && e == p.k.tab.eintr || errors.Is(err, backends.ErrInterrupted)
}

// wrap gives an error of call its origin: what was called, on what, and by
// which kernel it was refused.
func (p *Process) wrap(op, path string, err error) error {
	if err == nil {
		return nil
	}
	var number abi.Errno
	if errors.As(err, &number) {
		return &Error{Op: op, Path: path, Errno: number, ABI: p.k.tab.abi, Kernel: p.k.name}
	}
	if errors.Is(err, backends.ErrInterrupted) {
		e := &Error{Op: op, Path: path, Errno: p.k.tab.eintr, ABI: p.k.tab.abi, Kernel: p.k.name}
		if p.ctx != nil {
			e.Cause = p.ctx.Err()
		}
		return e
	}
	if path != "" {
		op += " " + path
	}
	return fmt.Errorf("%s: %s: %w", p.k.name, op, err)
}
