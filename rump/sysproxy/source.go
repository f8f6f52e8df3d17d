package sysproxy

import (
	"net"

	"github.com/anykernel/anykernel/internal/spinsock"
)

// ErrNothing is the error of TryNext where no message has come.
var ErrNothing = spinsock.ErrNothing

// A source reads a connection, or, with try, what has come there.
type source struct {
	c   net.Conn
	try bool
}

func (s *source) Read(p []byte) (int, error) {
	if !s.try {
		return s.c.Read(p)
	}
	if c, ok := s.c.(spinsock.Conn); ok {
		return c.TryRead(p)
	}
	return 0, ErrNothing
}
