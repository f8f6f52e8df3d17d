//go:build linux && (amd64 || arm64)

package sentry

import (
	"sync"
	"unsafe"

	"gvisor.dev/gvisor/pkg/sentry/kernel"
)

// Functions of gVisor's that are not exported. A program does not link with a
// gVisor that has none of these names.

// runLoop is a task's loop, up to the end of the task. The number is for stack
// dumps.
//
//go:linkname runLoop gvisor.dev/gvisor/pkg/sentry/kernel.(*Task).run
func runLoop(t *kernel.Task, threadID uintptr)

// leaveState is how the loop notes that the task is not in the state any more.
//
//go:linkname leaveState gvisor.dev/gvisor/pkg/sentry/kernel.(*Task).accountTaskGoroutineLeave
func leaveState(t *kernel.Task, state kernel.TaskGoroutineState)

// runWorker is the loop of a TCP worker, up to its closeWaker.
//
//go:linkname runWorker gvisor.dev/gvisor/pkg/tcpip/transport/tcp.(*processor).start
func runWorker(worker unsafe.Pointer, running *sync.WaitGroup)
