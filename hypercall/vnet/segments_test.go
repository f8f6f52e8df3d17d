package vnet_test

import (
	"bytes"
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/vnet"
)

// segmentsOf is a frame of TCP with everything that cutting has to change.
func segmentsOf(t testing.TB, to, from net.HardwareAddr, v6 bool, payload []byte) []byte {
	t.Helper()
	eth := &layers.Ethernet{SrcMAC: from, DstMAC: to, EthernetType: layers.EthernetTypeIPv4}
	tcp := &layers.TCP{
		SrcPort: 1, DstPort: 2, Seq: 0xfffffff0, Ack: 7, ACK: true, PSH: true, FIN: true, CWR: true, Window: 9,
		Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindNop}, {OptionType: layers.TCPOptionKindNop},
			{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: make([]byte, 8)}},
	}
	var ip interface {
		gopacket.SerializableLayer
		gopacket.NetworkLayer
	} = &layers.IPv4{Version: 4, Id: 0xffff, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
	if v6 {
		eth.EthernetType = layers.EthernetTypeIPv6
		ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: net.ParseIP("fd00::1"), DstIP: net.ParseIP("fd00::2")}
	}
	must(t, tcp.SetNetworkLayerForChecksum(ip))
	buf := gopacket.NewSerializeBuffer()
	must(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, tcp, gopacket.Payload(payload)))
	return buf.Bytes()
}

// checkSegments holds frames to what a card makes of the frame of segmentsOf.
func checkSegments(t *testing.T, frames [][]byte, payload []byte, size int) {
	t.Helper()
	if want := (len(payload) + size - 1) / size; len(frames) != want {
		t.Fatalf("%d frames, want %d", len(frames), want)
	}
	var got []byte
	for i, b := range frames {
		p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
		tcp, ok := p.TransportLayer().(*layers.TCP)
		if !ok {
			t.Fatalf("frame %d is %v", i, p)
		}
		must(t, tcp.SetNetworkLayerForChecksum(p.NetworkLayer()))
		if err, bad := p.VerifyChecksums(); err != nil || len(bad) > 0 {
			t.Errorf("frame %d: checksums %v, %v", i, err, bad)
		}
		first, last := i == 0, i == len(frames)-1
		if want := 0xfffffff0 + uint32(i*size); tcp.Seq != want || !tcp.ACK || tcp.PSH != last || tcp.FIN != last || tcp.CWR != first || len(tcp.Options) != 3 {
			t.Errorf("frame %d: %+v", i, tcp)
		}
		if ip, ok := p.NetworkLayer().(*layers.IPv4); ok && ip.Id != 0xffff+uint16(i) {
			t.Errorf("frame %d has the identification %d", i, ip.Id)
		}
		got = append(got, tcp.Payload...)
	}
	if !bytes.Equal(got, payload) {
		t.Errorf("%d bytes arrived, want the %d that were sent", len(got), len(payload))
	}
}

// TestSegments sends segments as one frame, and has them cut where somebody
// could tell.
func TestSegments(t *testing.T) {
	const size = 1448
	payload := bytes.Repeat([]byte("0123456789"), 1000)
	for _, v6 := range []bool{false, true} {
		for _, tc := range []struct {
			name, conditions   string
			takes, tap, single bool
		}{
			{name: "cut for who takes none"},
			{name: "whole", takes: true, single: true},
			{name: "cut on a slow link", conditions: "delay=1ms", takes: true},
			{name: "cut for who looks", tap: true, takes: true},
		} {
			t.Run(tc.name, func(t *testing.T) {
				w := newWorld(t, 1)
				x, y := get[*vnet.NIC](t)(w.NIC("x")), get[*vnet.NIC](t)(w.NIC("y"))
				sw := get[*vnet.Switch](t)(w.Switch("sw"))
				get[*vnet.Link](t)(w.Link(x, sw))
				l := get[*vnet.Link](t)(w.Link(sw, y))
				must(t, l.Set(get[vnet.Conditions](t)(vnet.ParseConditions(tc.conditions))))
				var frames, seen [][]byte
				if tc.tap {
					l.Tap(func(p vnet.Passage) { seen = append(seen, bytes.Clone(p.Frame)) })
				}
				nic, whole := hypercall.NIC{}, 0
				if tc.takes {
					nic.Segments = func(b []byte, n int) {
						frames = append(frames, bytes.Clone(b))
						whole = n
					}
				}
				get[hypercall.Link](t)(y.Attach(nic, func(b []byte) { frames = append(frames, bytes.Clone(b)) }))
				link := get[hypercall.Link](t)(x.Attach(hypercall.NIC{}, func([]byte) {}))
				sent := segmentsOf(t, y.HardwareAddr(), x.HardwareAddr(), v6, payload)
				link.(hypercall.Segmenter).SendSegments(sent, size)
				w.run()
				if tc.single {
					if len(frames) != 1 || !bytes.Equal(frames[0], sent) || whole != size {
						t.Errorf("%d frames, segments of %d", len(frames), whole)
					}
					return
				}
				checkSegments(t, frames, payload, size)
				if tc.tap {
					checkSegments(t, seen, payload, size)
				}
			})
		}
	}
}

// FuzzSegments cuts what says that it is segments.
func FuzzSegments(f *testing.F) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	for _, v6 := range []bool{false, true} {
		whole := segmentsOf(f, mac, mac, v6, make([]byte, 100))
		for _, n := range []int{14, 33, 34, 54, 65, 74, len(whole) - 1, len(whole)} {
			f.Add(whole[:n], 10)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		total, frames := 0, vnet.Cut(b, size)
		for _, g := range frames {
			if len(g) < 54 || len(g) > len(b) {
				t.Fatalf("a segment of %d bytes out of %d", len(g), len(b))
			}
			total += len(g)
		}
		if total > len(b)*max(len(frames), 1) {
			t.Fatalf("%d bytes out of %d", total, len(b))
		}
	})
}
