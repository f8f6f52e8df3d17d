package script

import (
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"go.starlark.net/starlark"

	"github.com/anykernel/anykernel/hypercall"
)

// A packet is what a frame has in it, as far as it can be taken apart.
type packet struct {
	fields  starlark.StringDict
	payload []byte
}

func (p *packet) String() string        { return "packet" }
func (p *packet) Type() string          { return "packet" }
func (p *packet) Freeze()               {}
func (p *packet) Truth() starlark.Bool  { return true }
func (p *packet) Hash() (uint32, error) { return starlark.String(p.payload).Hash() }

// packetAttrs are the attributes of every packet.
var packetAttrs = []string{"ack", "dport", "dst", "flags", "payload", "proto", "seq", "sport", "src", "ttl", "type"}

// AttrNames implements starlark.HasAttrs.
func (p *packet) AttrNames() []string { return packetAttrs }

// Attr implements starlark.HasAttrs.
func (p *packet) Attr(name string) (starlark.Value, error) {
	if name == "payload" {
		return starlark.Bytes(p.payload), nil
	}
	if v, ok := p.fields[name]; ok {
		return v, nil
	}
	for _, known := range packetAttrs {
		if name == known {
			return starlark.None, nil
		}
	}
	return nil, nil
}

// packet is the frame's headers. A frame of another kind of event has none.
func (e *event) packet() *packet {
	if e.headers == nil {
		e.headers = dissect(e.ev.Args.Bytes("data"))
	}
	return e.headers
}

// packetAttr is an attribute of the packet, nil where there is no such.
func (e *event) packetAttr(name string) starlark.Value {
	if e.ev.Name != hypercall.EventFrame {
		return nil
	}
	v, _ := e.packet().Attr(name)
	return v
}

// dissect takes a frame apart. Frames are hostile: gopacket stops where one
// makes no sense, and what came before is what there is.
func dissect(frame []byte) *packet {
	p := &packet{fields: starlark.StringDict{}}
	parsed := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	text := func(name, value string) { p.fields[name] = starlark.String(value) }
	number := func(name string, value uint64) { p.fields[name] = starlark.MakeUint64(value) }
	for _, l := range parsed.Layers() {
		switch l := l.(type) {
		case *layers.Ethernet:
			text("type", strings.ToLower(l.EthernetType.String()))
			text("src", l.SrcMAC.String())
			text("dst", l.DstMAC.String())
		case *layers.IPv4:
			text("src", l.SrcIP.String())
			text("dst", l.DstIP.String())
			text("proto", strings.ToLower(l.Protocol.String()))
			number("ttl", uint64(l.TTL))
		case *layers.IPv6:
			text("src", l.SrcIP.String())
			text("dst", l.DstIP.String())
			text("proto", strings.ToLower(l.NextHeader.String()))
			number("ttl", uint64(l.HopLimit))
		case *layers.TCP:
			text("proto", "tcp")
			number("sport", uint64(l.SrcPort))
			number("dport", uint64(l.DstPort))
			number("seq", uint64(l.Seq))
			number("ack", uint64(l.Ack))
			text("flags", tcpFlags(l))
			p.payload = l.Payload
		case *layers.UDP:
			text("proto", "udp")
			number("sport", uint64(l.SrcPort))
			number("dport", uint64(l.DstPort))
			p.payload = l.Payload
		case *layers.ICMPv4:
			text("proto", "icmp")
			p.payload = l.Payload
		case *layers.ICMPv6:
			text("proto", "icmp6")
			p.payload = l.Payload
		}
	}
	return p
}

// tcpFlags is the flags that are set, one letter each, in the order of
// tcpdump.
func tcpFlags(l *layers.TCP) string {
	var b strings.Builder
	for _, f := range []struct {
		set    bool
		letter byte
	}{{l.SYN, 'S'}, {l.FIN, 'F'}, {l.RST, 'R'}, {l.PSH, 'P'}, {l.ACK, 'A'}, {l.URG, 'U'}, {l.ECE, 'E'}, {l.CWR, 'C'}} {
		if f.set {
			b.WriteByte(f.letter)
		}
	}
	return b.String()
}
