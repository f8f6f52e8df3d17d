//go:build linux && (amd64 || arm64)

package sentry

import (
	"fmt"
	"net/netip"

	"gvisor.dev/gvisor/pkg/sentry/inet"
	"gvisor.dev/gvisor/pkg/sentry/socket/netfilter"
	"gvisor.dev/gvisor/pkg/sentry/socket/netstack"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/link/loopback"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/raw"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// A NIC is a network interface of a kernel.
type NIC struct {
	// Name is the interface's name, such as "eth0".
	Name string
	// Link carries the packets. It belongs to the kernel until that is
	// closed, and is closed with it.
	Link stack.LinkEndpoint
	// Addrs are the interface's addresses with their networks.
	Addrs []netip.Prefix
}

// maxNICName is IFNAMSIZ without its NUL.
const maxNICName = 15

// stackMaker makes network stacks: one for the kernel, one for each further
// network namespace.
type stackMaker struct {
	k *Kernel
}

// makeFirst makes the kernel's own stack, with the NICs of its options.
func (m *stackMaker) makeFirst() (*netstack.Stack, error) {
	s, err := m.make()
	if err != nil {
		return nil, err
	}
	for _, n := range m.k.opts.NICs {
		if err := addNIC(s.Stack, n); err != nil {
			s.Stack.Destroy()
			return nil, err
		}
		m.k.links = append(m.k.links, n.Link)
	}
	if err := m.k.plugIn(s.Stack); err != nil {
		s.Stack.Destroy()
		return nil, err
	}
	return s, nil
}

// CreateStack is for new namespaces: they have a loopback interface.
func (m *stackMaker) CreateStack() (inet.Stack, error) { return m.make() }

func (m *stackMaker) make() (*netstack.Stack, error) {
	o := stack.Options{
		NetworkProtocols:         []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol, arp.NewProtocol},
		TransportProtocols:       []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
		Clock:                    m.k.netClock,
		Stats:                    netstack.Metrics,
		HandleLocal:              true,
		RawFactory:               raw.EndpointFactory{},
		AllowPacketEndpointWrite: true,
		DefaultIPTables:          netfilter.DefaultLinuxTables,
	}
	if m.k.random != nil {
		o.SecureRNG = m.k.random
	}
	s := netstack.NewStack(stack.New(o), m.k.gv.UniqueID())
	m.k.ownWorkers(s.Stack)
	if err := tune(s.Stack); err != nil {
		s.Stack.Destroy()
		return nil, err
	}
	if err := addNIC(s.Stack, NIC{Name: "lo", Link: newLoopback(), Addrs: loopbackAddrs}); err != nil {
		s.Stack.Destroy()
		return nil, err
	}
	return s, nil
}

// A loopbackLink has Ethernet headers, which packet sockets expect of it, but
// does not count them in its MTU.
type loopbackLink struct {
	*ethernet.Endpoint
	inner stack.LinkEndpoint
}

func newLoopback() loopbackLink {
	inner := loopback.New()
	return loopbackLink{ethernet.New(inner), inner}
}

func (l loopbackLink) MTU() uint32 { return l.inner.MTU() }

var loopbackAddrs = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}

// tune sets what Linux sets and gVisor does not by default.
func tune(s *stack.Stack) error {
	sack := tcpip.TCPSACKEnabled(true)
	moderate := tcpip.TCPModerateReceiveBufferOption(true)
	reno := tcpip.CongestionControlOption("reno") // gVisor's cubic can overflow
	// gVisor's RACK sets no timer after a probe of the tail where it believes
	// nothing to be on its way, and the connection stops for good.
	recovery := tcpip.TCPRecovery(0)
	for _, o := range []tcpip.SettableTransportProtocolOption{&sack, &moderate, &reno, &recovery} {
		if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, o); err != nil {
			return fmt.Errorf("TCP option %T: %s", o, err)
		}
	}
	ttl := tcpip.DefaultTTLOption(64)
	for _, p := range []tcpip.NetworkProtocolNumber{ipv4.ProtocolNumber, ipv6.ProtocolNumber} {
		if err := s.SetNetworkProtocolOption(p, &ttl); err != nil {
			return fmt.Errorf("default TTL: %s", err)
		}
	}
	return nil
}

// addNIC adds an interface with its addresses and the routes to its networks.
// It has the next number: the first is the loopback interface's, 1.
func addNIC(s *stack.Stack, n NIC) error {
	if n.Name == "" || len(n.Name) > maxNICName || n.Link == nil {
		return fmt.Errorf("network interface %q: needs a name of 1 to %d bytes and a link", n.Name, maxNICName)
	}
	id := s.NextNICID()
	if err := s.CreateNICWithOptions(id, n.Link, stack.NICOptions{Name: n.Name, DeliverLinkPackets: true}); err != nil {
		return fmt.Errorf("network interface %q: %s", n.Name, err)
	}
	for _, a := range n.Addrs {
		if err := addAddr(s, id, a); err != nil {
			return fmt.Errorf("network interface %q: address %v: %w", n.Name, a, err)
		}
	}
	return nil
}

func addAddr(s *stack.Stack, id tcpip.NICID, a netip.Prefix) error {
	if !a.IsValid() {
		return fmt.Errorf("not a valid address and network")
	}
	protocol := ipv4.ProtocolNumber
	if a.Addr().Is6() {
		protocol = ipv6.ProtocolNumber
	}
	with := tcpip.AddressWithPrefix{Address: tcpip.AddrFromSlice(a.Addr().AsSlice()), PrefixLen: a.Bits()}
	if err := s.AddProtocolAddress(id, tcpip.ProtocolAddress{Protocol: protocol, AddressWithPrefix: with}, stack.AddressProperties{}); err != nil {
		return fmt.Errorf("%s", err)
	}
	s.AddRoute(tcpip.Route{Destination: with.Subnet(), NIC: id})
	return nil
}
