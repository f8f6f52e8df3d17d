package sys

import (
	"context"
	"errors"
	"net"
	"time"
)

// A Dialer connects from a process to addresses, as net.Dialer does. Its
// DialContext is what http.Transport wants:
//
//	client := &http.Client{Transport: &http.Transport{DialContext: p.Dialer().DialContext}}
type Dialer struct {
	// Timeout bounds a Dial; 0 is none.
	Timeout time.Duration
	// LocalAddr is the address to connect from; nil for the kernel's choice.
	LocalAddr Addr
	// Control is called with each socket before it is bound or connected; nil
	// for none.
	Control func(network string, s *Socket) error
	// Resolver looks up names that the kernel's /etc/hosts does not have; nil
	// for the one of the process. See [Process.Resolver].
	Resolver *net.Resolver

	p *Process
}

// Dialer is a Dialer from p without limits.
func (p *Process) Dialer() *Dialer { return &Dialer{p: p} }

// Dial connects to an address, as net.Dial does: the networks are "tcp",
// "udp", both with "4" or "6" behind, "unix", "unixgram" and "unixpacket". The
// connection is a [*Conn], or a [*PacketConn] where the network has datagrams.
func (p *Process) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return p.Dialer().DialContext(ctx, network, address)
}

// Dial is DialContext without a context.
func (d *Dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialContext connects to an address; see [Process.Dial]. The addresses of a
// name are tried one after the other. The context bounds connecting only.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Timeout)
		defer cancel()
	}
	kind, ok := netKinds[network]
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: network, Err: net.UnknownNetworkError(network)}
	}
	if kind.unix {
		return d.dialOne(ctx, network, unixAddr(address))
	}
	addrs, err := d.resolve(ctx, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	var first error
	for _, a := range addrs {
		c, err := d.dialOne(ctx, network, InetAddr{AddrPort: a})
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

func (d *Dialer) dialOne(ctx context.Context, network string, addr Addr) (net.Conn, error) {
	// A connection to a port of our own that nobody listens on may connect to
	// itself, where the kernel happens to choose that port for our end too.
	for try := 0; ; try++ {
		s, local, err := d.connect(ctx, network, addr)
		if err == nil && try < 2 && isTCP(network) && local == addr {
			s.Close()
			continue
		}
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Source: netAddr(network, d.LocalAddr), Addr: netAddr(network, addr), Err: err}
		}
		c := newConn(s, network, netAddr(network, local), netAddr(network, addr))
		if isTCP(network) {
			_ = TCP_NODELAY.Set(s, true) // as package net does
		}
		if !c.stream {
			return &PacketConn{Conn: c, family: addr.Family()}, nil
		}
		return c, nil
	}
}

// connect makes a socket and connects it.
func (d *Dialer) connect(ctx context.Context, network string, addr Addr) (s *Socket, local Addr, err error) {
	s, err = d.p.Socket(addr.Family(), netKinds[network].typ|SOCK_NONBLOCK|SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func(s *Socket) {
		if err != nil {
			s.Close()
		}
	}(s)
	if d.Control != nil {
		if err := d.Control(network, s); err != nil {
			return nil, nil, err
		}
	}
	if isUDP(network) {
		if err := SO_BROADCAST.Set(s, true); err != nil && !errors.Is(err, ErrNotSupported) {
			return nil, nil, err
		}
	}
	if d.LocalAddr != nil {
		if err := s.Bind(d.LocalAddr); err != nil {
			return nil, nil, err
		}
	}
	if err := s.With(ctx).Connect(addr); err != nil {
		return nil, nil, err
	}
	local, err = s.LocalAddr()
	return s, local, err
}
