package packetdrill

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/anykernel/anykernel/packetdrill/script"
)

// build makes the frame of a packet that is injected.
func (r *runner) build(p *script.Packet) ([]byte, error) {
	if len(p.Outer) > 0 {
		return nil, unsupported("headers around a packet (%s)", p.Outer[0])
	}
	n, err := r.flows.inbound(p, r.set)
	if err != nil {
		return nil, err
	}
	switch {
	case p.TCP != nil:
		return r.buildTCP(p, n)
	case p.UDP != nil:
		udp := &layers.UDP{SrcPort: layers.UDPPort(n.remote), DstPort: layers.UDPPort(n.local)}
		return r.frame(p, layers.IPProtocolUDP, udp, gopacket.Payload(make([]byte, p.UDP.Length)))
	}
	return r.buildICMP(p, n)
}

// frame is an Ethernet frame to the kernel with what the script says of IP.
func (r *runner) frame(p *script.Packet, proto layers.IPProtocol, l ...gopacket.SerializableLayer) ([]byte, error) {
	tos, ttl := 0, 255
	if p.IP.TOS >= 0 {
		tos = p.IP.TOS
	}
	tos |= map[script.ECN]int{script.ECT0: 2, script.ECT1: 1, script.ECNCE: 3}[p.IP.ECN]
	if p.IP.TTL >= 0 {
		ttl = p.IP.TTL
	}
	eth := &layers.Ethernet{SrcMAC: ours, DstMAC: r.wire.kernel, EthernetType: layers.EthernetTypeIPv4}
	var network gopacket.SerializableLayer
	from, to := r.set.remote.AsSlice(), r.set.local.AsSlice()
	if r.set.ipv6 {
		eth.EthernetType = layers.EthernetTypeIPv6
		flow := uint32(max(0, p.IP.Flow))
		network = &layers.IPv6{Version: 6, TrafficClass: uint8(tos), FlowLabel: flow, HopLimit: uint8(ttl), NextHeader: proto, SrcIP: from, DstIP: to}
	} else {
		network = &layers.IPv4{Version: 4, TOS: uint8(tos), TTL: uint8(ttl), Protocol: proto, SrcIP: from, DstIP: to}
	}
	for _, x := range l {
		if c, ok := x.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := c.SetNetworkLayerForChecksum(network.(gopacket.NetworkLayer)); err != nil {
				return nil, err
			}
		}
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, append([]gopacket.SerializableLayer{eth, network}, l...)...)
	return b.Bytes(), err
}

func (r *runner) buildTCP(p *script.Packet, n *flow) ([]byte, error) {
	w := p.TCP
	t := &layers.TCP{
		SrcPort: layers.TCPPort(n.remote), DstPort: layers.TCPPort(n.local),
		Seq: w.Seq, Window: uint16(max(0, w.Window)), Urgent: uint16(w.Urgent),
	}
	if w.HasAck {
		t.Ack = w.Ack + n.offset
	}
	setFlags(t, w.Flags)
	if w.AnyOptions {
		return nil, fmt.Errorf("<...> does not say which options to send")
	}
	for _, o := range w.Options {
		live, err := n.encode(o)
		if err != nil {
			return nil, err
		}
		t.Options = append(t.Options, live)
	}
	return r.frame(p, layers.IPProtocolTCP, t, gopacket.Payload(make([]byte, w.Length)))
}

// flagBits are the letters of flags, and where they are in a segment.
var flagBits = []struct {
	letter string
	bit    func(t *layers.TCP) *bool
}{
	{"F", func(t *layers.TCP) *bool { return &t.FIN }},
	{"S", func(t *layers.TCP) *bool { return &t.SYN }},
	{"R", func(t *layers.TCP) *bool { return &t.RST }},
	{"P", func(t *layers.TCP) *bool { return &t.PSH }},
	{"U", func(t *layers.TCP) *bool { return &t.URG }},
	{"E", func(t *layers.TCP) *bool { return &t.ECE }},
	{"W", func(t *layers.TCP) *bool { return &t.CWR }},
	{".", func(t *layers.TCP) *bool { return &t.ACK }},
}

func setFlags(t *layers.TCP, flags string) {
	for _, f := range flagBits {
		*f.bit(t) = strings.Contains(flags, f.letter)
	}
}

// flagsOf is the flags of a segment as a script has them.
func flagsOf(t *layers.TCP) string {
	s := ""
	for _, f := range flagBits {
		if *f.bit(t) {
			s += f.letter
		}
	}
	if s == "" {
		return "-"
	}
	return s
}

// The numbers of TCP options that gopacket has no names for.
const (
	kindMD5      = 19
	kindFastOpen = 34
	kindExp      = 254
	expFastOpen  = 0xf989
)

