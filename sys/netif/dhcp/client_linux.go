package dhcp

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"

	"github.com/anykernel/anykernel/sys"
)

// attempts is how often a server is asked, with more and more time in between.
const attempts = 4

// Request asks on an interface, which is up, and has its hardware address. It
// changes nothing there. It needs packet sockets, which NetBSD has not: there it
// is [sys.ErrNotSupported].
func Request(ctx context.Context, p *sys.Process, name string, mac net.HardwareAddr) (Lease, error) {
	raw, err := openPackets(p, name)
	if err != nil {
		return Lease{}, fmt.Errorf("DHCP on %s: %w", name, err)
	}
	return Over(ctx, raw, mac, nclient4.WithRetry(attempts))
}

// Over asks by a connection that carries IPv4 packets to everybody and from
// everybody, which it closes.
func Over(ctx context.Context, raw net.PacketConn, mac net.HardwareAddr, opts ...nclient4.ClientOpt) (Lease, error) {
	conn := nclient4.NewBroadcastUDPConn(raw, &net.UDPAddr{Port: nclient4.ClientPort})
	client, err := nclient4.NewWithConn(conn, mac, opts...)
	if err != nil {
		raw.Close()
		return Lease{}, fmt.Errorf("DHCP: %w", err)
	}
	defer client.Close() // waits for its reader
	lease, err := client.Request(ctx, dhcpv4.WithBroadcast(true))
	if err != nil {
		return Lease{}, fmt.Errorf("DHCP: %w", err)
	}
	return FromACK(lease.ACK)
}

// FromACK takes what a server gave, which may be anything.
func FromACK(ack *dhcpv4.DHCPv4) (Lease, error) {
	l := Lease{Time: ack.IPAddressLeaseTime(0)}
	addr, ok := netip.AddrFromSlice(ack.YourIPAddr.To4())
	ones, bits := ack.SubnetMask().Size()
	if !ok || bits != 32 || addr.IsUnspecified() {
		return Lease{}, fmt.Errorf("DHCP: the server gave the address %v with the mask %v", ack.YourIPAddr, ack.SubnetMask())
	}
	l.Addr = netip.PrefixFrom(addr, ones)
	if routers := ack.Router(); len(routers) > 0 {
		l.Gateway, _ = netip.AddrFromSlice(routers[0].To4())
	}
	for _, d := range ack.DNS() {
		if a, ok := netip.AddrFromSlice(d.To4()); ok {
			l.DNS = append(l.DNS, a)
		}
	}
	return l, nil
}
