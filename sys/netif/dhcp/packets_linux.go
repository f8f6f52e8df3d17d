package dhcp

import (
	"net"

	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"

	"github.com/anykernel/anykernel/sys"
)

// packets is a packet socket as nclient4 wants it. Deadlines and Close are the
// socket's.
type packets struct {
	*sys.Socket
	to sys.LinkAddr
}

var _ net.PacketConn = (*packets)(nil)

func openPackets(p *sys.Process, name string) (*packets, error) {
	s, err := p.Socket(sys.AF_PACKET, sys.SOCK_DGRAM|sys.SOCK_CLOEXEC|sys.SOCK_NONBLOCK, sys.ETH_P_IP)
	if err != nil {
		return nil, err
	}
	index, err := s.InterfaceIndex(name)
	if err == nil {
		err = s.Bind(sys.LinkAddr{Index: index, Protocol: sys.ETH_P_IP})
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return &packets{s, sys.LinkAddr{Index: index, Protocol: sys.ETH_P_IP, HardwareAddr: nclient4.BroadcastMac}}, nil
}

func (c *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := c.RecvFrom(b, 0)
	return n, &net.UDPAddr{}, err
}

func (c *packets) WriteTo(b []byte, _ net.Addr) (int, error) { return c.SendTo(b, 0, c.to) }

func (c *packets) LocalAddr() net.Addr { return &net.UDPAddr{} }
