//go:build linux

package netstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
)

// Listen listens for connections, as net.Listen does: the network is "tcp" or
// "tcp4", the address "HOST:PORT" where HOST is an address of the stack, or
// empty.
func (s *Stack) Listen(network, address string) (net.Listener, error) {
	if network != "tcp" && network != "tcp4" {
		return nil, net.UnknownNetworkError(network)
	}
	at, err := s.local(address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	l, err := gonet.ListenTCP(s.stack, at, ipv4.ProtocolNumber)
	if err != nil {
		return nil, err // and no typed nil
	}
	return l, nil
}

// ListenPacket listens for datagrams, as net.ListenPacket does with the
// networks "udp" and "udp4".
func (s *Stack) ListenPacket(network, address string) (net.PacketConn, error) {
	if network != "udp" && network != "udp4" {
		return nil, net.UnknownNetworkError(network)
	}
	at, err := s.local(address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	c, err := gonet.DialUDP(s.stack, &at, nil, ipv4.ProtocolNumber)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// DialContext connects, as net.Dialer does, with the networks "tcp", "tcp4",
// "udp" and "udp4". It can be the DialContext of an http.Transport.
func (s *Stack) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := s.resolve(ctx, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	switch network {
	case "tcp", "tcp4":
		c, err := gonet.DialContextTCP(ctx, s.stack, to, ipv4.ProtocolNumber)
		if err != nil {
			return nil, err
		}
		return c, nil
	case "udp", "udp4":
		c, err := gonet.DialUDP(s.stack, nil, &to, ipv4.ProtocolNumber)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
	return nil, net.UnknownNetworkError(network)
}

func (s *Stack) resolve(ctx context.Context, address string) (tcpip.FullAddress, error) {
	host, port, err := split(address)
	if err != nil {
		return tcpip.FullAddress{}, err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		found, err := s.Resolver().LookupNetIP(ctx, "ip4", host)
		if err != nil {
			return tcpip.FullAddress{}, err
		}
		ip = found[0]
	}
	return full(ip, port)
}

// local is an address to listen at.
func (s *Stack) local(address string) (tcpip.FullAddress, error) {
	host, port, err := split(address)
	if err != nil {
		return tcpip.FullAddress{}, err
	}
	if host == "" {
		return tcpip.FullAddress{NIC: nicID, Port: port}, nil
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return tcpip.FullAddress{}, err
	case ip.IsUnspecified():
		return tcpip.FullAddress{NIC: nicID, Port: port}, nil
	case ip.Unmap() != s.cfg.Addr.Addr(): // which gVisor does not look at
		return tcpip.FullAddress{}, fmt.Errorf("address %v: the interface has %v", ip, s.cfg.Addr.Addr())
	}
	return full(ip, port)
}

func split(address string) (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, errors.Join(fmt.Errorf("port %q", text), err)
	}
	return host, uint16(n), nil
}

func full(ip netip.Addr, port uint16) (tcpip.FullAddress, error) {
	ip = ip.Unmap()
	if !ip.Is4() {
		return tcpip.FullAddress{}, fmt.Errorf("address %v: want IPv4", ip)
	}
	return tcpip.FullAddress{NIC: nicID, Addr: tcpip.AddrFrom4(ip.As4()), Port: port}, nil
}
