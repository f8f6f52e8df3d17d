package sys

import (
	"net/netip"
	"strconv"

	"github.com/anykernel/anykernel/backends"
)

// A sockaddrBuffer is where a kernel writes an address and how long it is.
type sockaddrBuffer struct {
	name, size []byte
}

func (s *scratch) sockaddr() sockaddrBuffer {
	return sockaddrBuffer{name: s.bytes(maxSockaddr), size: s.bytes(4)}
}

// args is the two arguments that calls take for an address to be written.
func (b *sockaddrBuffer) args(s *Socket) (name, size backends.Arg) {
	s.p.k.tab.abi.Order.PutUint32(b.size, uint32(len(b.name)))
	return backends.Mem(b.name, backends.Out), backends.Mem(b.size, backends.InOut)
}

// written is what the kernel wrote, empty where it named nobody.
func (b *sockaddrBuffer) written(s *Socket) []byte {
	n := s.p.k.tab.abi.Order.Uint32(b.size)
	return b.name[:min(n, uint32(len(b.name)))]
}

// addr is the address that the kernel wrote, nil where it named nobody.
func (b *sockaddrBuffer) addr(s *Socket) (Addr, error) {
	w := b.written(s)
	if len(w) == 0 {
		return nil, nil
	}
	return s.p.k.tab.socket.addr.decode(w)
}

// inet is the internet address that the kernel wrote, without an allocation.
func (b *sockaddrBuffer) inet(s *Socket) (netip.AddrPort, error) {
	c := &s.p.k.tab.socket.addr
	family, w, err := c.bytes(b.written(s))
	if err != nil {
		return netip.AddrPort{}, err
	}
	a, err := c.decodeInet(family, w)
	return a.AddrPort, err
}

func (a InetAddr) withScope(index int) InetAddr {
	ip := a.Addr().WithZone(strconv.Itoa(index))
	return InetAddr{AddrPort: netip.AddrPortFrom(ip, a.Port()), FlowInfo: a.FlowInfo}
}
