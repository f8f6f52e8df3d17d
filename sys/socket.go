package sys

import (
	"context"
	"fmt"
	"strings"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opSocket      = newOp("socket")
	opSocketpair  = newOp("socketpair")
	opBind        = newOp("bind")
	opConnect     = newOp("connect")
	opListen      = newOp("listen")
	opAccept4     = newOp("accept4")
	opPaccept     = newOp("paccept")
	opAccept      = newOp("accept")
	opGetsockname = newOp("getsockname")
	opGetpeername = newOp("getpeername")
	opShutdown    = newOp("shutdown")
	opSendto      = newOp("sendto")
	opRecvfrom    = newOp("recvfrom")
)

// A Socket is a File that is a socket.
//
// Calls on a socket with SOCK_NONBLOCK wait by the kernel's poller: any number
// of goroutines may wait, Close wakes them, and SetDeadline bounds them. With
// MSG_DONTWAIT they return EAGAIN instead. Calls on other sockets block inside
// the kernel, on the host with a thread of its own.
//
// [Process.Dial] and [Process.Listen] are the interfaces of package net over
// sockets.
type Socket struct{ *File }

// Socket makes a socket; see socket(2). Descriptors are closed on exec only
// where typ has SOCK_CLOEXEC. The protocol of AF_PACKET is an EtherType in the
// byte order of the machine, such as ETH_P_ALL.
func (p *Process) Socket(family Family, typ SockType, proto Protocol) (*Socket, error) {
	domain, native, err := p.socketArgs(family, typ)
	name := socketName(family, typ)
	if err != nil {
		return nil, p.wrap("socket", name, err)
	}
	if family == AF_PACKET {
		proto = proto<<8 | proto>>8 // the kernel takes network byte order
		if p.k.tab.socket.bigEndian {
			proto = proto<<8 | proto>>8
		}
	}
	fd, err := p.call(opSocket, domain, native, backends.Int(uintptr(proto)))
	if err != nil {
		return nil, p.wrap("socket", name, err)
	}
	s := &Socket{p.newFile(int(fd), name)}
	return s, s.applyType(typ)
}

// Socketpair makes two sockets that are connected to each other; see
// socketpair(2).
func (p *Process) Socketpair(family Family, typ SockType, proto Protocol) (a, b *Socket, err error) {
	domain, native, err := p.socketArgs(family, typ)
	name := socketName(family, typ)
	if err != nil {
		return nil, nil, p.wrap("socketpair", name, err)
	}
	m := newScratch()
	defer m.free()
	fds := m.zeroed(8)
	if _, err := p.call(opSocketpair, domain, native, backends.Int(uintptr(proto)), backends.Mem(fds, backends.Out)); err != nil {
		return nil, nil, p.wrap("socketpair", name, err)
	}
	order := p.k.tab.abi.Order
	a = &Socket{p.newFile(int(int32(order.Uint32(fds))), name)}
	b = &Socket{p.newFile(int(int32(order.Uint32(fds[4:]))), name)}
	for _, s := range []*Socket{a, b} {
		if err := s.applyType(typ); err != nil {
			a.Close()
			b.Close()
			return nil, nil, err
		}
	}
	return a, b, nil
}

// socketArgs is family and type as the kernel takes them. Flags that its
// socket(2) does not know are left to applyType.
func (p *Process) socketArgs(family Family, typ SockType) (domain, native backends.Arg, err error) {
	f, err := p.k.tab.socket.families.native(uint32(family))
	if err != nil {
		return domain, native, err
	}
	t, err := p.k.tab.socket.types.native(uint64(typ &^ p.k.tab.socket.lacksType))
	return backends.Int(uintptr(f)), backends.Int(uintptr(t)), err
}

// applyType sets the flags of a new socket where the kernel's call to make
// one did not take them.
func (s *Socket) applyType(typ SockType) error {
	missing := typ & s.p.k.tab.socket.lacksType
	if missing == 0 {
		return nil
	}
	err := s.setDescriptorFlags(missing&SOCK_NONBLOCK != 0, missing&SOCK_CLOEXEC != 0)
	if err != nil {
		s.Close()
	}
	return err
}

func socketName(family Family, typ SockType) string {
	t := strings.ToLower(strings.TrimPrefix((typ & sockTypeMask).String(), "SOCK_"))
	f := strings.ToLower(strings.TrimPrefix(family.String(), "AF_"))
	return f + " " + t + " socket"
}

// SocketOf is f as a socket. It does not ask the kernel what f is: a call on
// another kind of file fails with ENOTSOCK.
func SocketOf(f *File) *Socket { return &Socket{f} }

// With is a view of s whose calls end when ctx does; see [Process.With].
func (s *Socket) With(ctx context.Context) *Socket { return &Socket{s.File.With(ctx)} }

// Bind gives the socket an address; see bind(2).
func (s *Socket) Bind(addr Addr) error { return s.callAddr("bind", opBind, addr) }

