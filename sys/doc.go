// Package sys is the API of Anykernel: system calls in Go, the same over
// every kernel.
//
// A [Kernel] is opened by a specification in text and holds processes; a
// [Process] makes calls and holds files; a [File] is a descriptor in one
// process of one kernel.
//
//	k, err := sys.Open(ctx, "sentry:hostname=box")
//	defer k.Close()
//	f, err := k.Init().Open("/tmp/hello", sys.O_CREAT|sys.O_RDWR, 0o644)
//
// # Flags
//
// Flags and numbers are portable and typed. Their values are those of
// Linux on x86-64, a choice that means nothing: each call translates them to
// the ABI of the kernel that it goes to, and fails with [ErrNotSupported]
// naming the flag where that kernel has nothing of the kind. Every type has a
// text form both ways, because scripts and shells use names.
//
// # Errors
//
// Errors are [*Error]: the number that the kernel gave, in that kernel's own
// ABI, the call and what it was about. errors.Is works with the portable
// numbers of this package (sys.ENOENT) and with the errors of io/fs
// (fs.ErrNotExist), whatever kernel answered.
//
// # Cancellation
//
// [Process.With] and [File.With] give a view whose calls end when a context
// does. Everything in this package may be used by any number of goroutines at
// a time, unless it says otherwise.
//
// What may be in this room: what more than one OS has, and the adapters that
// make a kernel useful to any Go program (io/fs, net). What one OS alone has
// is in the packages below, such as sys/linux. What may not: a backend, cgo,
// and unsafe.
package sys
