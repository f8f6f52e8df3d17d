package packetdrill

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/anykernel/anykernel/packetdrill/script"
)

// match holds a packet of the kernel's to an expected one. Where it is a part of
// that, done is how many bytes of the expected segment have come.
func (r *runner) match(p *script.Packet, live gopacket.Packet, before int) (done int, err error) {
	if err := matchIP(&p.IP, live); err != nil {
		return 0, err
	}
	switch {
	case p.TCP != nil:
		t, ok := live.TransportLayer().(*layers.TCP)
		if !ok {
			return 0, fmt.Errorf("it is no TCP segment")
		}
		return r.matchTCP(p, t, before)
	case p.UDP != nil:
		u, ok := live.TransportLayer().(*layers.UDP)
		if !ok {
			return 0, fmt.Errorf("it is no UDP datagram")
		}
		r.flows.outbound(uint16(u.SrcPort), uint16(u.DstPort), true, p)
		if n := len(u.Payload); n != p.UDP.Length {
			return 0, fmt.Errorf("the datagram has %d bytes", n)
		}
		return 0, nil
	}
	return 0, unsupported("an ICMP message that is expected")
}

func matchIP(want *script.IP, live gopacket.Packet) error {
	var tos, ttl uint8
	switch ip := live.NetworkLayer().(type) {
	case *layers.IPv4:
		tos, ttl = ip.TOS, ip.TTL
	case *layers.IPv6:
		tos, ttl = ip.TrafficClass, ip.HopLimit
	}
	ecn := map[script.ECN][]uint8{script.ECNNone: {0}, script.ECT0: {2}, script.ECT1: {1}, script.ECNCE: {3}, script.ECT01: {1, 2}}
	switch {
	case want.ECN != script.ECNUnsaid && !bytes.Contains(ecn[want.ECN], []byte{tos & 3}):
		return fmt.Errorf("its bits for congestion notification are %d", tos&3)
	case want.TOS >= 0 && want.TOS != int(tos):
		return fmt.Errorf("its type of service is %#x", tos)
	case want.TTL >= 0 && want.TTL != int(ttl):
		return fmt.Errorf("its time to live is %d", ttl)
	}
	return nil
}

func (r *runner) matchTCP(p *script.Packet, live *layers.TCP, before int) (done int, err error) {
	want := p.TCP
	opens := live.SYN && !live.ACK
	n := r.flows.outbound(uint16(live.SrcPort), uint16(live.DstPort), opens, p)
	if n == nil {
		return 0, fmt.Errorf("it is of a connection that the script does not know: %d > %d", live.SrcPort, live.DstPort)
	}
	n.learn(live, want)
	got := *want
	got.Flags = flagsOf(live)
	got.Length = len(live.Payload)
	got.Seq = live.Seq - n.offset
	got.End = got.Seq + uint32(got.Length)
	got.Ack, got.HasAck = live.Ack, live.ACK
	part := !r.set.strict && before+got.Length < want.Length && got.Length > 0 && got.Seq == want.Seq+uint32(before)
	whole := got.Seq == want.Seq+uint32(before) && got.Length == want.Length-before
	if !part && !whole {
		return 0, fmt.Errorf("its range is %d:%d(%d)", got.Seq, got.End, got.Length)
	}
	if !sameFlags(want.Flags, got.Flags, part) {
		return 0, fmt.Errorf("its flags are %s", got.Flags)
	}
	if want.HasAck && got.HasAck && want.Ack != got.Ack {
		return 0, fmt.Errorf("its ack is %d", got.Ack)
	}
	if want.Window >= 0 && want.Window != int(live.Window) {
		return 0, fmt.Errorf("its window is %d", live.Window)
	}
	if want.Urgent != 0 && want.Urgent != int(live.Urgent) {
		return 0, fmt.Errorf("its urgent pointer is %d", live.Urgent)
	}
	if !want.AnyOptions {
		if err := n.matchOptions(want.Options, live.Options); err != nil {
			return 0, err
		}
	}
	if part {
		return before + got.Length, nil
	}
	return 0, nil
}

// sameFlags compares flags. A part of a segment need not be pushed, and is not
// the end.
func sameFlags(want, got string, part bool) bool {
	if part {
		want, got = strings.Trim(want, "PF"), strings.Trim(got, "P")
	}
	for _, f := range flagBits {
		if strings.Contains(want, f.letter) != strings.Contains(got, f.letter) {
			return false
		}
	}
	return true
}

