package kerneltest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

var socketCases = []Case{
	{Name: "unix sockets: streams, datagrams, names", Needs: backends.Unix, Run: testUnixSockets},
	{Name: "unix sockets: large messages", Needs: backends.Unix, Run: testUnixSizes},
	{Name: "unix sockets: errors", Needs: backends.Unix, Run: testSocketErrors},
	{Name: "files pass over unix sockets", Needs: backends.Unix, Run: testRights},
	{Name: "control messages that make no sense are refused", Needs: backends.Unix, Run: testBadControl},
	{Name: "tcp over ipv4", Needs: backends.TCP, Run: func(t T, k *sys.Kernel) { testTCP(t, k, loopback4) }},
	{Name: "tcp over ipv6", Needs: backends.IPv6, Run: func(t T, k *sys.Kernel) { testTCP(t, k, loopback6) }},
	{Name: "udp over ipv4", Needs: backends.TCP, Run: func(t T, k *sys.Kernel) { testUDP(t, k, loopback4) }},
	{Name: "udp over ipv6", Needs: backends.IPv6, Run: func(t T, k *sys.Kernel) { testUDP(t, k, loopback6) }},
	{Name: "accepted sockets have the flags asked for", Needs: backends.TCP, Run: testAcceptFlags},
	{Name: "64 datagrams in one call", Needs: backends.TCP, Run: testManyMessages},
	{Name: "what comes with a datagram", Needs: backends.TCP, Run: testPacketInfo},
	{Name: "socket options have types", Needs: backends.TCP, Run: testSocketOptions},
	{Name: "multicast groups are joined and left", Needs: backends.TCP, Run: testMulticast},
	{Name: "raw sockets: ping", Needs: backends.RawSockets, Run: testRawSockets},
	{Name: "packet sockets see frames", Needs: backends.RawSockets, Run: testPacketSockets},
}

var (
	loopback4 = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.MustParseAddr("::1")
)

// socketTime bounds a call that should not block for long.
const socketTime = 20 * time.Second

// socket makes a socket whose calls end with the test.
func socket(t T, k *sys.Kernel, f sys.Family, typ sys.SockType) *sys.Socket {
	t.Helper()
	s, err := k.Init().Socket(f, typ|sys.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s.With(t.Context())
}

func family(ip netip.Addr) sys.Family { return sys.Inet(ip, 0).Family() }

// bound is a socket of that type on a port that the kernel chose.
func bound(t T, k *sys.Kernel, ip netip.Addr, typ sys.SockType) (*sys.Socket, sys.InetAddr) {
	t.Helper()
	s := socket(t, k, family(ip), typ)
	if err := s.Bind(sys.Inet(ip, 0)); err != nil {
		t.Fatalf("%v", err)
	}
	addr, err := s.LocalAddr()
	a, ok := addr.(sys.InetAddr)
	if err != nil || !ok || a.Port() == 0 || a.Addr() != ip {
		t.Fatalf("bound to port 0 of %v: address %v, %v", ip, addr, err)
	}
	return s, a
}

// tcpPair is both ends of a connection.
func tcpPair(t T, k *sys.Kernel, ip netip.Addr, flags sys.SockType) (client, server *sys.Socket) {
	t.Helper()
	l, addr := bound(t, k, ip, sys.SOCK_STREAM)
	if err := l.Listen(8); err != nil {
		t.Fatalf("%v", err)
	}
	client = socket(t, k, family(ip), sys.SOCK_STREAM)
	if err := client.Connect(addr); err != nil {
		t.Fatalf("%v", err)
	}
	server, peer, err := l.Accept(flags)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { server.Close() })
	local, err := client.LocalAddr()
	if err != nil || peer != local {
		t.Errorf("accept names the peer %v, which says it is %v, %v", peer, local, err)
	}
	if remote, err := client.PeerAddr(); err != nil || remote != sys.Addr(addr) {
		t.Errorf("the client's peer is %v, %v, want %v", remote, err, addr)
	}
	return client, server.With(t.Context())
}

// receive reads exactly want.
func receive(t T, r io.Reader, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %.40q, %v, want %.40q", got, err, want)
	}
}

