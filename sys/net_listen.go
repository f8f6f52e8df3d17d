package sys

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/anykernel/anykernel/sys/abi"
)

// A Listener takes connections on a socket of any kernel, as package net has
// it.
type Listener struct {
	s       *Socket
	network string
	addr    net.Addr
	local   Addr
	unlink  func() // removes the name from the file system; nil if it has none
	once    sync.Once
}

var _ net.Listener = (*Listener)(nil)

// listenBacklog is how many connections may wait to be accepted. Kernels use
// their own limit where it is lower.
const listenBacklog = 4096

// Listen takes connections, as net.Listen does. The networks are "tcp",
// "tcp4", "tcp6", "unix" and "unixpacket". Without a host it listens on all
// addresses of the kernel, of IPv4 and IPv6 where the network is "tcp". The
// context bounds the call only. Close removes a Unix socket's name from the
// file system.
func (p *Process) Listen(ctx context.Context, network, address string) (*Listener, error) {
	if kind, ok := netKinds[network]; !ok || kind.typ == SOCK_DGRAM {
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	s, local, err := p.listen(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l := &Listener{s: s, network: network, addr: netAddr(network, local), local: local}
	if err := s.Listen(listenBacklog); err != nil {
		s.Close()
		return nil, &net.OpError{Op: "listen", Net: network, Addr: l.addr, Err: err}
	}
	if u, ok := local.(UnixAddr); ok && !u.Abstract && u.Path != "" {
		l.unlink = func() { _ = p.Unlink(u.Path) }
	}
	return l, nil
}

// listen makes a socket and binds it.
func (p *Process) listen(ctx context.Context, network, address string) (*Socket, Addr, error) {
	fail := func(addr Addr, err error) error {
		return &net.OpError{Op: "listen", Net: network, Addr: netAddr(network, addr), Err: err}
	}
	kind := netKinds[network]
	if kind.unix {
		s, local, err := p.bindTo(kind, unixAddr(address), false)
		if err != nil {
			return nil, nil, fail(unixAddr(address), err)
		}
		return s, local, nil
	}
	addrs, err := p.resolve(ctx, network, address)
	if err != nil {
		return nil, nil, fail(nil, err)
	}
	addr := Addr(InetAddr{AddrPort: preferIPv4(addrs)})
	if !addrs[0].Addr().IsValid() { // all addresses of the kernel
		return p.listenAny(kind, addrs[0].Port(), fail)
	}
	s, local, err := p.bindTo(kind, addr, false)
	if err != nil {
		return nil, nil, fail(addr, err)
	}
	return s, local, nil
}

// listenAny binds to all addresses: by one IPv6 socket, and where the kernel
// has no IPv6 by one of IPv4.
func (p *Process) listenAny(kind netKind, port uint16, fail func(Addr, error) error) (*Socket, Addr, error) {
	var failed error
	for _, addr := range []InetAddr{Inet(netip.IPv6Unspecified(), port), Inet(netip.IPv4Unspecified(), port)} {
		if kind.family != AF_UNSPEC && kind.family != addr.Family() {
			continue
		}
		s, local, err := p.bindTo(kind, addr, kind.family == AF_UNSPEC)
		if err == nil {
			return s, local, nil
		}
		if failed = fail(addr, err); !isNoFamily(err) {
			break
		}
	}
	return nil, nil, failed
}

// isNoFamily reports whether a kernel has no addresses of a family.
func isNoFamily(err error) bool {
	return errors.Is(err, EAFNOSUPPORT) || errors.Is(err, EADDRNOTAVAIL) || errors.Is(err, EPROTONOSUPPORT) || errors.Is(err, ErrNotSupported)
}

func preferIPv4(addrs []netip.AddrPort) netip.AddrPort {
	for _, a := range addrs {
		if a.Addr().Unmap().Is4() {
			return a
		}
	}
	return addrs[0]
}

// bindTo makes a socket that does not block and binds it. An IPv6 socket takes
// IPv4 as well where both is set.
func (p *Process) bindTo(kind netKind, addr Addr, both bool) (s *Socket, local Addr, err error) {
	s, err = p.Socket(addr.Family(), kind.typ|SOCK_NONBLOCK|SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func(s *Socket) {
		if err != nil {
			s.Close()
		}
	}(s)
	if addr.Family() == AF_INET6 {
		if err := IPV6_V6ONLY.Set(s, !both); err != nil {
			return nil, nil, err
		}
	}
	if kind.typ == SOCK_STREAM && !kind.unix {
		if err := SO_REUSEADDR.Set(s, true); err != nil {
			return nil, nil, err
		}
	}
	if err := s.Bind(addr); err != nil {
		return nil, nil, err
	}
	local, err = s.LocalAddr()
	return s, local, err
}

// Accept waits for a connection and returns it as an [*Conn].
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptConn()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptConn is Accept without the interface.
func (l *Listener) AcceptConn() (*Conn, error) {
	m := newScratch()
	defer m.free()
	b := m.sockaddr()
	s, err := l.accept(&b)
	if err != nil {
		return nil, opError(l.s, "accept", l.network, nil, l.addr, err)
	}
	c, err := l.newConn(s, &b)
	if err != nil {
		s.Close()
		return nil, &net.OpError{Op: "accept", Net: l.network, Addr: l.addr, Err: err}
	}
	return c, nil
}

// accept leaves out connections that ended before they were accepted.
func (l *Listener) accept(b *sockaddrBuffer) (*Socket, error) {
	for {
		s, err := l.s.accept(b, SOCK_NONBLOCK|SOCK_CLOEXEC)
		if e, ok := err.(abi.Errno); ok && e == l.s.p.k.tab.socket.econnaborted {
			continue
		}
		return s, err
	}
}

func (l *Listener) newConn(s *Socket, b *sockaddrBuffer) (*Conn, error) {
	peer, err := b.addr(s)
	if err != nil {
		return nil, err
	}
	local := l.addr
	if a, ok := l.local.(InetAddr); ok && a.Addr().IsUnspecified() {
		addr, err := s.LocalAddr()
		if err != nil {
			return nil, err
		}
		local = netAddr(l.network, addr)
	}
	if peer == nil && netKinds[l.network].unix {
		peer = UnixAddr{} // a kernel that names nobody means nobody with a name
	}
	c := newConn(s, l.network, local, netAddr(l.network, peer))
	if isTCP(l.network) {
		_ = TCP_NODELAY.Set(s, true) // as package net does
	}
	return c, nil
}

// Addr is the address that the listener is bound to.
func (l *Listener) Addr() net.Addr { return l.addr }

// Socket is the socket under l.
func (l *Listener) Socket() *Socket { return l.s }

// SetDeadline bounds Accept; see net.TCPListener.
func (l *Listener) SetDeadline(t time.Time) error { return l.s.SetReadDeadline(t) }

// Close stops listening. An Accept that waits ends with net.ErrClosed.
func (l *Listener) Close() error {
	if l.s.state.Load()&closing != 0 {
		return opError(l.s, "close", l.network, nil, l.addr, net.ErrClosed)
	}
	if l.unlink != nil {
		l.once.Do(l.unlink)
	}
	return opError(l.s, "close", l.network, nil, l.addr, l.s.close())
}
