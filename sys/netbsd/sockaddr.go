package netbsd

import (
	"encoding/binary"
	"math/bits"
	"net"
	"net/netip"
)

// Families of addresses, and the sizes of their structures.
const (
	familyInet  = 2
	familyLink  = 18
	familyInet6 = 24

	sizeInet  = 16 // sockaddr_in
	sizeInet6 = 28 // sockaddr_in6
	sizeLink  = 20 // sockaddr_dl
)

// appendSockaddr appends a sockaddr_in or sockaddr_in6: size, family, port, and
// of IPv6 a flow and behind the address a scope.
func appendSockaddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		b = append(b, sizeInet, familyInet, 0, 0)
		b = append(b, a.AsSlice()...)
		return append(b, make([]byte, 8)...)
	}
	b = append(b, sizeInet6, familyInet6, 0, 0, 0, 0, 0, 0)
	b = append(b, a.AsSlice()...)
	return append(b, 0, 0, 0, 0)
}

// ipOf is the address in a sockaddr, the zero Addr where it has none. Kernels
// write the interface of a link-local address into the address itself.
func ipOf(b []byte) netip.Addr {
	switch {
	case len(b) >= 8 && b[1] == familyInet:
		return netip.AddrFrom4([4]byte(b[4:8]))
	case len(b) >= 24 && b[1] == familyInet6:
		a := [16]byte(b[8:24])
		if a[0] == 0xfe && a[1]&0xc0 == 0x80 || a[0] == 0xff && a[1]&0xf == 2 {
			a[2], a[3] = 0, 0
		}
		return netip.AddrFrom16(a)
	}
	return netip.Addr{}
}

// maskBits is how many bits a netmask for addresses like ip has. What is left
// out at its end is zero.
func maskBits(b []byte, ip netip.Addr) int {
	from, to := 8, 24
	if ip.Is4() {
		from, to = 4, 8
	}
	n := 0
	for i := from; i < min(to, len(b)); i++ {
		ones := bits.LeadingZeros8(^b[i])
		if n += ones; ones < 8 {
			break
		}
	}
	return n
}

func maskOf(p netip.Prefix) netip.Addr {
	ones := p.Addr().AsSlice()
	for i := range ones {
		ones[i] = 0xff
	}
	all, _ := netip.AddrFromSlice(ones)
	m, _ := all.Prefix(p.Bits())
	return m.Addr()
}

func broadcastOf(p netip.Prefix) netip.Addr {
	a, m := p.Addr().As4(), maskOf(p).As4()
	for i := range a {
		a[i] |= ^m[i]
	}
	return netip.AddrFrom4(a)
}

// A linkAddr is a sockaddr_dl: an interface.
type linkAddr struct {
	index int
	name  string
	kind  uint8 // as <net/if_types.h> counts
	mac   net.HardwareAddr
}

// linkOf reads a sockaddr_dl: size, family, index, type, the lengths of name
// and address and selector, and both.
func linkOf(b []byte, order binary.ByteOrder) (l linkAddr, ok bool) {
	if len(b) < 8 || b[1] != familyLink {
		return l, false
	}
	l.index, l.kind = int(order.Uint16(b[2:])), b[4]
	name, addr := int(b[5]), int(b[6])
	if 8+name+addr > len(b) {
		return l, false
	}
	l.name = string(b[8 : 8+name])
	if addr > 0 {
		l.mac = net.HardwareAddr(b[8+name : 8+name+addr : 8+name+addr])
	}
	return l, true
}
