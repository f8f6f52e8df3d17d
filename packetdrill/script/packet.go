package script

import (
	"encoding/hex"
	"math"
	"strings"
)

func (s *scanner) packet() *Packet {
	p := &Packet{Inbound: s.take("<"), IP: IP{TOS: -1, TTL: -1, Flow: -1}}
	if !p.Inbound {
		s.want(">")
	}
	s.ipInfo(&p.IP)
	for s.outer(p) {
	}
	switch {
	case s.takeWord("icmp"):
		p.ICMP = s.icmp()
		return p
	case s.takeWord("udp"):
		s.ports(p)
		s.want("(")
		p.UDP = &UDP{Length: int(s.limited(math.MaxUint16))}
		s.want(")")
		return p
	}
	s.ports(p)
	p.TCP = s.tcp()
	return p
}

// ipInfo is [ect0], (tos 0x10), [ttl 5] …
func (s *scanner) ipInfo(ip *IP) {
	end := ""
	switch c := s.peekByte(); c {
	case '(':
		end = ")"
	case '[':
		end = "]"
	default:
		return
	}
	s.pos++
	for s.err == nil {
		s.ipWord(ip)
		if s.take(end) {
			return
		}
		s.want(",")
	}
}

// ecns are the words for congestion notification.
var ecns = map[string]ECN{"noecn": ECNNone, "ect0": ECT0, "ect1": ECT1, "ect01": ECT01, "ce": ECNCE}

func (s *scanner) ipWord(ip *IP) {
	word := s.word()
	if e, ok := ecns[word]; ok {
		ip.ECN = e
		return
	}
	switch word {
	case "tos":
		ip.TOS = int(s.limited(math.MaxUint8))
	case "ttl":
		ip.TTL = int(s.limited(math.MaxUint8))
	case "flowlabel":
		ip.Flow = int(s.limited(1<<20 - 1))
	default:
		s.fail("%q is none of ect0, ect1, ect01, ce, noecn, tos, ttl and flowlabel", word)
	}
}

// outer takes a header around the packet, up to its colon.
func (s *scanner) outer(p *Packet) bool {
	switch w := s.peekWord(); w {
	case "ipv4", "ipv6", "gre", "mpls", "encap":
		i := strings.IndexAny(s.text[s.pos:], "\n")
		line := s.text[s.pos:]
		if i >= 0 {
			line = line[:i]
		}
		colon := strings.Index(line, ": ")
		if colon < 0 {
			s.fail("the header %s has no colon behind it", w)
			return false
		}
		p.Outer = append(p.Outer, line[:colon])
		s.pos += colon + 1
		return true
	}
	return false
}

// ports is 80 > 1234, which a segment without flags cannot be mistaken for.
func (s *scanner) ports(p *Packet) {
	if !isDigit(s.peekByte()) {
		return
	}
	from := uint16(s.limited(math.MaxUint16))
	s.want(">")
	p.Ports = &[2]uint16{from, uint16(s.limited(math.MaxUint16))}
}

func isFlag(c byte) bool { return strings.IndexByte("FSRPAUEWC.-0123456789", c) >= 0 }

func (s *scanner) tcp() *TCP {
	t := &TCP{Window: -1}
	s.space()
	t.Flags = s.run(isFlag)
	if t.Flags == "" {
		s.fail("want the flags of a segment, such as S or P., before %s", s.rest())
	}
	if strings.Trim(t.Flags, "FSRPUEW.") != "" && t.Flags != "-" {
		s.fail("%q is no set of flags out of F, S, R, P, U, E, W and . for ACK", t.Flags)
	}
	t.Seq, t.End, t.Length = s.sequence()
	for s.err == nil {
		switch {
		case s.takeWord("ack"):
			t.HasAck, t.Ack = true, s.u32()
		case s.takeWord("win"):
			t.Window = int(s.limited(math.MaxUint16))
		case s.takeWord("urg"):
			t.Urgent = int(s.limited(math.MaxUint16))
		case s.atOptions():
			s.want("<")
			s.options(t)
			return t
		default:
			return t
		}
	}
	return t
}

