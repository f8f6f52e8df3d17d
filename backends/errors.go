package backends

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrClosed is the error of every call on a kernel that was closed.
	ErrClosed = errors.New("kernel is closed")
	// ErrExited is the error of a call on a process that has ended.
	ErrExited = errors.New("process has ended")
	// ErrInterrupted is the error of a call that was ended by its Cancel
	// channel before it did anything.
	ErrInterrupted = errors.New("call was interrupted")
	// ErrNotSupported is the error of what a kernel cannot do.
	ErrNotSupported = errors.New("not supported by this kernel")
	// ErrBadCall matches every [*CallError].
	ErrBadCall = errors.New("malformed call")
)

// A PanicError says that a kernel died. The process that it ran in lives on.
type PanicError struct {
	Kernel  string // the specification that the kernel was opened with
	Reason  string // the kernel's panic message, in one line
	Console []byte // the end of its console
	Stack   []byte // where it happened, if it happened in Go; may be empty
}

// Error is one line.
func (e *PanicError) Error() string {
	return fmt.Sprintf("kernel %s panicked: %s", e.Kernel, e.Reason)
}

// Format prints the console's end and the stack as well for %+v.
func (e *PanicError) Format(f fmt.State, verb rune) {
	fmt.Fprint(f, e.Error())
	if verb != 'v' || !f.Flag('+') {
		return
	}
	for _, part := range []struct {
		name string
		text []byte
	}{{"console", e.Console}, {"stack", e.Stack}} {
		if text := strings.TrimSpace(string(part.text)); text != "" {
			fmt.Fprintf(f, "\n%s:\n\t%s", part.name, strings.ReplaceAll(text, "\n", "\n\t"))
		}
	}
}

// A CallError says that a [Call] does not hang together. It is the caller's
// mistake, found before the kernel was asked.
type CallError struct {
	Num    uintptr
	Ref    int // index in Refs
	Reason string
}

func (e *CallError) Error() string {
	return fmt.Sprintf("call %d, Refs[%d]: %s", e.Num, e.Ref, e.Reason)
}

// Is reports whether target is [ErrBadCall].
func (e *CallError) Is(target error) bool { return target == ErrBadCall }