// send writes all of b.
func send(t T, w io.Writer, b []byte) {
	t.Helper()
	if _, err := w.Write(b); err != nil {
		t.Errorf("%v", err)
	}
}

func testTCP(t T, k *sys.Kernel, ip netip.Addr) {
	client, server := tcpPair(t, k, ip, sys.SOCK_CLOEXEC)
	data := pattern(1 << 20)
	done := make(chan struct{})
	go func() {
		defer close(done)
		send(t, client, data)
	}()
	receive(t, server, data)
	<-done
	send(t, server, []byte("back"))
	receive(t, client, []byte("back"))
	if err := client.Shutdown(sys.SHUT_WR); err != nil {
		t.Errorf("%v", err)
	}
	if n, err := server.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("read behind the end: %d, %v, want EOF", n, err)
	}
	send(t, server, []byte("still open"))
	if n, err := client.Recv(make([]byte, 99), sys.MSG_PEEK); n != 10 || err != nil {
		t.Errorf("peek: %d, %v", n, err)
	}
	receive(t, client, []byte("still open"))
}

func testUDP(t T, k *sys.Kernel, ip netip.Addr) {
	a, addrA := bound(t, k, ip, sys.SOCK_DGRAM)
	b, addrB := bound(t, k, ip, sys.SOCK_DGRAM)
	for _, size := range []int{0, 1, 1000, 9000} {
		data := pattern(size)
		if n, err := a.SendTo(data, 0, addrB); n != size || err != nil {
			t.Errorf("send %d bytes: %d, %v", size, n, err)
		}
		buf := make([]byte, 10000)
		n, from, err := b.RecvFrom(buf, 0)
		if err != nil || from != sys.Addr(addrA) || !bytes.Equal(buf[:n], data) {
			t.Errorf("%d bytes came as %d from %v, %v", size, n, from, err)
		}
	}
	if err := b.Connect(addrA); err != nil {
		t.Errorf("%v", err)
	}
	send(t, b, []byte("to the peer"))
	receive(t, a, []byte("to the peer"))
	// A BSD does it and then says that the family is none that it knows.
	if err := b.Connect(sys.RawAddr{}); err != nil && !errors.Is(err, sys.EAFNOSUPPORT) {
		t.Errorf("taking back connect: %v", err)
	}
	if _, err := b.Send([]byte("x"), 0); err == nil {
		t.Errorf("a datagram was sent to no peer")
	}
	// Taking back a connect may take back the port that the kernel chose.
	b, addrB = bound(t, k, ip, sys.SOCK_DGRAM)
	m := sys.Message{Buffers: [][]byte{make([]byte, 2)}}
	if _, err := a.SendTo([]byte("four"), 0, addrB); err != nil {
		t.Errorf("%v", err)
	}
	if n, err := b.RecvMsg(&m, 0); n != 2 || m.Flags&sys.MSG_TRUNC == 0 || m.Addr != sys.Addr(addrA) || err != nil {
		t.Errorf("a datagram longer than the buffer: %d, %v from %v, %v", n, m.Flags, m.Addr, err)
	}
}

func testUnixSockets(t T, k *sys.Kernel) {
	a, b, err := k.Init().Socketpair(sys.AF_UNIX, sys.SOCK_STREAM|sys.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer b.Close()
	send(t, a, []byte("stream"))
	receive(t, b, []byte("stream"))
	if addr, err := b.LocalAddr(); err != nil || addr != sys.Addr(sys.UnixAddr{}) {
		t.Errorf("a socket without a name is %#v, %v", addr, err)
	}
	a.Close()
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read of what the peer closed: %v, want EOF", err)
	}
	if _, err := b.Send([]byte("x"), sys.MSG_NOSIGNAL); !errors.Is(err, sys.EPIPE) {
		t.Errorf("send to a peer that is gone: %v, want EPIPE", err)
	}
	names := []sys.UnixAddr{{Path: fmt.Sprintf("/tmp/anykernel-socket-%d", k.Init().ID())}}
	if k.ABI().OS == "linux" {
		names = append(names, sys.UnixAddr{Path: fmt.Sprintf("anykernel\x00test-%d", k.Init().ID()), Abstract: true})
	}
	for _, name := range names {
		testUnixName(t, k, name)
	}
}

