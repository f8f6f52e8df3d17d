// Package rump holds small programs that run NetBSD's kernel in their own
// process. They need a kit of its libraries; see scripts/buildrump.sh.
//
//   - files: components by name, what the kernel tells of itself, a disk image
//   - network: a chain of kernels over shared memory, of which the routers are
//     rebooted under an open connection
//   - remote: a kernel behind a socket, and two clients of it
//   - www: net/http on NetBSD's TCP/IP, with files out of an FFS image
//
// What may be in this room: one program a folder, each with a test that runs
// it. What may not: what another example shows already.
package rump