// matchOptions compares options in order, what fills them up too.
func (n *flow) matchOptions(want []script.TCPOption, live []layers.TCPOption) error {
	bad := func() error {
		return fmt.Errorf("its options are <%s>, not <%s>", liveOptions(live, n), scriptOptions(want))
	}
	if len(want) != len(live) {
		return bad()
	}
	for i, o := range want {
		got := live[i]
		exact, err := n.expected(o)
		if err != nil {
			return err
		}
		if got.OptionType != exact.OptionType {
			return bad()
		}
		if o.Kind == script.OptTimestamp && len(got.OptionData) == 8 {
			val, ecr := binary.BigEndian.Uint32(got.OptionData), binary.BigEndian.Uint32(got.OptionData[4:])
			if ecr != o.Echo || !n.stamp(o.Value, val) {
				return bad()
			}
			continue
		}
		if !bytes.Equal(got.OptionData, exact.OptionData) {
			return bad()
		}
	}
	return nil
}

// expected is an option of the kernel's: what it says of the runner's numbers
// are the script's.
func (n *flow) expected(o script.TCPOption) (layers.TCPOption, error) {
	return (&flow{}).encode(o)
}

func liveOptions(list []layers.TCPOption, n *flow) string {
	var words []string
	for _, o := range list {
		be := binary.BigEndian
		d := o.OptionData
		switch {
		case o.OptionType == layers.TCPOptionKindNop:
			words = append(words, "nop")
		case o.OptionType == layers.TCPOptionKindEndList:
			words = append(words, "eol")
		case o.OptionType == layers.TCPOptionKindMSS && len(d) == 2:
			words = append(words, fmt.Sprintf("mss %d", be.Uint16(d)))
		case o.OptionType == layers.TCPOptionKindWindowScale && len(d) == 1:
			words = append(words, fmt.Sprintf("wscale %d", d[0]))
		case o.OptionType == layers.TCPOptionKindSACKPermitted:
			words = append(words, "sackOK")
		case o.OptionType == layers.TCPOptionKindSACK:
			s := "sack"
			for ; len(d) >= 8; d = d[8:] {
				s += fmt.Sprintf(" %d:%d", be.Uint32(d), be.Uint32(d[4:]))
			}
			words = append(words, s)
		case o.OptionType == layers.TCPOptionKindTimestamps && len(d) == 8:
			words = append(words, fmt.Sprintf("TS val %d ecr %d", be.Uint32(d), be.Uint32(d[4:])))
		default:
			words = append(words, fmt.Sprintf("%d:%x", o.OptionType, d))
		}
	}
	return strings.Join(words, ",")
}

func scriptOptions(list []script.TCPOption) string {
	var words []string
	for _, o := range list {
		switch o.Kind {
		case script.OptNOP:
			words = append(words, "nop")
		case script.OptEOL:
			words = append(words, "eol")
		case script.OptMSS:
			words = append(words, fmt.Sprintf("mss %d", o.Value))
		case script.OptWScale:
			words = append(words, fmt.Sprintf("wscale %d", o.Value))
		case script.OptSackOK:
			words = append(words, "sackOK")
		case script.OptSack:
			s := "sack"
			for _, b := range o.Sack {
				s += fmt.Sprintf(" %d:%d", b[0], b[1])
			}
			words = append(words, s)
		case script.OptTimestamp:
			words = append(words, fmt.Sprintf("TS val %d ecr %d", o.Value, o.Echo))
		default:
			words = append(words, fmt.Sprintf("%s%x", o.Text, o.Blob))
		}
	}
	return strings.Join(words, ",")
}

// describe is a packet of the kernel's for people.
func describe(p sniffed, n *flow) string {
	switch t := p.packet.TransportLayer().(type) {
	case *layers.TCP:
		seq := t.Seq
		if n != nil {
			seq -= n.offset
		}
		return fmt.Sprintf("%s %d:%d(%d) ack %d win %d <%s>", flagsOf(t), seq, seq+uint32(len(t.Payload)), len(t.Payload), t.Ack, t.Window, liveOptions(t.Options, n))
	case *layers.UDP:
		return fmt.Sprintf("udp (%d)", len(t.Payload))
	}
	return p.packet.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