// variables is memory that is not on the heap.
var variables [8192]byte

// testUnixSizes receives less, as much and more than was sent, into memory of
// several kinds.
func testUnixSizes(t T, k *sys.Kernel) {
	for _, typ := range []sys.SockType{sys.SOCK_STREAM, sys.SOCK_DGRAM, sys.SOCK_SEQPACKET} {
		a, b, err := k.Init().Socketpair(sys.AF_UNIX, typ|sys.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for _, end := range []*sys.Socket{a, b} { // a BSD begins with 2 to 4 KiB
			if err := errors.Join(sys.SO_SNDBUF.Set(end, 64<<10), sys.SO_RCVBUF.Set(end, 64<<10)); err != nil {
				t.Fatalf("%v", err)
			}
		}
		for _, size := range []int{1, 100, 511, 512, 513, 4096, 5000} {
			for name, buf := range map[string][]byte{"heap": make([]byte, 8192), "variables": variables[:]} {
				clear(buf)
				data := pattern(size)
				send(t, a, data)
				if n, err := b.Read(buf); err != nil || n != size || !bytes.Equal(buf[:n], data) {
					t.Errorf("%v: %d bytes into %d of the %s came as %d, %v, %.20q", typ, size, len(buf), name, n, err, buf[:n])
				}
				send(t, a, data)
				if n, err := b.Read(buf[:size]); err != nil || n != size || !bytes.Equal(buf[:n], data) {
					t.Errorf("%v: %d bytes into %d of the %s came as %d, %v, %.20q", typ, size, size, name, n, err, buf[:n])
				}
			}
		}
		a.Close()
		b.Close()
	}
}

func testUnixName(t T, k *sys.Kernel, name sys.UnixAddr) {
	l := socket(t, k, sys.AF_UNIX, sys.SOCK_STREAM)
	err := l.Bind(name)
	if err == nil {
		err = l.Listen(1)
	}
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	defer unlinkSocket(t, k, name)
	if addr, err := l.LocalAddr(); err != nil || addr != sys.Addr(name) {
		t.Errorf("bound to %#v, the name is %#v, %v", name, addr, err)
	}
	c := socket(t, k, sys.AF_UNIX, sys.SOCK_STREAM)
	if err := c.Connect(name); err != nil {
		t.Errorf("%v", err)
		return
	}
	s, _, err := l.Accept(0)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	defer s.Close()
	send(t, c, []byte("hello"))
	receive(t, s, []byte("hello"))
	if peer, err := c.PeerAddr(); err != nil || peer != sys.Addr(name) {
		t.Errorf("the client's peer is %#v, %v", peer, err)
	}
}

// unlinkSocket removes the name of a socket from the file system.
func unlinkSocket(t T, k *sys.Kernel, name sys.UnixAddr) {
	if name.Abstract {
		return
	}
	c := backends.Call{Num: callNumber(t, k, "unlinkat")}
	cwd, _ := k.ABI().Const("AT_FDCWD")
	c.Args[0] = backends.Int(uintptr(cwd))
	c.Args[1] = backends.Mem(append([]byte(name.Path), 0), backends.In)
	if _, _, err := k.Init().Raw(c); err != nil {
		t.Errorf("unlink %v: %v", name, err)
	}
}

func testSocketErrors(t T, k *sys.Kernel) {
	p := k.Init()
	s := socket(t, k, sys.AF_UNIX, sys.SOCK_STREAM)
	if err := s.Connect(sys.UnixAddr{Path: "/nonexistent/socket"}); !errors.Is(err, sys.ENOENT) {
		t.Errorf("connect to a missing path: %v, want ENOENT", err)
	} else if !strings.Contains(err.Error(), "/nonexistent/socket") {
		t.Errorf("the error does not name the address: %v", err)
	}
	if err := s.Bind(sys.UnixAddr{Path: strings.Repeat("x", 200)}); err == nil || !strings.Contains(err.Error(), "200 bytes") {
		t.Errorf("bind to a path of 200 bytes: %v", err)
	}
	if err := s.Bind(sys.UnixAddr{Path: "a\x00b"}); err == nil {
		t.Errorf("bind to a path with a NUL succeeded")
	}
	if _, err := s.PeerAddr(); !errors.Is(err, sys.ENOTCONN) {
		t.Errorf("peer of a socket without one: %v, want ENOTCONN", err)
	}
	if _, err := p.Socket(sys.Family(4242), sys.SOCK_STREAM, 0); !errors.Is(err, sys.ErrNotSupported) {
		t.Errorf("socket of family 4242: %v, want ErrNotSupported", err)
	}
	if _, err := sys.TCP_NODELAY.Get(s); err == nil {
		t.Errorf("TCP_NODELAY of a Unix socket has a value")
	}
	dir, err := p.Open("/", sys.O_RDONLY|sys.O_DIRECTORY, 0)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer dir.Close()
	if err := sys.SocketOf(dir).Listen(1); !errors.Is(err, sys.ENOTSOCK) {
		t.Errorf("listen on a directory: %v, want ENOTSOCK", err)
	}
	s.Close()
	if err := s.Listen(1); err == nil {
		t.Errorf("listen on a closed socket succeeded")
	}
}

func testAcceptFlags(t T, k *sys.Kernel) {
	for _, flags := range []sys.SockType{0, sys.SOCK_NONBLOCK, sys.SOCK_CLOEXEC, sys.SOCK_NONBLOCK | sys.SOCK_CLOEXEC} {
		_, s := tcpPair(t, k, loopback4, flags)
		open, err := s.Flags()
		if err != nil || open&sys.O_NONBLOCK != 0 != (flags&sys.SOCK_NONBLOCK != 0) {
			t.Errorf("accept with %v: flags %v, %v", flags, open, err)
		}
		cloexec, err := s.CloseOnExec()
		if err != nil || cloexec != (flags&sys.SOCK_CLOEXEC != 0) {
			t.Errorf("accept with %v: close on exec %v, %v", flags, cloexec, err)
		}
		if flags&sys.SOCK_NONBLOCK == 0 {
			continue
		}
		if _, err := s.Recv(make([]byte, 1), sys.MSG_DONTWAIT); !errors.Is(err, sys.EAGAIN) {
			t.Errorf("receive on a socket with nothing to receive: %v, want EAGAIN", err)
		}
	}
}

func testManyMessages(t T, k *sys.Kernel) {
	const count = 64
	s, addr := bound(t, k, loopback4, sys.SOCK_DGRAM)
	var out, in []sys.Message
	for i := range count {
		out = append(out, sys.Message{Addr: addr, Buffers: [][]byte{pattern(i), pattern(3 * i)}})
		in = append(in, sys.Message{Buffers: [][]byte{make([]byte, 10), make([]byte, 500)}})
	}
	sent, err := s.SendMsgs(out, 0)
	if err != nil || sent != count {
		t.Fatalf("sent %d of %d: %v", sent, count, err)
	}
	came, err := s.RecvMsgs(in, sys.MSG_DONTWAIT, 0)
	if err != nil || came != count {
		t.Fatalf("received %d of %d: %v", came, count, err)
	}
	for i, m := range in {
		want := append(pattern(i), pattern(3*i)...)
		if got := bytes.Join(m.Buffers, nil)[:m.N]; out[i].N != 4*i || m.N != 4*i || m.Addr != sys.Addr(addr) || !bytes.Equal(got, want) {
			t.Errorf("message %d: sent %d, received %d from %v: %.40q", i, out[i].N, m.N, m.Addr, got)
		}
	}
}

func testPacketInfo(t T, k *sys.Kernel) {
	a, addr := bound(t, k, loopback4, sys.SOCK_DGRAM)
	asked := 0
	for _, o := range []sys.SockOpt[bool]{sys.IP_PKTINFO, sys.IP_RECVPKTINFO, sys.IP_RECVTTL, sys.IP_RECVTOS, sys.SO_TIMESTAMP} {
		switch err := o.Set(a, true); {
		case err == nil:
			asked++
		case !errors.Is(err, sys.ErrNotSupported) && !errors.Is(err, sys.ENOPROTOOPT):
			t.Errorf("%v", err)
		}
	}
	if err := sys.IP_TTL.Set(a, 42); err != nil {
		t.Errorf("%v", err)
	}
	if _, err := a.SendTo([]byte("x"), 0, addr); err != nil {
		t.Fatalf("%v", err)
	}
	m := sys.Message{Buffers: [][]byte{make([]byte, 8)}, ControlSize: 256}
	if _, err := a.RecvMsg(&m, 0); err != nil {
		t.Fatalf("%v", err)
	}
	if len(m.Control) != asked {
		t.Errorf("%d control messages came, %d were asked for: %v", len(m.Control), asked, m.Control)
	}
	for _, c := range m.Control {
		switch c := c.(type) {
		case sys.PacketInfo:
			if c.Addr != loopback4 || c.Index == 0 {
				t.Errorf("packet info %+v", c)
			}
		case sys.TTL:
			if c != 42 {
				t.Errorf("TTL %d, want 42", c)
			}
		case sys.TOS:
			if c != 0 {
				t.Errorf("TOS %d, want 0", c)
			}
		case sys.Timestamp:
			if c.IsZero() || c.Year() < 2000 {
				t.Errorf("timestamp %v", c)
			}
		default:
			t.Errorf("%#v has no type of its own", c)
		}
	}
}

func testRights(t T, k *sys.Kernel) {
	p := k.Init()
	a, b, err := p.Socketpair(sys.AF_UNIX, sys.SOCK_DGRAM|sys.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer a.Close()
	defer b.Close()
	var mine, passed sys.Rights
	for range 3 {
		x, y, err := p.Socketpair(sys.AF_UNIX, sys.SOCK_STREAM|sys.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatalf("%v", err)
		}
		defer x.Close()
		mine, passed = append(mine, x.File), append(passed, y.File)
	}
	if _, err := a.SendMsg(&sys.Message{Buffers: [][]byte{[]byte("files")}, Control: []sys.ControlMessage{passed}}, 0); err != nil {
		t.Fatalf("%v", err)
	}
	for _, f := range passed {
		f.Close()
	}
	m := sys.Message{Buffers: [][]byte{make([]byte, 10)}, ControlSize: sys.RightsSpace(k.ABI(), 3)}
	if n, err := b.RecvMsg(&m, 0); n != 5 || err != nil || len(m.Control) != 1 || m.Flags&sys.MSG_CTRUNC != 0 {
		t.Fatalf("received %d bytes, %v, %v, %v", n, m.Control, m.Flags, err)
	}
	got, ok := m.Control[0].(sys.Rights)
	if !ok || len(got) != 3 {
		t.Fatalf("received %v", m.Control[0])
	}
	for i, f := range got {
		send(t, mine[i], []byte{byte(i)})
		receive(t, f, []byte{byte(i)})
		f.Close()
	}
	testCredentials(t, k, a, b)
}

func testCredentials(t T, k *sys.Kernel, a, b *sys.Socket) {
	if err := sys.SO_PASSCRED.Set(b, true); errors.Is(err, sys.ErrNotSupported) {
		return // Linux's way
	} else if err != nil {
		t.Fatalf("%v", err)
	}
	send(t, a, []byte("x"))
	m := sys.Message{Buffers: [][]byte{make([]byte, 10)}, ControlSize: sys.ControlSpace(k.ABI(), 12)}
	if _, err := b.RecvMsg(&m, 0); err != nil || len(m.Control) != 1 {
		t.Fatalf("received %v, %v", m.Control, err)
	}
	peer, err := sys.SO_PEERCRED.Get(b)
	if err != nil {
		t.Errorf("%v", err)
	}
	if c, ok := m.Control[0].(sys.Credentials); !ok || c.PID != k.Init().ID() || c != peer {
		t.Errorf("credentials %+v of process %d, SO_PEERCRED says %+v", m.Control[0], k.Init().ID(), peer)
	}
}

func testBadControl(t T, k *sys.Kernel) {
	a, b, err := k.Init().Socketpair(sys.AF_UNIX, sys.SOCK_DGRAM|sys.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer a.Close()
	level, _ := k.ABI().Const("SOL_SOCKET")
	rights, _ := k.ABI().Const("SCM_RIGHTS")
	for _, m := range []sys.Message{
		{Control: []sys.ControlMessage{sys.RawControl{Level: int(level), Type: 99999}}},
		{Control: []sys.ControlMessage{sys.RawControl{Level: int(level), Type: int(rights), Data: []byte{255, 255, 255, 255}}}},
		{Control: []sys.ControlMessage{sys.RawControl{Level: int(level), Type: int(rights), Data: make([]byte, sys.MaxControl)}}},
		{Control: []sys.ControlMessage{sys.Timestamp{}}},
		{Buffers: make([][]byte, 2000)},
	} {
		if _, err := a.SendMsg(&m, sys.MSG_DONTWAIT); err == nil {
			t.Errorf("a message with %.80v was sent", m)
		}
	}
	if _, err := b.RecvMsg(&sys.Message{ControlSize: -1}, sys.MSG_DONTWAIT); err == nil {
		t.Errorf("receive with room for -1 bytes succeeded")
	}
	b.Close()
	if _, err := a.SendMsg(&sys.Message{Control: []sys.ControlMessage{sys.Rights{b.File}}}, 0); err == nil {
		t.Errorf("a closed file was sent")
	}
}

func testSocketOptions(t T, k *sys.Kernel) {
	s, _ := tcpPair(t, k, loopback4, sys.SOCK_CLOEXEC)
	option(t, s, sys.SO_KEEPALIVE, true, true)
	option(t, s, sys.SO_KEEPALIVE, false, false)
	option(t, s, sys.TCP_NODELAY, true, true)
	option(t, s, sys.SO_RCVTIMEO, 1500*time.Millisecond, 1500*time.Millisecond)
	option(t, s, sys.SO_RCVTIMEO, 0, 0)
	option(t, s, sys.SO_LINGER, sys.Linger{On: true, Time: 3 * time.Second}, sys.Linger{On: true, Time: 3 * time.Second})
	if err := sys.SO_LINGER.Set(s, sys.Linger{}); err != nil {
		t.Errorf("%v", err)
	}
	if _, err := sys.TCP_KEEPIDLE.Get(s); !errors.Is(err, sys.ENOPROTOOPT) { // NetBSD before 8 takes it and does not tell
		option(t, s, sys.TCP_KEEPIDLE, 77*time.Second, 77*time.Second)
	}
	option(t, s, sys.IP_TTL, 33, 33)
	if n, err := sys.SO_RCVBUF.Get(s); err != nil || n <= 0 {
		t.Errorf("SO_RCVBUF is %d, %v", n, err)
	}
	if typ, err := sys.SO_TYPE.Get(s); err != nil || typ != sys.SOCK_STREAM {
		t.Errorf("SO_TYPE is %v, %v", typ, err)
	}
	if err := s.Err(); err != nil {
		t.Errorf("a connected socket has the error %v", err)
	}
	if err := sys.TCP_KEEPIDLE.Set(s, time.Millisecond); err == nil {
		t.Errorf("a keep-alive of 1ms was taken for a whole number of seconds")
	}
	if k.ABI().OS != "linux" {
		return
	}
	if f, err := sys.SO_DOMAIN.Get(s); err != nil || f != sys.AF_INET {
		t.Errorf("SO_DOMAIN is %v, %v", f, err)
	}
	if p, err := sys.SO_PROTOCOL.Get(s); err != nil || p != sys.IPPROTO_TCP {
		t.Errorf("SO_PROTOCOL is %v, %v", p, err)
	}
	if name, err := sys.TCP_CONGESTION.Get(s); err != nil || name == "" {
		t.Errorf("TCP_CONGESTION is %q, %v", name, err)
	} else {
		option(t, s, sys.TCP_CONGESTION, name, name)
	}
	if info, err := sys.TCP_INFO.Get(s); err != nil || info.State != sys.TCP_ESTABLISHED {
		t.Errorf("TCP_INFO is %+v, %v", info, err)
	}
}

// option sets an option and asks for it.
func option[V comparable](t T, s *sys.Socket, o sys.SockOpt[V], set, want V) {
	t.Helper()
	if err := o.Set(s, set); err != nil {
		t.Errorf("%v", err)
	}
	if got, err := o.Get(s); err != nil || got != want {
		t.Errorf("%v was set to %v and is %v, %v", o, set, got, err)
	}
}

func testMulticast(t T, k *sys.Kernel) {
	s, _ := bound(t, k, netip.IPv4Unspecified(), sys.SOCK_DGRAM)
	group := sys.Membership{Group: netip.MustParseAddr("239.1.2.3"), Local: loopback4}
	if err := sys.IP_ADD_MEMBERSHIP.Set(s, group); err != nil {
		t.Errorf("%v", err)
	}
	if err := sys.IP_ADD_MEMBERSHIP.Set(s, group); !errors.Is(err, sys.EADDRINUSE) {
		t.Errorf("joining a group twice: %v, want EADDRINUSE", err)
	}
	if err := sys.IP_DROP_MEMBERSHIP.Set(s, group); err != nil {
		t.Errorf("%v", err)
	}
	option(t, s, sys.IP_MULTICAST_TTL, 7, 7)
	option(t, s, sys.IP_MULTICAST_LOOP, false, false)
	group.Group = netip.MustParseAddr("ff02::1")
	if err := sys.IP_ADD_MEMBERSHIP.Set(s, group); err == nil {
		t.Errorf("an IPv6 group was joined by IPv4's option")
	}
}

func testRawSockets(t T, k *sys.Kernel) {
	s, err := k.Init().Socket(sys.AF_INET, sys.SOCK_RAW|sys.SOCK_CLOEXEC, sys.IPPROTO_ICMP)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer s.Close()
	// An echo request with its checksum.
	echo := []byte{8, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g'}
	sum := internetChecksum(echo)
	echo[2], echo[3] = byte(sum>>8), byte(sum)
	if _, err := s.SendTo(echo, 0, sys.Inet(loopback4, 0)); err != nil {
		t.Fatalf("%v", err)
	}
	if err := sys.SO_RCVTIMEO.Set(s, socketTime); err != nil {
		t.Errorf("%v", err)
	}
	for {
		b := make([]byte, 1500)
		n, from, err := s.RecvFrom(b, 0)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if n < 20 || n < int(b[0]&0xf)*4 {
			t.Fatalf("a raw socket gave %d bytes", n)
		}
		icmp := b[int(b[0]&0xf)*4 : n]
		if len(icmp) != len(echo) || icmp[0] != 0 { // the request comes too
			continue
		}
		if !bytes.Equal(icmp[4:], echo[4:]) || internetChecksum(icmp) != 0 || from != sys.Addr(sys.Inet(loopback4, 0)) {
			t.Errorf("the reply is % x from %v", icmp, from)
		}
		return
	}
}

// internetChecksum is the checksum of RFC 1071: 0 over what carries its own.
func internetChecksum(b []byte) uint16 {
	var sum uint32
	for i, c := range b {
		if i%2 == 0 {
			sum += uint32(c) << 8
		} else {
			sum += uint32(c)
		}
	}
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func testPacketSockets(t T, k *sys.Kernel) {
	s, err := k.Init().Socket(sys.AF_PACKET, sys.SOCK_DGRAM|sys.SOCK_CLOEXEC, sys.ETH_P_IP)
	if errors.Is(err, sys.ErrNotSupported) {
		return // Linux's alone
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer s.Close()
	index, err := s.InterfaceIndex("lo")
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := s.Bind(sys.LinkAddr{Index: index, Protocol: sys.ETH_P_IP}); err != nil {
		t.Fatalf("%v", err)
	}
	if err := sys.SO_RCVTIMEO.Set(s, socketTime); err != nil {
		t.Errorf("%v", err)
	}
	u, addr := bound(t, k, loopback4, sys.SOCK_DGRAM)
	if _, err := u.SendTo([]byte("seen by the packet socket"), 0, addr); err != nil {
		t.Fatalf("%v", err)
	}
	for {
		b := make([]byte, 1500)
		n, from, err := s.RecvFrom(b, 0)
		if err != nil {
			t.Fatalf("%v", err)
		}
		link, ok := from.(sys.LinkAddr)
		if !ok || link.Index != index || link.Protocol != sys.ETH_P_IP {
			t.Fatalf("the packet is from %#v", from)
		}
		if bytes.HasSuffix(b[:n], []byte("seen by the packet socket")) {
			if internetChecksum(b[:20]) != 0 {
				t.Errorf("IP header % x has a wrong checksum", b[:20])
			}
			return
		}
	}
}
