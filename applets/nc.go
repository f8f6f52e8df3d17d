package applets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/sys"
)

var nc = &Applet{
	Name:       "nc",
	Concurrent: true,
	Summary:    "send the input over TCP or UDP, and write what comes back",
	Synopsis:   "[-u] [-w TIME] HOST PORT | -l [-u] [-w TIME] [HOST] PORT",
	flags: func(f *pflag.FlagSet) action {
		listen := f.BoolP("listen", "l", false, "wait for one connection or, with -u, for the first datagram")
		udp := f.BoolP("udp", "u", false, "datagrams, which have no end: see -w")
		idle := f.StringP("wait", "w", "", "end when nothing has come for that `time`, such as 2 or 500ms")
		return func(j *job, args []string) error {
			min := 2
			if *listen {
				min = 1
			}
			if err := operands(args, min, 2); err != nil {
				return err
			}
			if len(args) == 1 {
				args = []string{"", args[0]}
			}
			var patience time.Duration
			if *idle != "" {
				var err error
				if patience, err = parseDuration(*idle); err != nil {
					return usageError{err}
				}
			}
			address := net.JoinHostPort(args[0], args[1])
			connect := j.connection
			if *udp {
				connect = j.datagrams
			}
			c, err := connect(address, *listen)
			if err != nil {
				return fmt.Errorf("%s: %s", address, message(err))
			}
			if patience > 0 {
				c = impatient{c, patience}
			}
			return j.converse(c)
		}
	},
}

func (j *job) connection(address string, listen bool) (net.Conn, error) {
	if !listen {
		return j.p.Dial(j.ctx, "tcp", address)
	}
	l, err := j.p.Listen(j.ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	defer context.AfterFunc(j.ctx, func() { l.Close() })()
	c, err := l.Accept()
	if j.ctx.Err() != nil {
		err = j.ctx.Err()
	}
	return c, err
}

// datagrams is a connection over UDP. Who listens talks to the sender of the
// first datagram.
func (j *job) datagrams(address string, listen bool) (net.Conn, error) {
	if !listen {
		return j.p.Dial(j.ctx, "udp", address)
	}
	pc, err := j.p.ListenPacket(j.ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(j.ctx, func() { pc.Close() })
	b := make([]byte, maxDatagram)
	n, peer, err := pc.ReadFrom(b)
	if !stop() {
		err = j.ctx.Err()
	}
	if err != nil {
		pc.Close()
		return nil, err
	}
	return &correspondence{PacketConn: pc, peer: peer, first: b[:n]}, nil
}

const maxDatagram = 64 << 10

// A correspondence is a socket for datagrams that sends to one peer and hears
// nobody else.
type correspondence struct {
	net.PacketConn
	peer  net.Addr
	first []byte // came from the peer already; nil once it was read
}

func (c *correspondence) RemoteAddr() net.Addr { return c.peer }

func (c *correspondence) Write(b []byte) (int, error) { return c.WriteTo(b, c.peer) }

func (c *correspondence) Read(b []byte) (int, error) {
	if c.first != nil {
		n := copy(b, c.first)
		c.first = nil
		return n, nil
	}
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil || from.String() == c.peer.String() {
			return n, err
		}
	}
}

// An impatient connection ends when nothing has come for some time.
type impatient struct {
	net.Conn
	patience time.Duration
}

func (c impatient) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = io.EOF
	}
	return n, err
}

func (c impatient) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// converse sends the input, then the end of it, and writes what comes back,
// until both have ended.
func (j *job) converse(c net.Conn) error {
	defer c.Close()
	defer context.AfterFunc(j.ctx, func() { c.Close() })()
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c, j.bound(j.stdin))
		if half, ok := c.(interface{ CloseWrite() error }); ok && err == nil {
			err = half.CloseWrite()
		}
		sent <- err
	}()
	_, err := io.Copy(j.stdout, c)
	select {
	case e := <-sent:
		if !errors.Is(e, sys.ENOTCONN) { // the other end has gone before
			err = errors.Join(err, e)
		}
	case <-j.ctx.Done():
	}
	if j.ctx.Err() != nil {
		return j.ctx.Err()
	}
	return err
}
