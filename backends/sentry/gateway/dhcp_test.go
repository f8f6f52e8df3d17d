//go:build linux && (amd64 || arm64)

package gateway

import (
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func TestPool(t *testing.T) {
	for text, want := range map[string]struct {
		first string
		size  int
	}{
		"10.0.0.3/16":    {"10.0.128.0", maxLeases},
		"192.168.1.1/24": {"192.168.1.128", 127},
		"10.0.0.1/29":    {"10.0.0.4", 3},
		"0.0.0.0/0":      {"128.0.0.0", maxLeases},
		"10.0.0.1/30":    {"invalid IP", 0},
		"fd00::1/64":     {"invalid IP", 0},
	} {
		first, size := pool(netip.MustParsePrefix(text))
		if first.String() != want.first || size != want.size {
			t.Errorf("%s gives %d addresses from %v on, want %+v", text, size, first, want)
		}
	}
}

func newTestServer() *dhcpServer {
	own := netip.MustParsePrefix("10.0.0.1/29")
	first, size := pool(own)
	return &dhcpServer{own: own, first: first, size: size, leases: map[string]int{}}
}

// ask is what a server says to a station, nil where nothing.
func ask(t *testing.T, s *dhcpServer, station byte, kind dhcpv4.MessageType, wanted string) *dhcpv4.DHCPv4 {
	t.Helper()
	m, err := dhcpv4.New(dhcpv4.WithMessageType(kind), dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, station}))
	if err != nil {
		t.Fatal(err)
	}
	if wanted != "" {
		m.UpdateOption(dhcpv4.OptRequestedIPAddress(net.ParseIP(wanted)))
	}
	b := s.answer(m.ToBytes())
	if b == nil {
		return nil
	}
	a, err := dhcpv4.FromBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestDHCP(t *testing.T) {
	s := newTestServer()
	for station, want := range []string{"10.0.0.4", "10.0.0.5", "10.0.0.6"} {
		offer := ask(t, s, byte(station), dhcpv4.MessageTypeDiscover, "")
		if offer == nil || offer.MessageType() != dhcpv4.MessageTypeOffer || offer.YourIPAddr.String() != want {
			t.Errorf("station %d is offered %v", station, offer)
		}
	}
	if offer := ask(t, s, 9, dhcpv4.MessageTypeDiscover, ""); offer != nil {
		t.Errorf("there was no address left, and %v is offered", offer)
	}
	ack := ask(t, s, 1, dhcpv4.MessageTypeRequest, "10.0.0.5")
	if ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck || ack.YourIPAddr.String() != "10.0.0.5" ||
		ack.Router()[0].String() != "10.0.0.1" || ack.DNS()[0].String() != "10.0.0.1" || ack.SubnetMask().String() != "fffffff8" {
		t.Errorf("station 1 is given %v", ack)
	}
	if nak := ask(t, s, 1, dhcpv4.MessageTypeRequest, "10.0.0.4"); nak == nil || nak.MessageType() != dhcpv4.MessageTypeNak {
		t.Errorf("another station's address is answered by %v", nak)
	}
}

func FuzzDHCP(f *testing.F) {
	m, err := dhcpv4.NewDiscovery(net.HardwareAddr{2, 0, 0, 0, 0, 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m.ToBytes())
	f.Add([]byte{1, 1, 6})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newTestServer()
		for range 2 * s.size {
			if a := s.answer(b); a != nil {
				if _, err := dhcpv4.FromBytes(a); err != nil {
					t.Errorf("an answer that makes no sense: %v", err)
				}
			}
		}
	})
}
