// Package remote is the backend for kernels in other processes, on this
// machine or another. Import it for its effect: it registers "remote".
//
//	k, err := sys.Open(ctx, "remote:unix:///path/of/the/socket")
//	k, err := sys.Open(ctx, "remote:tls://host:port?ca=ca.pem")
//
// At the other end is `anykernel serve`, or package server, with any kernel
// that can have guests; or NetBSD's own rump_server. The ABI is that of the
// kernel there.
//
// Each process is a connection. The first process of a kernel that is opened
// so is a new one of the kernel there, and Close ends it and its descendants,
// not the kernel. When the other side is lost, every call under way ends with
// an error, and the kernel with a *backends.PanicError.
//
// A rump_server can neither interrupt a call nor tell what it has: a call that
// is cancelled is given up, though it may still happen there, and what the
// kernel can do is found by trying.
//
// It also opens kernels of other backends in a child process, for
// specifications with process=separate; see [backends.RegisterSeparate].
//
// Backends whose kernels are somewhere else, as xen's are, reach them through
// it; see [backends.Connect].
//
// What may be in this room: the client's side of the protocol of package
// sysproxy, and the ways to a server. What may not: anything that knows one
// kernel.
package remote
