package netfront

import (
	"bytes"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// blankFrame is a frame of a protocol over IPv4 whose checksum is that of the
// pseudo-header, with options in the IPv4 header and bytes behind its end.
func blankFrame(protocol tcpip.TransportProtocolNumber, payload string) []byte {
	const ipHeader = 24
	f := make([]byte, ethernetHeader+ipHeader+20)
	f = append(f, payload...)
	f[12] = 8
	ip := header.IPv4(f[ethernetHeader:])
	ip.Encode(&header.IPv4Fields{
		TotalLength: uint16(len(ip)), TTL: 64, Protocol: uint8(protocol), Options: header.IPv4OptionsSerializer{&header.IPv4SerializableRouterAlertOption{}},
		SrcAddr: tcpip.AddrFrom4([4]byte{10, 0, 0, 1}), DstAddr: tcpip.AddrFrom4([4]byte{10, 0, 0, 2}),
	})
	ip.SetChecksum(^ip.CalculateChecksum())
	sum := header.PseudoHeaderChecksum(protocol, ip.SourceAddress(), ip.DestinationAddress(), uint16(len(ip.Payload())))
	if protocol == header.TCPProtocolNumber {
		header.TCP(ip.Payload()).Encode(&header.TCPFields{SrcPort: 80, DstPort: 1000, DataOffset: 20, Checksum: sum})
	} else {
		header.UDP(ip.Payload()).Encode(&header.UDPFields{SrcPort: 80, DstPort: 1000, Length: uint16(len(ip.Payload())), Checksum: sum})
	}
	return append(f, "padding"...)
}

// valid reports whether the checksum of a frame is right.
func valid(f []byte) bool {
	ip := header.IPv4(f[ethernetHeader:])
	sum := header.PseudoHeaderChecksum(ip.TransportProtocol(), ip.SourceAddress(), ip.DestinationAddress(), uint16(len(ip.Payload())))
	return checksum.Checksum(ip.Payload(), sum) == 0xffff
}

var protocols = []tcpip.TransportProtocolNumber{header.TCPProtocolNumber, header.UDPProtocolNumber}

func TestComplete(t *testing.T) {
	for _, p := range protocols {
		for _, payload := range []string{"", "x", "hello"} {
			f := blankFrame(p, payload)
			if valid(f) {
				t.Fatalf("protocol %d, payload %q: the checksum is there already", p, payload)
			}
			if complete(f); !valid(f) {
				t.Errorf("protocol %d, payload %q: the checksum is not right", p, payload)
			}
		}
	}
	f := blankFrame(header.UDPProtocolNumber, "hello")
	f[ethernetHeader+6] = 0x20 // more fragments
	before := bytes.Clone(f)
	if complete(f); !bytes.Equal(f, before) {
		t.Error("a fragment was changed")
	}
}

// TestChecksums: what is sent without a checksum is marked so, and what comes
// without one is given one, unless the reader does not want it.
func TestChecksums(t *testing.T) {
	n, b := connected(t, true)
	n.blank = true
	got := make([]byte, maxFrame)
	for _, p := range protocols {
		f := blankFrame(p, "hello")
		b.flags = rxBlank | rxValidated
		if err := n.WriteBlank(f); err != nil || b.sent != txBlank|txValidated {
			t.Fatalf("a frame without a checksum was sent with flags %d, %v", b.sent, err)
		}
		size, checked, err := n.ReadChecked(got)
		if err != nil || !checked || !bytes.Equal(got[:size], f) {
			t.Errorf("read without work: checked %v, %v, the same: %v", checked, err, bytes.Equal(got[:size], f))
		}
		n.WriteBlank(f)
		if size, err := n.ReadFrame(got); err != nil || !valid(got[:size]) {
			t.Errorf("a frame that came without a checksum is read without one, %v", err)
		}
		b.flags = 0
		if err := n.WriteFrame(f); err != nil || b.sent != 0 {
			t.Errorf("a frame with its checksum was sent with flags %d, %v", b.sent, err)
		}
		if _, checked, _ := n.ReadChecked(got); checked {
			t.Error("a frame is checked that nobody vouches for")
		}
		n.blank = false
		n.WriteBlank(f)
		if size, _ := n.ReadFrame(got); b.sent != 0 || !valid(got[:size]) {
			t.Error("a back end that does not complete checksums was given a frame without one")
		}
		n.blank = true
	}
}

// FuzzComplete: a frame may be anything, and only a checksum of it changes.
func FuzzComplete(f *testing.F) {
	for _, p := range protocols {
		f.Add(blankFrame(p, "hello"))
	}
	f.Add([]byte{12: 8, 14: 0x4f, 16: 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		complete(b)
		differ := 0
		for i := range b {
			if b[i] != before[i] {
				differ++
			}
		}
		if differ > 2 {
			t.Errorf("%d bytes changed", differ)
		}
	})
}
