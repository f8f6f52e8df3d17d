// Package sysproxy is the protocol by which programs use a NetBSD kernel in
// another process, as librumpclient and rump_server speak it, version 0.4: the
// client sends system calls, and the server asks back for the memory that they
// point to.
//
// Messages are a header of 24 bytes and what belongs to it, in the byte order
// of the machine, with pointers of 64 bits. Each side numbers its requests, and
// answers come in any order.
//
// Between two sides that are both ours there is more, which the server offers
// in its banner: calls that carry their memory with them, so that every call is
// one question and one answer, whatever the kernel ([Call]); calls that can be
// interrupted; and a handshake that says which kernel this is ([Info]).
//
// Nothing that arrives is trusted: lengths, counts, numbers and texts are
// checked before they are used, and what is read is bounded.
//
// What may be in this room: messages, and the reading and writing of them.
// What may not: cgo, kernels, and what either side does with a message; that
// is in backends/remote.
package sysproxy