// Connect connects the socket, and waits until it is or cannot be; see
// connect(2).
func (s *Socket) Connect(addr Addr) error { return s.callAddr("connect", opConnect, addr) }

// callAddr makes a call that gives the socket an address.
func (s *Socket) callAddr(name string, o op, addr Addr) error {
	if err := s.giveAddr(o, addr); err != nil {
		p := s.view()
		return p.wrap(name, fmt.Sprint(addr), err)
	}
	return nil
}

func (s *Socket) giveAddr(o op, addr Addr) error {
	if err := s.acquire(); err != nil {
		return err
	}
	defer s.release()
	m := newScratch()
	defer m.free()
	b, err := s.addrBytes(m, addr)
	if err != nil {
		return err
	}
	p := s.view()
	for a := s.attempt(writing); a.next(&err); {
		_, err = p.call(o, s.fdArg(), backends.Mem(b, backends.In), backends.Int(uintptr(len(b))))
		if o == opConnect && s.inProgress(err) {
			return s.finishConnect(&a, err)
		}
	}
	return err
}

// inProgress reports whether a connect goes on by itself.
func (s *Socket) inProgress(err error) bool {
	e, ok := err.(abi.Errno)
	t := &s.p.k.tab.socket
	return ok && (e == t.einprogress || e == t.ealready || e == s.p.k.tab.eintr)
}

// finishConnect waits until a connect has become something.
func (s *Socket) finishConnect(a *attempt, blocked error) error {
	for {
		if err := a.wait(blocked); err != nil {
			return err
		}
		var err error
		if a.seen, err = s.poll.Load().count(writing); err != nil {
			return err
		}
		e, err := SO_ERROR.get(s)
		if err != nil {
			return err
		}
		if e != 0 && !s.inProgress(e) {
			return e
		}
		// An event that came before the connection was tried shows as no error
		// and no peer.
		if _, err := s.PeerAddr(); err == nil {
			return nil
		}
	}
}

func (s *Socket) fdArg() backends.Arg { return backends.Int(uintptr(s.num)) }

// addrBytes is addr as the kernel takes it; nil for none.
func (s *Socket) addrBytes(m *scratch, addr Addr) ([]byte, error) {
	if addr == nil {
		return nil, nil
	}
	if a, ok := addr.(InetAddr); ok {
		var err error
		if addr, err = s.resolveZone(a); err != nil {
			return nil, err
		}
	}
	b := m.zeroed(maxSockaddr)
	n, err := addr.encode(&s.p.k.tab.socket.addr, b)
	if err != nil {
		return nil, err
	}
	return b[:n:n], nil
}

// resolveZone makes a zone that is the name of an interface its number.
func (s *Socket) resolveZone(a InetAddr) (InetAddr, error) {
	zone := a.Addr().Zone()
	if zone == "" {
		return a, nil
	}
	if _, err := zoneNumber(zone); err == nil {
		return a, nil
	}
	index, err := s.InterfaceIndex(zone)
	if err != nil {
		return a, err
	}
	return a.withScope(index), nil
}

// Listen makes the socket take connections, of which backlog may wait to be
// accepted; see listen(2).
func (s *Socket) Listen(backlog int) error {
	_, err := s.call("listen", opListen, backends.Int(uintptr(backlog)))
	return err
}

// Shutdown ends one direction of a connection, or both; see shutdown(2).
func (s *Socket) Shutdown(how ShutdownHow) error {
	_, err := s.call("shutdown", opShutdown, backends.Int(uintptr(how)))
	return err
}

// Accept takes a connection that waits; see accept4(2). The flags are
// SOCK_NONBLOCK and SOCK_CLOEXEC. The peer's address is nil where the kernel
// named none.
func (s *Socket) Accept(flags SockType) (*Socket, Addr, error) {
	m := newScratch()
	defer m.free()
	b := m.sockaddr()
	conn, err := s.accept(&b, flags)
	if err != nil {
		return nil, nil, s.fail("accept", err)
	}
	peer, err := b.addr(s)
	if err != nil {
		conn.Close()
		return nil, nil, s.fail("accept", err)
	}
	return conn, peer, nil
}

