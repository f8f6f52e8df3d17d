// Package backends is the contract between the API in package sys and the
// kernels below it.
//
// A backend reaches one kind of kernel: the host's, gVisor's, NetBSD's. It
// registers itself by import, is opened by a specification in text such as
// "sentry:hostname=box", and answers raw system calls: a number of the
// kernel's own ABI, scalars, and pieces of the caller's memory with a
// direction. How that memory reaches the kernel (in place, translated, copied
// over a socket) is the backend's affair alone.
//
// What may be in this room: the interfaces, the call, the registry, the
// specification's text form, and the errors that every backend shares. What
// may not: anything that knows one kernel, and anything that knows what a
// call means; that is package sys.
package backends
