package sys

import (
	"fmt"
	"net/netip"

	"github.com/anykernel/anykernel/sys/abi"
)

// A controlDecoder reads the data of a control message that came over s. It
// returns nil for data that is too short.
type controlDecoder func(s *Socket, c *controlABI, b []byte) ControlMessage

// controlKinds is the kinds that have a type here.
var controlKinds = []struct {
	level, name string
	decode      controlDecoder
}{
	{"SOL_SOCKET", "SCM_RIGHTS", decodeRights},
	{"SOL_SOCKET", "SCM_CREDENTIALS", decodeCredentials},
	{"SOL_SOCKET", "SCM_TIMESTAMP", decodeTimeval},
	{"SOL_SOCKET", "SCM_TIMESTAMPNS", decodeTimespec},
	{"IPPROTO_IP", "IP_PKTINFO", decodePacketInfo4},
	{"IPPROTO_IP", "IP_TTL", decodeInt(func(v int) ControlMessage { return TTL(v) })},
	{"IPPROTO_IP", "IP_RECVTTL", decodeInt(func(v int) ControlMessage { return TTL(v) })}, // the BSDs' name
	{"IPPROTO_IP", "IP_TOS", decodeInt(func(v int) ControlMessage { return TOS(v) })},
	{"IPPROTO_IP", "IP_RECVTOS", decodeInt(func(v int) ControlMessage { return TOS(v) })},
	{"IPPROTO_IP", "IP_RECVERR", decodeExtendedError},
	{"IPPROTO_IPV6", "IPV6_PKTINFO", decodePacketInfo6},
	{"IPPROTO_IPV6", "IPV6_HOPLIMIT", decodeInt(func(v int) ControlMessage { return HopLimit(v) })},
	{"IPPROTO_IPV6", "IPV6_TCLASS", decodeInt(func(v int) ControlMessage { return TrafficClass(v) })},
	{"IPPROTO_IPV6", "IPV6_RECVERR", decodeExtendedError},
}

// kind is a control message of the kind of that name.
func (c *controlABI) kind(name string, data []byte) (RawControl, error) {
	k, ok := c.numbers[name]
	if !ok {
		return RawControl{}, fmt.Errorf("%s: %w", name, ErrNotSupported)
	}
	return RawControl{Level: int(k.level), Type: int(k.typ), Data: data}, nil
}

// ints is the values as C ints.
func (c *controlABI) ints(v ...int) []byte {
	b := make([]byte, 4*len(v))
	for i, v := range v {
		c.abi.Order.PutUint32(b[4*i:], uint32(v))
	}
	return b
}

func (c *controlABI) int(b []byte, i int) int { return int(int32(c.abi.Order.Uint32(b[4*i:]))) }

func (m RawControl) control(*controlABI) (RawControl, error) { return m, nil }

func (m Rights) control(c *controlABI) (RawControl, error) {
	fds := make([]int, len(m))
	for i, f := range m {
		fds[i] = f.num
	}
	return c.kind("SCM_RIGHTS", c.ints(fds...))
}

func decodeRights(s *Socket, c *controlABI, b []byte) ControlMessage {
	p := s.view()
	m := Rights{}
	for i := range len(b) / 4 {
		if fd := c.int(b, i); fd >= 0 {
			m = append(m, p.newFile(fd, "received file"))
		}
	}
	return m
}

func (m Credentials) control(c *controlABI) (RawControl, error) {
	return c.kind("SCM_CREDENTIALS", c.ints(m.PID, m.UID, m.GID))
}

func decodeCredentials(_ *Socket, c *controlABI, b []byte) ControlMessage {
	if len(b) < 12 {
		return nil
	}
	return Credentials{PID: c.int(b, 0), UID: c.int(b, 1), GID: c.int(b, 2)}
}

// decodeInt reads a number that is an int, or a byte as BSD and some kinds of
// Linux have it.
func decodeInt(as func(int) ControlMessage) controlDecoder {
	return func(_ *Socket, c *controlABI, b []byte) ControlMessage {
		switch {
		case len(b) >= 4:
			return as(c.int(b, 0))
		case len(b) >= 1:
			return as(int(b[0]))
		}
		return nil
	}
}

