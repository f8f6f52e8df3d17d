//go:build linux

package netstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"

	"github.com/anykernel/anykernel/xen/device"
	"github.com/anykernel/anykernel/xen/link"
)

// A Config is the addresses of a stack. The zero Config asks DHCP for them.
type Config struct {
	Addr    netip.Prefix // of the interface, IPv4, with its network
	Gateway netip.Addr   // may be zero: nothing is reached outside of the network
	DNS     []netip.Addr // name servers, for Resolver
}

// A Stack is TCP/IP on one interface. Its methods may be called concurrently.
type Stack struct {
	stack *stack.Stack
	link  stack.LinkEndpoint
	nic   device.NIC
	cfg   Config
}

const nicID tcpip.NICID = 1

// New brings an interface up. It owns nic: Close closes it, and so does an
// error. The context bounds the wait for DHCP.
func New(ctx context.Context, nic device.NIC, cfg Config) (*Stack, error) {
	if !cfg.Addr.IsValid() {
		lease, err := Lease(ctx, nic)
		if err != nil {
			nic.Close()
			return nil, err
		}
		cfg = lease
	}
	s := &Stack{cfg: cfg, nic: nic, link: link.New(nic), stack: stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4},
	})}
	if err := s.up(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stack) up() error {
	if !s.cfg.Addr.Addr().Is4() || (s.cfg.Gateway.IsValid() && !s.cfg.Gateway.Is4()) {
		return fmt.Errorf("address %v, gateway %v: want IPv4", s.cfg.Addr, s.cfg.Gateway)
	}
	sack := tcpip.TCPSACKEnabled(true)
	if err := s.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &sack); err != nil {
		return errors.New(err.String())
	}
	// gVisor's cubic overflows; see its users.
	reno := tcpip.CongestionControlOption("reno")
	if err := s.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &reno); err != nil {
		return errors.New(err.String())
	}
	if err := s.stack.CreateNIC(nicID, s.link); err != nil {
		return errors.New(err.String())
	}
	addr := tcpip.AddrFrom4(s.cfg.Addr.Addr().As4())
	withPrefix := tcpip.AddressWithPrefix{Address: addr, PrefixLen: s.cfg.Addr.Bits()}
	err := s.stack.AddProtocolAddress(nicID, tcpip.ProtocolAddress{
		Protocol: ipv4.ProtocolNumber, AddressWithPrefix: withPrefix,
	}, stack.AddressProperties{})
	if err != nil {
		return fmt.Errorf("address %v: %s", s.cfg.Addr, err)
	}
	routes := []tcpip.Route{{Destination: withPrefix.Subnet(), NIC: nicID}}
	if s.cfg.Gateway.IsValid() {
		routes = append(routes, tcpip.Route{
			Destination: header.IPv4EmptySubnet, Gateway: tcpip.AddrFrom4(s.cfg.Gateway.As4()), NIC: nicID,
		})
	}
	s.stack.SetRouteTable(routes)
	return nil
}

// Config is the addresses in use.
func (s *Stack) Config() Config { return s.cfg }

// Close takes the interface down. Connections and listeners end with errors.
func (s *Stack) Close() error {
	s.stack.Close() // the other ends are told
	err := s.nic.Close()
	// The reader of nic may be inside of the stack, whose Wait takes a lock that
	// it needs.
	s.link.Wait()
	s.stack.Wait()
	return err
}

// Resolver looks names up at the stack's name servers.
func (s *Stack) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var errs []error
		for _, d := range s.cfg.DNS {
			c, err := s.DialContext(ctx, network, netip.AddrPortFrom(d, 53).String())
			if err == nil {
				return c, nil
			}
			errs = append(errs, err)
		}
		return nil, errors.Join(append(errs, errors.New("no name server answers"))...)
	}}
}
