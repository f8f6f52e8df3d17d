package backends

import (
	"context"

	"github.com/anykernel/anykernel/sys/abi"
)

// A Kernel is one running kernel. All methods are safe for concurrent use.
type Kernel interface {
	// ABI is what the kernel's raw calls speak.
	ABI() *abi.ABI
	// Capabilities is what this kernel can do, as data; the conformance suite
	// holds the kernel to it.
	Capabilities() Capabilities
	// Init is the first process. It lives as long as the kernel.
	Init() Process
	// Done is closed when the kernel has ended, by Close or by itself.
	Done() <-chan struct{}
	// Err is nil while the kernel runs; then a *PanicError, or ErrClosed.
	Err() error
	// Close ends the kernel and gives everything back: goroutines, threads,
	// memory, descriptors. Calls in flight end with ErrClosed. Only the first
	// Close does anything; a later one returns nil. The error tells of
	// something that was lost on the way, such as a file system that could
	// not be written back.
	Close() error
}

// A Process is a process inside a kernel. All methods are safe for concurrent
// use: any goroutine may call on any process at any time.
type Process interface {
	// ID is the process number that the kernel gave.
	ID() int
	// Call makes a raw system call. A call that blocks blocks the calling
	// goroutine only.
	//
	// r0 and r1 are the values returned by the kernel; r1 means something in
	// ABIs that return two. err is an [abi.Errno] where the kernel answered
	// with an error, [ErrInterrupted] where c.Cancel ended the call,
	// [ErrExited] where the process has ended, [ErrClosed] or a [*PanicError]
	// where the kernel has. The memory of c is the kernel's until Call
	// returns, and the caller's afterwards.
	Call(c Call) (r0, r1 uintptr, err error)
	// Fork makes a child of this process with the descriptor table that fds
	// says. The child inherits what fork(2) gives it, but executes nothing: it
	// waits for calls. Capability [Fork].
	Fork(ctx context.Context, fds Descriptors) (Process, error)
	// Done is closed when the process has ended, for whatever reason.
	Done() <-chan struct{}
	// Close ends the process as SIGKILL would and waits for its end. Its exit
	// status stays for its parent to wait for, and goes with the kernel. Close
	// of the first process is an error.
	Close() error
}

// Descriptors says what descriptor table a new process has.
type Descriptors int

const (
	CopiedDescriptors Descriptors = iota // a copy of the parent's, as fork(2)
	SharedDescriptors                    // the parent's own table
	CleanDescriptors                     // empty
)
