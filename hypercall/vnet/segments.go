package vnet

import (
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

// What there is of Ethernet, IP and TCP in a frame of segments.
const (
	typeIPv4, typeIPv6 = 0x0800, 0x86dd
	ipv4Size, ipv6Size = 20, 40
	tcpSize            = 20
	protocolTCP        = 6

	flagFIN, flagPSH, flagCWR = 0x01, 0x08, 0x80
)

// A segmented is where the parts of a frame of TCP begin.
type segmented struct {
	tcp, payload, end int
	v6                bool
}

// parseSegmented looks at a frame that says that it is one of segments.
func parseSegmented(b []byte) (s segmented, ok bool) {
	if len(b) < headerSize+ipv4Size {
		return s, false
	}
	ip := b[headerSize:]
	switch kind := binary.BigEndian.Uint16(b[headerSize-2:]); {
	case kind == typeIPv4 && ip[0]>>4 == 4 && ip[9] == protocolTCP && binary.BigEndian.Uint16(ip[6:])&0x3fff == 0:
		header := int(ip[0]&0xf) * 4
		if header < ipv4Size {
			return s, false
		}
		s.tcp = headerSize + header
		s.end = headerSize + int(binary.BigEndian.Uint16(ip[2:]))
	case kind == typeIPv6 && len(ip) >= ipv6Size && ip[0]>>4 == 6 && ip[6] == protocolTCP:
		s.v6 = true
		s.tcp = headerSize + ipv6Size
		s.end = s.tcp + int(binary.BigEndian.Uint16(ip[4:]))
	default:
		return s, false
	}
	if s.end > len(b) || s.end < s.tcp+tcpSize {
		return s, false
	}
	header := int(b[s.tcp+12]>>4) * 4
	s.payload = s.tcp + header
	return s, header >= tcpSize && s.payload <= s.end
}

// cut makes a frame for each of the segments that f stands for. It takes over f's
// reference. A frame that is none of TCP has none.
func (f *frame) cut() (frames []*frame) {
	defer f.release()
	s, ok := parseSegmented(f.data)
	if !ok {
		return nil
	}
	for at := s.payload; at < s.end || at == s.payload; at += f.segment {
		frames = append(frames, f.segmentAt(s, at, min(at+f.segment, s.end)))
	}
	return frames
}

// segmentAt is the segment whose payload is f's from one offset to another.
func (f *frame) segmentAt(s segmented, from, to int) *frame {
	g := newFrame(s.payload + to - from)
	copy(g.data, f.data[:s.payload])
	copy(g.data[s.payload:], f.data[from:to])
	ip, tcp := g.data[headerSize:s.tcp], g.data[s.tcp:]
	if s.v6 {
		binary.BigEndian.PutUint16(ip[4:], uint16(len(tcp)))
	} else {
		binary.BigEndian.PutUint16(ip[2:], uint16(len(g.data)-headerSize))
		id := binary.BigEndian.Uint16(ip[4:]) + uint16((from-s.payload)/f.segment)
		binary.BigEndian.PutUint16(ip[4:], id)
		putChecksum(ip[10:], ip, 0)
	}
	binary.BigEndian.PutUint32(tcp[4:], binary.BigEndian.Uint32(tcp[4:])+uint32(from-s.payload))
	if from > s.payload {
		tcp[13] &^= flagCWR
	}
	if to < s.end {
		tcp[13] &^= flagFIN | flagPSH
	}
	putChecksum(tcp[16:], tcp, pseudoHeader(ip, s.v6, len(tcp)))
	return g
}

// pseudoHeader is the sum of what TCP's checksum covers besides the segment
// (RFC 9293, 3.1).
func pseudoHeader(ip []byte, v6 bool, n int) uint16 {
	addresses := ip[12:20]
	if v6 {
		addresses = ip[8:40]
	}
	var rest [4]byte
	binary.BigEndian.PutUint16(rest[:], uint16(n))
	rest[3] = protocolTCP
	return checksum.Checksum(rest[:], checksum.Checksum(addresses, 0))
}

// putChecksum puts the checksum of b, in which it is, to at.
func putChecksum(at, b []byte, initial uint16) {
	binary.BigEndian.PutUint16(at, 0)
	binary.BigEndian.PutUint16(at, ^checksum.Checksum(b, initial))
}
