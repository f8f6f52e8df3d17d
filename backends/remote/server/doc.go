// Package server offers a kernel to other processes, by the protocol of
// package sysproxy.
//
//	k, err := backends.Open(ctx, "rump", backends.Config{Guests: true})
//	s, err := server.New(k, server.Options{})
//	l, err := net.Listen("unix", path)
//	err = s.Serve(l)
//
// Each connection is a process of the kernel's, which ends with it. Programs
// linked to NetBSD's librumpclient work as they do with rump_server, if the
// kernel is NetBSD's; backends/remote works with every kernel that can have
// guests.
//
// A client is not trusted: it reaches the memory of its own calls and nothing
// else in this process, it may have so many calls and so much memory under way
// and no more, and one that does not read or answer is cut off. Inside the
// kernel its process has the rights of root, like those of rump_server.
//
// What may be in this room: the server's side of the protocol. What may not:
// anything that knows one kernel.
package server
