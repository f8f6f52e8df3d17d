package measure

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/anykernel/anykernel/sys"
)

// tcpPair is two ends of one TCP connection on the kernel's loopback.
func tcpPair(ctx context.Context, k *sys.Kernel) (client, server net.Conn, err error) {
	p := k.Init()
	l, err := p.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	client, err = p.Dial(ctx, "tcp", l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	server, err = l.Accept()
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return client, server, nil
}

// A peer is the goroutine at the far end of a connection, and its near end.
type peer struct {
	net.Conn
	done chan error
}

// startPeer connects and has far serve the other end.
func startPeer(ctx context.Context, k *sys.Kernel, far func(net.Conn) error) (*peer, error) {
	near, conn, err := tcpPair(ctx, k)
	if err != nil {
		return nil, err
	}
	p := &peer{Conn: near, done: make(chan error, 1)}
	go func() { p.done <- errors.Join(far(conn), conn.Close()) }()
	return p, nil
}

// stop closes the near end, which makes the far end finish.
func (p *peer) stop() error { return errors.Join(p.Close(), <-p.done) }

// startStream writes to a peer that reads all it gets. The receiver's window
// makes the writer wait for it, so the writes have the pace of the reads.
func startStream(size int) func(context.Context, *sys.Kernel) (Runner, error) {
	return func(ctx context.Context, k *sys.Kernel) (Runner, error) {
		p, err := startPeer(ctx, k, func(c net.Conn) error { return drain(c, make([]byte, 64<<10)) })
		if err != nil {
			return Runner{}, err
		}
		b := make([]byte, size)
		return repeat(func() error { _, err := p.Write(b); return err }, p.stop), nil
	}
}

// startPingPong sends one byte and waits for it to come back.
func startPingPong(ctx context.Context, k *sys.Kernel) (Runner, error) {
	p, err := startPeer(ctx, k, func(c net.Conn) error { return echo(c, make([]byte, 1)) })
	if err != nil {
		return Runner{}, err
	}
	b := make([]byte, 1)
	return repeat(func() error {
		if _, err := p.Write(b); err != nil {
			return err
		}
		_, err := io.ReadFull(p, b)
		return err
	}, p.stop), nil
}

// echo writes back what it reads, to the end.
func echo(c net.Conn, b []byte) error {
	for {
		n, err := c.Read(b)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			_, err = c.Write(b[:n])
		}
		if err != nil {
			return err
		}
	}
}
