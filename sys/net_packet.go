package sys

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// A PacketConn is a socket for datagrams of any kernel, as package net has
// them: the networks are "udp" and "unixgram". What [Conn] says holds for it.
type PacketConn struct {
	*Conn
	family Family
}

var (
	_ net.PacketConn = (*PacketConn)(nil)
	_ net.Conn       = (*PacketConn)(nil)
)

// ReadFrom receives a datagram. What does not fit b is lost.
func (c *PacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	m := newScratch()
	defer m.free()
	from := m.sockaddr()
	n, err := c.s.recvfrom(b, 0, &from)
	if err != nil {
		return 0, nil, c.fail("read", err)
	}
	addr, err := from.addr(c.s)
	if err != nil {
		return 0, nil, c.fail("read", err)
	}
	return n, netAddr(c.network, addr), nil
}

// WriteTo sends a datagram.
func (c *PacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.remote != nil {
		return 0, &net.OpError{Op: "write", Net: c.network, Source: c.local, Addr: to, Err: net.ErrWriteToConnected}
	}
	addr, err := fromNetAddr(c.family, to)
	if err != nil {
		return 0, &net.OpError{Op: "write", Net: c.network, Source: c.local, Addr: to, Err: err}
	}
	m := newScratch()
	defer m.free()
	name, err := c.s.addrBytes(m, addr)
	if err == nil {
		var n int
		if n, err = c.s.sendto(b, c.send, name); err == nil {
			return n, nil
		}
	}
	return 0, opError(c.s, "write", c.network, c.local, to, err)
}

// ReadFromUDPAddrPort is ReadFrom that needs no memory for the address.
func (c *PacketConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	m := newScratch()
	defer m.free()
	from := m.sockaddr()
	n, err := c.s.recvfrom(b, 0, &from)
	if err != nil {
		return 0, netip.AddrPort{}, c.fail("read", err)
	}
	addr, err := from.inet(c.s)
	if err != nil {
		return 0, netip.AddrPort{}, c.fail("read", err)
	}
	return n, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), nil
}

// WriteToUDPAddrPort is WriteTo that needs no memory for the address.
func (c *PacketConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if c.remote != nil {
		return 0, &net.OpError{Op: "write", Net: c.network, Source: c.local, Err: net.ErrWriteToConnected}
	}
	addr, err := inetFor(c.family, to)
	if err != nil {
		return 0, &net.OpError{Op: "write", Net: c.network, Source: c.local, Err: err}
	}
	m := newScratch()
	defer m.free()
	if addr, err = c.s.resolveZone(addr); err != nil {
		return 0, c.fail("write", err)
	}
	name := m.zeroed(maxSockaddr)
	size, err := addr.encode(&c.s.p.k.tab.socket.addr, name)
	if err != nil {
		return 0, c.fail("write", err)
	}
	n, err := c.s.sendto(b, c.send, name[:size])
	if err != nil {
		return 0, c.fail("write", err)
	}
	return n, nil
}

// SetBroadcast sets whether datagrams may go to broadcast addresses.
func (c *PacketConn) SetBroadcast(on bool) error {
	return c.netError("set", SO_BROADCAST.Set(c.s, on))
}

// ListenPacket opens a socket for datagrams, as net.ListenPacket does. The
// networks are "udp", "udp4", "udp6" and "unixgram". The context bounds the
// call only.
func (p *Process) ListenPacket(ctx context.Context, network, address string) (*PacketConn, error) {
	if netKinds[network].typ != SOCK_DGRAM {
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	s, local, err := p.listen(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &PacketConn{Conn: newConn(s, network, netAddr(network, local), nil), family: local.Family()}
	if local.Family() == AF_INET || local.Family() == AF_INET6 {
		if err := SO_BROADCAST.Set(s, true); err != nil && !errors.Is(err, ErrNotSupported) {
			s.Close()
			return nil, c.netError("listen", err)
		}
	}
	return c, nil
}
