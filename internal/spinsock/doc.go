// Package spinsock has stream sockets for short questions and answers. A read
// looks for a moment whether something has come before it waits: to be woken
// takes longer than the answer to a short question does.
//
// A socket of package net cannot do that: the runtime's poller is woken for
// whatever arrives there, whether somebody waits or not, and that costs the
// other core what looking saves. A socket here is watched by a poller of its
// own, and only while somebody waits.
//
// What may be in this room: sockets of the host, and how they are waited for.
// What may not: what is said over them.
package spinsock

import (
	"errors"
	"net"
)

// ErrNothing is the error of TryRead where nothing has come.
var ErrNothing = errors.New("nothing has come")

// A Conn is a connection that can be looked at.
type Conn interface {
	net.Conn
	// TryRead is Read for what has come, or comes in a moment. Its error is
	// ErrNothing otherwise.
	TryRead(p []byte) (int, error)
}