// encode is an option that is injected: what it says of the kernel's numbers is
// in live ones.
func (n *flow) encode(o script.TCPOption) (layers.TCPOption, error) {
	be := binary.BigEndian
	switch o.Kind {
	case script.OptNOP:
		return layers.TCPOption{OptionType: layers.TCPOptionKindNop, OptionLength: 1}, nil
	case script.OptEOL:
		return layers.TCPOption{OptionType: layers.TCPOptionKindEndList, OptionLength: 1}, nil
	case script.OptMSS:
		return option(layers.TCPOptionKindMSS, be.AppendUint16(nil, uint16(o.Value))), nil
	case script.OptWScale:
		return option(layers.TCPOptionKindWindowScale, []byte{byte(o.Value)}), nil
	case script.OptSackOK:
		return option(layers.TCPOptionKindSACKPermitted, nil), nil
	case script.OptSack:
		var b []byte
		for _, s := range o.Sack {
			b = be.AppendUint32(be.AppendUint32(b, s[0]+n.offset), s[1]+n.offset)
		}
		return option(layers.TCPOptionKindSACK, b), nil
	case script.OptTimestamp:
		return option(layers.TCPOptionKindTimestamps, be.AppendUint32(be.AppendUint32(nil, o.Value), n.echo(o.Echo))), nil
	case script.OptMD5:
		return option(kindMD5, o.Blob), nil
	case script.OptFastOpen:
		return option(kindFastOpen, o.Blob), nil
	case script.OptFastOpenExp:
		return option(kindExp, append(be.AppendUint16(nil, expFastOpen), o.Blob...)), nil
	}
	return layers.TCPOption{}, unsupported("the TCP option %q", o.Text)
}

func option(kind layers.TCPOptionKind, data []byte) layers.TCPOption {
	return layers.TCPOption{OptionType: kind, OptionLength: uint8(2 + len(data)), OptionData: data}
}

// unreachable are the codes of ICMP's type 3; those of ICMPv6's type 1 have names
// of their own.
var unreachable = map[string]uint8{
	"net_unreachable": 0, "host_unreachable": 1, "protocol_unreachable": 2, "port_unreachable": 3,
	"frag_needed": 4, "source_route_failed": 5, "net_unknown": 6, "host_unknown": 7, "": 0,
}

var unreachable6 = map[string]uint8{"no_route": 0, "admin_prohibited": 1, "address_unreachable": 3, "port_unreachable": 4, "": 0}

// buildICMP is a message about a segment that the kernel has sent, of which it
// quotes the headers.
func (r *runner) buildICMP(p *script.Packet, n *flow) ([]byte, error) {
	m := p.ICMP
	quoted, err := r.quote(m, n)
	if err != nil {
		return nil, err
	}
	head := make([]byte, 4)
	if r.set.ipv6 {
		icmp := &layers.ICMPv6{}
		switch m.Type {
		case "unreachable":
			code, ok := unreachable6[m.Code]
			if !ok {
				return nil, unsupported("ICMPv6 unreachable %s", m.Code)
			}
			icmp.TypeCode = layers.CreateICMPv6TypeCode(layers.ICMPv6TypeDestinationUnreachable, code)
		case "packet_too_big":
			icmp.TypeCode = layers.CreateICMPv6TypeCode(layers.ICMPv6TypePacketTooBig, 0)
			binary.BigEndian.PutUint32(head, uint32(m.MTU))
		default:
			return nil, unsupported("ICMPv6 %s", m.Type)
		}
		return r.frame(p, layers.IPProtocolICMPv6, icmp, gopacket.Payload(append(head, quoted...)))
	}
	code, ok := unreachable[m.Code]
	if m.Type != "unreachable" || !ok {
		return nil, unsupported("ICMP %s %s", m.Type, m.Code)
	}
	return r.frame(p, layers.IPProtocolICMPv4, &layers.ICMPv4{
		TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, code), Seq: uint16(m.MTU),
	}, gopacket.Payload(quoted))
}

// quote is the IP header and the first bytes of a segment of the kernel's.
func (r *runner) quote(m *script.ICMP, n *flow) ([]byte, error) {
	t := &layers.TCP{SrcPort: layers.TCPPort(n.local), DstPort: layers.TCPPort(n.remote), Seq: m.Seq + n.offset, ACK: true}
	from, to := r.set.local.AsSlice(), r.set.remote.AsSlice()
	var network gopacket.NetworkLayer = &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: from, DstIP: to}
	if r.set.ipv6 {
		network = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: from, DstIP: to}
	}
	_ = t.SetNetworkLayerForChecksum(network)
	b := serialize(network.(gopacket.SerializableLayer), t, gopacket.Payload(make([]byte, m.Length)))
	if b == nil {
		return nil, fmt.Errorf("the quoted segment cannot be made")
	}
	const most = 40 + 20
	return b[:min(len(b), most)], nil
}