func (m TTL) control(c *controlABI) (RawControl, error) { return c.kind("IP_TTL", c.ints(int(m))) }
func (m TOS) control(c *controlABI) (RawControl, error) { return c.kind("IP_TOS", c.ints(int(m))) }
func (m HopLimit) control(c *controlABI) (RawControl, error) {
	return c.kind("IPV6_HOPLIMIT", c.ints(int(m)))
}
func (m TrafficClass) control(c *controlABI) (RawControl, error) {
	return c.kind("IPV6_TCLASS", c.ints(int(m)))
}

// control is struct in_pktinfo or in6_pktinfo.
func (m PacketInfo) control(c *controlABI) (RawControl, error) {
	if m.Addr.Is6() {
		addr := m.Addr.As16()
		return c.kind("IPV6_PKTINFO", append(addr[:], c.ints(m.Index)...))
	}
	b := c.ints(m.Index, 0, 0)
	put4(b[4:], m.Local)
	put4(b[8:], m.Addr)
	return c.kind("IP_PKTINFO", b)
}

func put4(b []byte, a netip.Addr) {
	if a.Is4() {
		ip := a.As4()
		copy(b, ip[:])
	}
}

func decodePacketInfo4(_ *Socket, c *controlABI, b []byte) ControlMessage {
	switch {
	case len(b) >= 12: // int ipi_ifindex; struct in_addr ipi_spec_dst, ipi_addr
		return PacketInfo{Index: c.int(b, 0), Local: addr4(b[4:]), Addr: addr4(b[8:])}
	case len(b) >= 8: // NetBSD: struct in_addr ipi_addr; unsigned ipi_ifindex
		return PacketInfo{Index: c.int(b, 1), Local: addr4(b), Addr: addr4(b)}
	}
	return nil
}

func addr4(b []byte) netip.Addr { return netip.AddrFrom4([4]byte(b[:4])) }

func decodePacketInfo6(_ *Socket, c *controlABI, b []byte) ControlMessage {
	if len(b) < 20 {
		return nil
	}
	addr := netip.AddrFrom16([16]byte(b[:16]))
	return PacketInfo{Index: c.int(b, 4), Addr: addr, Local: addr}
}

var errReceivedOnly = fmt.Errorf("this kind is only received")

func (m Timestamp) control(*controlABI) (RawControl, error)     { return RawControl{}, errReceivedOnly }
func (m ExtendedError) control(*controlABI) (RawControl, error) { return RawControl{}, errReceivedOnly }

func decodeTimeval(s *Socket, c *controlABI, b []byte) ControlMessage {
	return c.timestamp(&s.p.k.tab.socket.timeval, b)
}

func decodeTimespec(s *Socket, c *controlABI, b []byte) ControlMessage {
	return c.timestamp(&s.p.k.tab.socket.timespec, b)
}

func (c *controlABI) timestamp(l *intervalLayout, b []byte) ControlMessage {
	if l.size == 0 || len(b) < l.size {
		return nil
	}
	return Timestamp{l.time(b, c.abi.Order)}
}

// decodeExtendedError reads struct sock_extended_err, and the address of the
// offender behind it.
func decodeExtendedError(s *Socket, c *controlABI, b []byte) ControlMessage {
	const size = 16
	if len(b) < size {
		return nil
	}
	m := ExtendedError{
		Errno:  portableErrno(c.abi, abi.Errno(c.abi.Order.Uint32(b))),
		Origin: b[4], Type: b[5], Code: b[6],
		Info: c.abi.Order.Uint32(b[8:]), Data: c.abi.Order.Uint32(b[12:]),
	}
	if a, err := s.p.k.tab.socket.addr.decode(b[size:]); err == nil {
		if a, ok := a.(InetAddr); ok {
			m.Offender = a.Addr()
		}
	}
	return m
}
