package sysproxy

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/anykernel/anykernel/internal/spinsock"
)

// ErrNothing is the error of TryNext where no message has come.
var ErrNothing = spinsock.ErrNothing

// A source reads a connection, or, with try, what has come there.
type source struct {
	c   net.Conn
	try bool

	left  *uint64      // of the message that is being read, as Conn has it
	since atomic.Int64 // when a read began that waits for the rest of a message
}

func (s *source) Read(p []byte) (int, error) {
	switch {
	case !s.try && *s.left == 0:
		return s.c.Read(p)
	case !s.try:
		s.since.Store(time.Now().UnixNano())
		defer s.since.Store(0)
		return s.c.Read(p)
	}
	if c, ok := s.c.(spinsock.Conn); ok {
		return c.TryRead(p)
	}
	return 0, ErrNothing
}
