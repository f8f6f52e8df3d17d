package sys

import (
	"fmt"
	"net"
	"net/netip"
)

// netAddr is a as package net has it, for a network such as "tcp"; nil where
// there is none.
func netAddr(network string, a Addr) net.Addr {
	switch a := a.(type) {
	case InetAddr:
		ap := netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if isUDP(network) {
			return net.UDPAddrFromAddrPort(ap)
		}
		return net.TCPAddrFromAddrPort(ap)
	case UnixAddr:
		return &net.UnixAddr{Name: a.String(), Net: network}
	}
	return nil
}

// fromNetAddr is an address of package net for a socket of that family.
func fromNetAddr(family Family, a net.Addr) (Addr, error) {
	switch a := a.(type) {
	case *net.TCPAddr:
		return inetFor(family, a.AddrPort())
	case *net.UDPAddr:
		return inetFor(family, a.AddrPort())
	case *net.UnixAddr:
		return unixAddr(a.Name), nil
	}
	return nil, &net.AddrError{Err: fmt.Sprintf("unexpected address type %T", a), Addr: fmt.Sprint(a)}
}

// inetFor is an address for a socket of that family: one of IPv6 reaches IPv4
// by mapped addresses.
func inetFor(family Family, a netip.AddrPort) (InetAddr, error) {
	ip := a.Addr()
	switch {
	case !ip.IsValid(): // package net has no address for any
		ip = netip.IPv6Unspecified()
		if family == AF_INET {
			ip = netip.IPv4Unspecified()
		}
	case family == AF_INET:
		ip = ip.Unmap()
	case ip.Is4():
		ip = netip.AddrFrom16(ip.As16())
	}
	if ip.Is4() != (family == AF_INET) {
		return InetAddr{}, &net.AddrError{Err: "address of another family than the socket", Addr: a.String()}
	}
	return Inet(ip, a.Port()), nil
}

// unixAddr reads the name of a Unix socket as package net has it: "@" in front
// is an abstract name.
func unixAddr(name string) UnixAddr {
	if len(name) > 0 && name[0] == '@' {
		return UnixAddr{Path: name[1:], Abstract: true}
	}
	return UnixAddr{Path: name}
}

func isUDP(network string) bool { return len(network) >= 3 && network[:3] == "udp" }
func isTCP(network string) bool { return len(network) >= 3 && network[:3] == "tcp" }

// A netKind is what a network of package net is in sockets.
type netKind struct {
	typ    SockType
	unix   bool
	family Family // of IP: the only one allowed, AF_UNSPEC for both
}

var netKinds = map[string]netKind{
	"tcp":        {typ: SOCK_STREAM},
	"tcp4":       {typ: SOCK_STREAM, family: AF_INET},
	"tcp6":       {typ: SOCK_STREAM, family: AF_INET6},
	"udp":        {typ: SOCK_DGRAM},
	"udp4":       {typ: SOCK_DGRAM, family: AF_INET},
	"udp6":       {typ: SOCK_DGRAM, family: AF_INET6},
	"unix":       {typ: SOCK_STREAM, unix: true},
	"unixgram":   {typ: SOCK_DGRAM, unix: true},
	"unixpacket": {typ: SOCK_SEQPACKET, unix: true},
}

// allows reports whether the network has addresses like ip.
func (k netKind) allows(ip netip.Addr) bool {
	return k.family == AF_UNSPEC || ip.Unmap().Is4() == (k.family == AF_INET)
}
