//go:build linux

package netstack

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"

	"github.com/anykernel/anykernel/sys/netif/dhcp"
	"github.com/anykernel/anykernel/xen/device"
)

// Lease asks DHCP for the addresses of an interface that nobody else reads
// from. The lease is not renewed: servers of virtual networks give the same
// addresses for as long as the guest lives.
func Lease(ctx context.Context, nic device.NIC) (Config, error) {
	raw := &rawConn{nic: nic, mac: nic.HardwareAddr()}
	lease, err := dhcp.Over(ctx, raw, raw.mac, nclient4.WithRetry(4))
	nic.SetReadDeadline(time.Time{})
	return Config{Addr: lease.Addr, Gateway: lease.Gateway, DNS: lease.DNS}, err
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
