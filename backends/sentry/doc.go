// Package sentry runs gVisor's Linux kernel inside this process: any number of
// kernels, each booted in about a millisecond, in pure Go.
//
// A program that imports the package opens kernels by specification,
//
//	sys.Open(ctx, "sentry:hostname=box,mem=64m")
//
// or in Go, for what text cannot say: clocks, random sources, network
// interfaces, file systems:
//
//	sentry.Open(ctx, sentry.Options{Hostname: "box"}, backends.Config{Host: hypercall.Host{Clock: clock}})
//
// # How it works
//
// gVisor expects to run machine code in user mode and to be entered by its
// system calls. Here there is no user mode. The package is a gVisor platform
// that answers "run this task's user code" by waiting for a Go caller, and the
// caller's goroutine then runs the call itself while the task's own goroutine
// is parked: a call costs a few atomic operations and a function call. What
// must pass through gVisor's run loop (clone, execve, signals, restarts, tasks
// that seccomp filters or ptrace watch) is handed to the task's goroutine.
//
// Pointers are ordinary Go pointers: the address space of every process maps
// this process's own memory at its own addresses, except for one window of
// addresses that is reserved in this process and holds what the kernel itself
// maps, such as stacks. A bad pointer is EFAULT.
//
// A process is a thread group: one leader, which holds what Linux keeps per
// thread (credentials, signal mask, namespaces, filters), and workers cloned
// from it when several goroutines call at once. A call that changes what is
// kept per thread runs on the leader, and the workers are replaced. So a
// process acts as one, whatever goroutine calls.
//
// # What the kernel asks of its host
//
// A backends.Config's Host answers for time, randomness, memory (asked before
// a call that may add to it), the console and the end; its hooks see these, the
// frames of interfaces, and as transfers of block devices the files of an
// io/fs.FS that is mounted, by their path in the kernel. gVisor has no disks: its
// own file systems are in memory. Its threads are goroutines, which nobody is
// asked for, and it has no settings to ask for by name. gVisor's one random
// source per process remains in AT_RANDOM, in boot_id and uuid of /proc, and in
// the serial numbers of keys. Timers of a clock that moves by itself wait by
// this machine's clock.
//
// # Limits
//
// A Go panic inside gVisor ends the kernel that it happened in with a
// *backends.PanicError: in the boot, in calls, in the loops of tasks, in the
// workers of TCP, in timers of the network stack and in Close. Where it ends
// the program, as any panic does, is on the goroutines that gVisor starts by
// itself: those of its other timers (timeouts of calls, timerfd, itimers, POSIX
// timers), what gives the memory of files back, aio, the end of a network
// namespace, and those of link endpoints.
//
// Clocks of CPU time stand still, because gVisor's ticker for them can neither
// be stopped nor idle. A signal handler does nothing but that the signal
// counts as caught. What mmap returns may be given to calls, but not be
// touched by Go.
//
// Programs and tests with the race detector need
//
//	go test -race -gcflags=all=-d=checkptr=0
//
// because gVisor turns addresses into pointers in ways that checkptr, which
// -race turns on, takes for mistakes.
//
// What may be in this room: all that knows gVisor. What may not: anything
// that the packages above would have to know.
package sentry
