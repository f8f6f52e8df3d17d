//go:build linux

package netstack

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"

	"github.com/anykernel/anykernel/xen/device"
)

// Lease asks DHCP for the addresses of an interface that nobody else reads
// from. The lease is not renewed: servers of virtual networks give the same
// addresses for as long as the guest lives.
func Lease(ctx context.Context, nic device.NIC) (Config, error) {
	raw := &rawConn{nic: nic, mac: nic.HardwareAddr()}
	conn := nclient4.NewBroadcastUDPConn(raw, &net.UDPAddr{Port: nclient4.ClientPort})
	client, err := nclient4.NewWithConn(conn, raw.mac, nclient4.WithRetry(4))
	if err != nil {
		return Config{}, fmt.Errorf("DHCP: %w", err)
	}
	lease, err := client.Request(ctx, dhcpv4.WithBroadcast(true))
	client.Close() // waits for its reader
	nic.SetReadDeadline(time.Time{})
	if err != nil {
		return Config{}, fmt.Errorf("DHCP: %w", err)
	}
	return fromACK(lease.ACK)
}

// fromACK takes what a server gave, which may be anything.
func fromACK(ack *dhcpv4.DHCPv4) (Config, error) {
	var c Config
	addr, ok := netip.AddrFromSlice(ack.YourIPAddr.To4())
	ones, bits := ack.SubnetMask().Size()
	if !ok || bits != 32 || addr.IsUnspecified() {
		return c, fmt.Errorf("DHCP: the server gave the address %v with the mask %v", ack.YourIPAddr, ack.SubnetMask())
	}
	c.Addr = netip.PrefixFrom(addr, ones)
	if routers := ack.Router(); len(routers) > 0 {
		c.Gateway, _ = netip.AddrFromSlice(routers[0].To4())
	}
	for _, d := range ack.DNS() {
		if a, ok := netip.AddrFromSlice(d.To4()); ok {
			c.DNS = append(c.DNS, a)
		}
	}
	return c, nil
}

// A rawConn carries IPv4 packets in frames to everybody, before there is an
// address. It is a packet socket as nclient4 wants it.
type rawConn struct {
	nic device.NIC
	mac net.HardwareAddr
}

const (
	ethernetHeader = 14
	typeIPv4       = 0x0800
)

var errUnused = errors.New("not used by DHCP")

func (c *rawConn) ReadFrom(b []byte) (int, net.Addr, error) {
	frame := make([]byte, c.nic.MTU()+ethernetHeader)
	for {
		n, err := c.nic.ReadFrame(frame)
		if err != nil {
			return 0, nil, err
		}
		if n > ethernetHeader && binary.BigEndian.Uint16(frame[12:]) == typeIPv4 {
			return copy(b, frame[ethernetHeader:n]), &net.UDPAddr{}, nil
		}
	}
}

func (c *rawConn) WriteTo(b []byte, _ net.Addr) (int, error) {
	frame := make([]byte, ethernetHeader, ethernetHeader+len(b))
	copy(frame, nclient4.BroadcastMac)
	copy(frame[6:], c.mac)
	binary.BigEndian.PutUint16(frame[12:], typeIPv4)
	return len(b), c.nic.WriteFrame(append(frame, b...))
}

// Close ends ReadFrom, and leaves the interface as it is.
func (c *rawConn) Close() error { return c.nic.SetReadDeadline(time.Unix(1, 0)) }

func (c *rawConn) LocalAddr() net.Addr                { return &net.UDPAddr{} }
func (c *rawConn) SetDeadline(t time.Time) error      { return errUnused }
func (c *rawConn) SetWriteDeadline(t time.Time) error { return errUnused }
func (c *rawConn) SetReadDeadline(t time.Time) error  { return c.nic.SetReadDeadline(t) }
