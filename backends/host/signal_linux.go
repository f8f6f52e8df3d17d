//go:build amd64 || arm64

package host

import (
	"fmt"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// installInterrupt installs the handler of the signal that interrupts, once
// for this program. A handler that somebody else installed stays, and nothing
// can be interrupted.
var installInterrupt = sync.OnceValue(func() error {
	var old sigaction
	if e := setAction(interruptSignal, nil, &old); e != 0 {
		return fmt.Errorf("looking for the handler of signal %d: %w", interruptSignal, e)
	}
	if old.handler > sigIgnore {
		return fmt.Errorf("signal %d, which interrupts calls, has a handler already", interruptSignal)
	}
	if e := setAction(interruptSignal, interruptAction, nil); e != 0 {
		return fmt.Errorf("installing a handler of signal %d: %w", interruptSignal, e)
	}
	return nil
})

func setAction(sig uintptr, action, old *sigaction) syscall.Errno {
	_, _, e := syscall.RawSyscall6(unix.SYS_RT_SIGACTION, sig,
		uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(old)), sigSetSize, 0, 0)
	return e
}