// atOptions reports whether a < here begins options, on this line.
func (s *scanner) atOptions() bool {
	line := s.line
	return s.peek("<") && s.line == line
}

// sequence is 1:1001(1000).
func (s *scanner) sequence() (from, to uint32, length int) {
	from = s.u32()
	s.want(":")
	to = s.u32()
	s.want("(")
	length = int(s.limited(math.MaxUint16))
	s.want(")")
	if s.err == nil && to != from+uint32(length) {
		s.fail("%d:%d(%d): the length is %d", from, to, length, to-from)
	}
	return from, to, length
}

func (s *scanner) u32() uint32 { return uint32(s.limited(math.MaxUint32)) }

func (s *scanner) options(t *TCP) {
	if s.take("...") {
		t.AnyOptions = true
		s.want(">")
		return
	}
	if s.take(">") {
		return
	}
	for s.err == nil {
		t.Options = append(t.Options, s.tcpOption())
		if s.take(">") {
			return
		}
		s.want(",")
	}
}

func (s *scanner) tcpOption() TCPOption {
	switch w := s.word(); strings.ToLower(w) {
	case "nop":
		return TCPOption{Kind: OptNOP}
	case "eol":
		return TCPOption{Kind: OptEOL}
	case "mss":
		return TCPOption{Kind: OptMSS, Value: uint32(s.limited(math.MaxUint16))}
	case "wscale":
		return TCPOption{Kind: OptWScale, Value: uint32(s.limited(math.MaxUint8))}
	case "sackok":
		return TCPOption{Kind: OptSackOK}
	case "sack":
		o := TCPOption{Kind: OptSack}
		for isDigit(s.peekByte()) && s.err == nil && len(o.Sack) < 4 {
			from := s.u32()
			s.want(":")
			o.Sack = append(o.Sack, [2]uint32{from, s.u32()})
		}
		return o
	case "ts":
		o := TCPOption{Kind: OptTimestamp}
		s.wantWord("val")
		o.Value = s.u32()
		s.wantWord("ecr")
		o.Echo = s.u32()
		return o
	case "fo":
		return TCPOption{Kind: OptFastOpen, Blob: s.blob()}
	case "foexp":
		return TCPOption{Kind: OptFastOpenExp, Blob: s.blob()}
	case "md5":
		return TCPOption{Kind: OptMD5, Blob: s.blob()}
	default:
		s.run(func(c byte) bool { return c != ',' && c != '>' && c != '\n' })
		return TCPOption{Kind: OptOther, Text: w}
	}
}

func (s *scanner) wantWord(w string) {
	if !s.takeWord(w) {
		s.fail("want %q before %s", w, s.rest())
	}
}

// maxBlob bounds the bytes of an option.
const maxBlob = 40

// blob is bytes in hexadecimal digits, if any.
func (s *scanner) blob() []byte {
	text := s.run(isHex)
	b, err := hex.DecodeString(text)
	if err != nil || len(b) > maxBlob {
		s.fail("%q is no even number of hexadecimal digits, of at most %d bytes", text, maxBlob)
	}
	return b
}

func (s *scanner) icmp() *ICMP {
	m := &ICMP{Type: s.word()}
	if w := s.peekWord(); w != "" && w != "mtu" && w != "id" {
		m.Code = s.word()
	}
	if s.takeWord("mtu") {
		m.MTU = int(s.limited(math.MaxUint16))
	}
	if s.takeWord("id") {
		m.ID = int(s.limited(math.MaxUint16))
	}
	if s.take("[") {
		if w := s.peekWord(); w == "udp" || w == "raw" {
			s.word()
			s.want("(")
			m.Length = int(s.limited(math.MaxUint16))
			s.want(")")
		} else {
			m.Seq, _, m.Length = s.sequence()
			m.Echoed = true
		}
		s.want("]")
	}
	return m
}
