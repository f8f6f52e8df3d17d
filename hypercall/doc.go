// Package hypercall describes what a kernel in this process asks of its host:
// time, randomness, memory, threads, block devices, network, a console.
//
// A [Host] has one small interface per concern. A concern that is nil is
// answered by the kernel's backend itself, in the fastest way it has; one that
// is set is asked each time, so that a program can watch, change or fail every
// request. [POSIX] is a host made of this operating system.
//
// A host is wrapped to see or change what goes by:
//
//	host := hypercall.Wrap(hypercall.POSIX(), logging, faults)
//
// Implementations embed the Unimplemented type of their concern, which fails
// every request, and so keep compiling when a method is added.
//
// What may be in this room: the interfaces, hosts and wrappers that hold for
// every kernel, in Go. What may not: anything that knows how one kernel makes
// its requests. rumpuser is the room for NetBSD's.
package hypercall
