// Package store is a client of xenstore, Xen's tree of small values that
// domains share (xen/docs/misc/xenstore.txt, public/io/xs_wire.h): over the
// ring of a guest, or the Unix socket in dom0.
//
// The other side is not trusted: sizes are bounded, answers to nobody are an
// error that ends the client.
//
// What may be in this room: the protocol and its transports. What may not:
// what the values mean.
package store
