package scenario

import (
	"context"
	"io"
	"net"
	"time"

	"go.starlark.net/starlark"

	"github.com/anykernel/anykernel/hypercall/script"
	"github.com/anykernel/anykernel/sys"
)

// maxRead bounds what one read returns.
const maxRead = 16 << 20

func (k *kernel) listen(c *call) (starlark.Value, error) {
	var network, address string
	if err := c.unpack("network", &network, "address", &address); err != nil {
		return nil, err
	}
	var l *sys.Listener
	err := c.do(func() (err error) {
		l, err = k.p.Listen(context.Background(), network, address)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &object{
		kind:  "listener",
		attrs: starlark.StringDict{"address": starlark.String(l.Addr().String())},
		methods: map[string]method{
			"accept": k.connect(l.Accept),
			"close":  closer(l),
		},
	}, nil
}

func (k *kernel) dial(c *call) (starlark.Value, error) {
	var network, address string
	if err := c.unpack("network", &network, "address", &address); err != nil {
		return nil, err
	}
	dial := k.connect(func() (net.Conn, error) { return k.p.Dial(context.Background(), network, address) })
	return dial(&call{thread: c.thread, name: c.name})
}

// connect is a method that makes a connection.
func (k *kernel) connect(f func() (net.Conn, error)) method {
	return func(c *call) (starlark.Value, error) {
		if err := c.unpack(); err != nil {
			return nil, err
		}
		var conn net.Conn
		err := c.do(func() (err error) {
			conn, err = f()
			return err
		})
		if err != nil {
			return nil, err
		}
		return k.newConn(conn), nil
	}
}

func (k *kernel) newConn(conn net.Conn) *object {
	return &object{
		kind: "connection",
		attrs: starlark.StringDict{
			"local": starlark.String(conn.LocalAddr().String()), "remote": starlark.String(conn.RemoteAddr().String()),
		},
		methods: map[string]method{
			"read":        func(c *call) (starlark.Value, error) { return read(c, conn) },
			"read_all":    func(c *call) (starlark.Value, error) { return k.readAll(c, conn) },
			"write":       func(c *call) (starlark.Value, error) { return write(c, conn) },
			"close_write": func(c *call) (starlark.Value, error) { return closeWrite(c, conn) },
			"timeout":     k.timeout(conn.SetDeadline),
			"close":       closer(conn),
		},
	}
}

func read(c *call, r io.Reader) (starlark.Value, error) {
	n := 64 << 10
	if err := c.unpack("n?", &n); err != nil {
		return nil, err
	}
	b := make([]byte, min(max(n, 0), maxRead))
	err := c.do(func() (err error) {
		n, err = r.Read(b)
		if err == io.EOF {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.bytes(b[:n])
}

func (k *kernel) readAll(c *call, conn net.Conn) (starlark.Value, error) {
	var limit script.Duration
	if err := c.unpack("limit?", &limit); err != nil {
		return nil, err
	}
	var b []byte
	err := c.do(func() (err error) {
		if limit > 0 {
			if err := conn.SetDeadline(k.x.w.Now().Add(time.Duration(limit))); err != nil {
				return err
			}
			defer conn.SetDeadline(time.Time{})
		}
		b, err = io.ReadAll(io.LimitReader(conn, script.MaxMemory))
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.bytes(b)
}

func write(c *call, w io.Writer) (starlark.Value, error) {
	var content data
	if err := c.unpack("data", &content); err != nil {
		return nil, err
	}
	return starlark.None, c.do(func() error {
		_, err := w.Write(content)
		return err
	})
}

func closeWrite(c *call, conn net.Conn) (starlark.Value, error) {
	if err := c.unpack(); err != nil {
		return nil, err
	}
	return starlark.None, c.do(conn.(interface{ CloseWrite() error }).CloseWrite)
}

// timeout is a method that bounds how long all that follows may take; "0s"
// takes that back.
func (k *kernel) timeout(set func(time.Time) error) method {
	return func(c *call) (starlark.Value, error) {
		var d script.Duration
		if err := c.unpack("duration", &d); err != nil {
			return nil, err
		}
		at := time.Time{}
		if d > 0 {
			at = k.x.w.Now().Add(time.Duration(d))
		}
		return starlark.None, c.do(func() error { return set(at) })
	}
}

func closer(x io.Closer) method {
	return func(c *call) (starlark.Value, error) {
		if err := c.unpack(); err != nil {
			return nil, err
		}
		return starlark.None, c.do(x.Close)
	}
}

func (k *kernel) packet(c *call) (starlark.Value, error) {
	var network, address string
	if err := c.unpack("network", &network, "address", &address); err != nil {
		return nil, err
	}
	var conn *sys.PacketConn
	err := c.do(func() (err error) {
		conn, err = k.p.ListenPacket(context.Background(), network, address)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &object{
		kind:  "socket",
		attrs: starlark.StringDict{"address": starlark.String(conn.LocalAddr().String())},
		methods: map[string]method{
			"receive": func(c *call) (starlark.Value, error) { return receive(c, conn) },
			"send":    func(c *call) (starlark.Value, error) { return k.send(c, network, conn) },
			"timeout": k.timeout(conn.SetDeadline),
			"close":   closer(conn),
		},
	}, nil
}

func receive(c *call, conn net.PacketConn) (starlark.Value, error) {
	n := 64 << 10
	if err := c.unpack("n?", &n); err != nil {
		return nil, err
	}
	b := make([]byte, min(max(n, 0), maxRead))
	var from net.Addr
	err := c.do(func() (err error) {
		n, from, err = conn.ReadFrom(b)
		return err
	})
	if err != nil {
		return nil, err
	}
	v, err := c.bytes(b[:n])
	return starlark.Tuple{v, starlark.String(from.String())}, err
}

func (k *kernel) send(c *call, network string, conn *sys.PacketConn) (starlark.Value, error) {
	var content data
	var to string
	if err := c.unpack("data", &content, "to", &to); err != nil {
		return nil, err
	}
	return starlark.None, c.do(func() error {
		addrs, err := k.p.Resolve(context.Background(), network, to)
		if err != nil {
			return err
		}
		_, err = conn.WriteToUDPAddrPort(content, addrs[0])
		return err
	})
}
