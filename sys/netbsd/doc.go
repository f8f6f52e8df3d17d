// Package netbsd is what NetBSD alone has: mounts with the arguments of each
// file system, files of the host among a rump kernel's own, network interfaces
// by ioctl and routes by the route socket.
//
// It works over every kernel that speaks NetBSD's ABI, whatever the program
// runs on; over others its calls fail with [sys.ErrNotSupported]. What reads
// data of NetBSD works without a kernel, such as [ParseRouteMessages].
//
// What may be in this room: the types and calls of NetBSD, made of the raw
// calls by name of package sys. What may not: what another OS has as well,
// which is package sys's, or sys/netif's where networks are alike.
package netbsd
