// Package rump is the backend for NetBSD's kernel in this process. Import it
// for its effect: it registers "rump".
//
//	k, err := sys.Open(ctx, "rump:netinet,fs_ffs?ncpu=1&mem=64m&hostname=box")
//
// The arguments are components of a kit (see rump/kit), in any order and with
// or without the prefixes of their libraries; what they need is added. Without
// arguments the kernel has files in memory, TCP/IP and Unix sockets.
//
// Each call is made by an LWP of its process, on the memory of the caller. The
// raw calls are NetBSD's; see sys/abi/netbsd.
//
// It needs cgo and a kit. Built without cgo it registers all the same, and
// says so.
//
// What may be in this room: what stands between package backends and package
// rump. What may not: what NetBSD's kernel needs to run, which is in package
// rump.
package rump
