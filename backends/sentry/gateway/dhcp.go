//go:build linux && (amd64 || arm64)

package gateway

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// Limits of the DHCP server.
const (
	maxLeases = 1024
	leaseTime = 24 * time.Hour
	maxDHCP   = 1500 // bytes of a message
)

// A dhcpServer gives stations addresses of the upper half of the gateway's IPv4
// network: those of the lower half are a topology's own. Each station keeps its
// address. One goroutine runs it.
type dhcpServer struct {
	conn   *gonet.UDPConn
	own    netip.Prefix
	first  netip.Addr
	size   int
	leases map[string]int // by hardware address
}

// serveDHCP answers on the gateway's first IPv4 network, if it has one.
func (g *Gateway) serveDHCP(addrs []netip.Prefix) error {
	for _, a := range addrs {
		first, size := pool(a)
		if size == 0 {
			continue
		}
		var wq waiter.Queue
		ep, err := g.stack.NewEndpoint(udp.ProtocolNumber, ipv4.ProtocolNumber, &wq)
		if err != nil {
			return fmt.Errorf("DHCP: %s", err)
		}
		ep.SocketOptions().SetBroadcast(true)
		if err := ep.Bind(tcpip.FullAddress{NIC: nicID, Port: dhcpv4.ServerPort}); err != nil {
			ep.Close()
			return fmt.Errorf("DHCP: %s", err)
		}
		conn := gonet.NewUDPConn(&wq, ep)
		s := &dhcpServer{conn: conn, own: a, first: first, size: size, leases: map[string]int{}}
		g.mu.Lock()
		g.open[conn] = struct{}{}
		g.mu.Unlock()
		g.work.Go(s.serve)
		return nil
	}
	return nil
}

// pool is the addresses of a network that are given away: none of IPv6, and of
// networks that are too small.
func pool(p netip.Prefix) (first netip.Addr, size int) {
	hosts := 32 - p.Bits()
	if !p.Addr().Is4() || hosts < 3 {
		return first, 0
	}
	base := p.Masked().Addr().As4()
	n := uint32(base[0])<<24 | uint32(base[1])<<16 | uint32(base[2])<<8 | uint32(base[3])
	half := uint64(1) << (hosts - 1)
	n += uint32(half)
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), int(min(half-1, maxLeases)) // the last is for all
}

// serve answers until the connection is closed.
func (s *dhcpServer) serve() {
	b := make([]byte, maxDHCP)
	for {
		n, _, err := s.conn.ReadFrom(b)
		if err != nil {
			return
		}
		if answer := s.answer(b[:n]); answer != nil {
			// A station has no address yet.
			_, _ = s.conn.WriteTo(answer, &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort})
		}
	}
}

// answer is the answer to a message, nil where there is none.
func (s *dhcpServer) answer(b []byte) []byte {
	m, err := dhcpv4.FromBytes(b)
	if err != nil || m.OpCode != dhcpv4.OpcodeBootRequest {
		return nil
	}
	self := net.IP(s.own.Addr().AsSlice())
	if id := m.ServerIdentifier(); id != nil && !id.Equal(self) {
		return nil // it chose another server
	}
	addr, ok := s.lease(m.ClientHWAddr.String())
	kind := dhcpv4.MessageTypeOffer
	switch m.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		if !ok {
			return nil
		}
	case dhcpv4.MessageTypeRequest:
		kind = dhcpv4.MessageTypeAck
		wanted := m.RequestedIPAddress()
		if wanted == nil {
			wanted = m.ClientIPAddr
		}
		if !ok || !wanted.Equal(net.IP(addr.AsSlice())) {
			kind = dhcpv4.MessageTypeNak
		}
	default:
		return nil
	}
	reply, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(kind), dhcpv4.WithServerIP(self),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(self)))
	if err != nil {
		return nil
	}
	if kind != dhcpv4.MessageTypeNak {
		reply.YourIPAddr = net.IP(addr.AsSlice())
		reply.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(s.own.Bits(), 32)))
		reply.UpdateOption(dhcpv4.OptRouter(self))
		reply.UpdateOption(dhcpv4.OptDNS(self))
		reply.UpdateOption(dhcpv4.OptIPAddressLeaseTime(leaseTime))
	}
	return reply.ToBytes()
}

// lease is the address of a station, where there is one left.
func (s *dhcpServer) lease(station string) (netip.Addr, bool) {
	n, ok := s.leases[station]
	if !ok {
		if n = len(s.leases); n == s.size {
			return netip.Addr{}, false
		}
		s.leases[station] = n
	}
	a := s.first.As4()
	sum := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	sum += uint32(n)
	return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}), true
}
