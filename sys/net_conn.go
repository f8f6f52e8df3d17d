package sys

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"
)

// A Conn is a connection over a socket of any kernel, as package net has them:
// the networks are "tcp", "unix", "unixpacket" and, connected by Dial, "udp"
// and "unixgram".
//
// Errors are *net.OpError over an [*Error], net.ErrClosed or
// os.ErrDeadlineExceeded. Methods may be called by many goroutines at a time;
// one Write is not mixed with another.
type Conn struct {
	s             *Socket
	network       string
	local, remote net.Addr
	stream        bool     // a read of nothing is the end, a write may be done in parts
	send          MsgFlags // of every send

	writing sync.Mutex // of streams: keeps the parts of a write together
}

var _ net.Conn = (*Conn)(nil)

// newConn is s, which is not blocking, as a connection.
func newConn(s *Socket, network string, local, remote net.Addr) *Conn {
	c := &Conn{s: s, network: network, local: local, remote: remote, stream: netKinds[network].typ != SOCK_DGRAM}
	if s.p.k.tab.socket.noSignal {
		c.send = MSG_NOSIGNAL
	} else {
		_ = SO_NOSIGPIPE.Set(s, true) // the other way not to be killed by a peer
	}
	return c
}

// Socket is the socket under c, for its options and for calls that package net
// does not have.
func (c *Conn) Socket() *Socket { return c.s }

// Read reads up to len(b) bytes, or one datagram.
func (c *Conn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := c.s.recvfrom(b, 0, nil)
	if err != nil {
		return 0, c.fail("read", err)
	}
	if n == 0 && c.stream {
		return 0, io.EOF
	}
	return n, nil
}

// Write writes all of b, in as many sends as it takes; or one datagram.
func (c *Conn) Write(b []byte) (int, error) {
	if !c.stream {
		n, err := c.s.sendto(b, c.send, nil)
		if err != nil {
			return 0, c.fail("write", err)
		}
		return n, nil
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	total := 0
	for {
		n, err := c.s.sendto(b[total:], c.send, nil)
		if err != nil {
			return total, c.fail("write", err)
		}
		if total += n; total >= len(b) {
			return total, nil
		}
	}
}

// fail is err as package net has it.
func (c *Conn) fail(op string, err error) error {
	return opError(c.s, op, c.network, c.local, c.remote, err)
}

func opError(s *Socket, op, network string, source, addr net.Addr, err error) error {
	switch {
	case err == nil:
		return nil
	case err == os.ErrDeadlineExceeded:
	case errors.Is(err, fs.ErrClosed):
		err = net.ErrClosed
	default:
		p := s.view()
		err = p.wrap(op, "", err)
	}
	return &net.OpError{Op: op, Net: network, Source: source, Addr: addr, Err: err}
}

// Close closes the connection. Reads and writes that wait end with
// net.ErrClosed, as does every later call.
func (c *Conn) Close() error {
	closed := c.s.state.Load()&closing != 0
	if closed {
		return c.fail("close", net.ErrClosed)
	}
	return c.fail("close", c.s.close())
}

// CloseRead ends the direction from the peer.
func (c *Conn) CloseRead() error { return c.shutdown(SHUT_RD) }

// CloseWrite ends the direction to the peer, which reads an end of file.
func (c *Conn) CloseWrite() error { return c.shutdown(SHUT_WR) }

func (c *Conn) shutdown(how ShutdownHow) error { return c.netError("close", c.s.Shutdown(how)) }

// netError is an error of a method of Socket or File as package net has it.
func (c *Conn) netError(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrClosed):
		err = net.ErrClosed
	}
	return &net.OpError{Op: op, Net: c.network, Source: c.local, Addr: c.remote, Err: err}
}

// LocalAddr is the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the address of the peer.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets the deadline of reads and writes; see net.Conn.
func (c *Conn) SetDeadline(t time.Time) error { return c.netError("set", c.s.SetDeadline(t)) }

// SetReadDeadline sets the deadline of reads.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.netError("set", c.s.SetReadDeadline(t)) }

// SetWriteDeadline sets the deadline of writes.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.netError("set", c.s.SetWriteDeadline(t)) }

// SetNoDelay sets whether TCP sends small segments at once. New connections
// do.
func (c *Conn) SetNoDelay(on bool) error { return c.netError("set", TCP_NODELAY.Set(c.s, on)) }

// SetKeepAlive sets whether idle connections are probed.
func (c *Conn) SetKeepAlive(on bool) error { return c.netError("set", SO_KEEPALIVE.Set(c.s, on)) }

// SetKeepAlivePeriod sets the time before the first probe of an idle
// connection and between probes, rounded up to seconds.
func (c *Conn) SetKeepAlivePeriod(d time.Duration) error {
	return c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: d, Interval: d, Count: -1})
}

// SetKeepAliveConfig sets how idle connections are probed, as
// net.TCPConn.SetKeepAliveConfig does: a 0 stands for 15 seconds and 9 probes,
// a negative value leaves what there is.
func (c *Conn) SetKeepAliveConfig(cfg net.KeepAliveConfig) error {
	if err := c.SetKeepAlive(cfg.Enable); err != nil {
		return err
	}
	for _, o := range []struct {
		option SockOpt[time.Duration]
		value  time.Duration
	}{{TCP_KEEPIDLE, cfg.Idle}, {TCP_KEEPINTVL, cfg.Interval}} {
		if o.value == 0 {
			o.value = 15 * time.Second
		}
		if o.value > 0 {
			whole := (o.value + time.Second - 1).Truncate(time.Second)
			if err := o.option.Set(c.s, whole); err != nil {
				return c.netError("set", err)
			}
		}
	}
	if cfg.Count < 0 {
		return nil
	}
	if cfg.Count == 0 {
		cfg.Count = 9
	}
	return c.netError("set", TCP_KEEPCNT.Set(c.s, cfg.Count))
}

// SetLinger sets what Close does with data that was not sent yet, as
// net.TCPConn.SetLinger does: negative goes on in the background, 0 drops it
// and resets the connection, seconds wait for so long.
func (c *Conn) SetLinger(seconds int) error {
	l := Linger{On: seconds >= 0, Time: time.Duration(max(seconds, 0)) * time.Second}
	return c.netError("set", SO_LINGER.Set(c.s, l))
}

// SetReadBuffer sets the size of the kernel's receive buffer.
func (c *Conn) SetReadBuffer(bytes int) error { return c.netError("set", SO_RCVBUF.Set(c.s, bytes)) }

// SetWriteBuffer sets the size of the kernel's send buffer.
func (c *Conn) SetWriteBuffer(bytes int) error { return c.netError("set", SO_SNDBUF.Set(c.s, bytes)) }

// ReadFrom writes what r gives until its end.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{c}, r)
}