// accept makes the call. Its error is not wrapped.
func (s *Socket) accept(peer *sockaddrBuffer, flags SockType) (*Socket, error) {
	native, err := s.p.k.tab.socket.types.native(uint64(flags &^ s.p.k.tab.socket.lacksType))
	if err != nil {
		return nil, err
	}
	if err := s.acquire(); err != nil {
		return nil, err
	}
	defer s.release()
	p, tab := s.view(), s.p.k.tab
	var fd uintptr
	for a := s.attempt(reading); a.next(&err); {
		addr, size := peer.args(s)
		switch {
		case tab.has(opAccept4):
			fd, err = p.call(opAccept4, s.fdArg(), addr, size, backends.Int(uintptr(native)))
		case tab.has(opPaccept):
			fd, err = p.call(opPaccept, s.fdArg(), addr, size, backends.Arg{}, backends.Int(uintptr(native)))
		default:
			fd, err = p.call(opAccept, s.fdArg(), addr, size)
		}
	}
	if err != nil {
		return nil, err
	}
	conn := &Socket{p.newFile(int(fd), s.name)}
	if !tab.has(opAccept4) && !tab.has(opPaccept) {
		// The new socket has the listener's O_NONBLOCK: both ways are set.
		if err := conn.setDescriptorFlags(flags&SOCK_NONBLOCK != 0, flags&SOCK_CLOEXEC != 0); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// LocalAddr is the socket's own address; see getsockname(2).
func (s *Socket) LocalAddr() (Addr, error) { return s.askAddr("getsockname", opGetsockname) }

// PeerAddr is the address that the socket is connected to; see
// getpeername(2).
func (s *Socket) PeerAddr() (Addr, error) { return s.askAddr("getpeername", opGetpeername) }

func (s *Socket) askAddr(name string, o op) (Addr, error) {
	m := newScratch()
	defer m.free()
	b := m.sockaddr()
	addr, size := b.args(s)
	if _, err := s.call(name, o, addr, size); err != nil {
		return nil, err
	}
	a, err := b.addr(s)
	return a, s.fail(name, err)
}

// SendTo sends one message; see sendto(2). A nil addr is the peer that the
// socket is connected to.
func (s *Socket) SendTo(b []byte, flags MsgFlags, addr Addr) (int, error) {
	m := newScratch()
	defer m.free()
	to, err := s.addrBytes(m, addr)
	if err != nil {
		return 0, s.fail("sendto", err)
	}
	n, err := s.sendto(b, flags, to)
	return n, s.fail("sendto", err)
}

// Send is SendTo without an address.
func (s *Socket) Send(b []byte, flags MsgFlags) (int, error) {
	n, err := s.sendto(b, flags, nil)
	return n, s.fail("send", err)
}

// doesNotWait is the flags with which a call never waits.
const doesNotWait = MSG_DONTWAIT | MSG_ERRQUEUE

func (s *Socket) sendto(b []byte, flags MsgFlags, to []byte) (int, error) {
	native, err := s.p.k.tab.socket.msgFlags.native(uint64(flags))
	if err != nil {
		return 0, err
	}
	if err := s.acquire(); err != nil {
		return 0, err
	}
	p := s.view()
	var n uintptr
	for a := s.attempt(writing); a.next(&err); {
		n, err = p.call(opSendto, s.fdArg(), backends.Mem(b, backends.In), backends.Int(uintptr(len(b))),
			backends.Int(uintptr(native)), backends.Mem(to, backends.In), backends.Int(uintptr(len(to))))
		if flags&doesNotWait != 0 {
			break
		}
	}
	s.release()
	return int(n), err
}

// RecvFrom receives one message, or what there is of a stream; see
// recvfrom(2). Unlike Read it returns 0 and no error at the end of a stream,
// because a message may be empty. The address is nil where the kernel named
// none, as it does on streams.
func (s *Socket) RecvFrom(b []byte, flags MsgFlags) (int, Addr, error) {
	m := newScratch()
	defer m.free()
	from := m.sockaddr()
	n, err := s.recvfrom(b, flags, &from)
	if err != nil {
		return 0, nil, s.fail("recvfrom", err)
	}
	a, err := from.addr(s)
	return n, a, s.fail("recvfrom", err)
}

// Recv is RecvFrom without the address.
func (s *Socket) Recv(b []byte, flags MsgFlags) (int, error) {
	n, err := s.recvfrom(b, flags, nil)
	return n, s.fail("recv", err)
}

func (s *Socket) recvfrom(b []byte, flags MsgFlags, from *sockaddrBuffer) (int, error) {
	native, err := s.p.k.tab.socket.msgFlags.native(uint64(flags))
	if err != nil {
		return 0, err
	}
	if err := s.acquire(); err != nil {
		return 0, err
	}
	var addr, size backends.Arg
	p := s.view()
	var n uintptr
	for a := s.attempt(reading); a.next(&err); {
		if from != nil {
			addr, size = from.args(s)
		}
		n, err = p.call(opRecvfrom, s.fdArg(), backends.Mem(b, backends.Out), backends.Int(uintptr(len(b))),
			backends.Int(uintptr(native)), addr, size)
		if flags&doesNotWait != 0 {
			break
		}
	}
	s.release()
	return int(n), err
}

// Err is the error that is pending on the socket, such as that of a connect
// that did not block; nil for none. Asking clears it.
func (s *Socket) Err() error {
	e, err := SO_ERROR.Get(s)
	if err == nil && e != 0 {
		err = s.fail("socket", e)
	}
	return err
}
