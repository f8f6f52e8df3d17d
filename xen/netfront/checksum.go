package netfront

import (
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

const (
	ethernetHeader = 14
	typeIPv4       = 0x0800
	minIPv4Header  = 20
	fragment       = 0x3fff // more fragments, or an offset

	protocolTCP = 6
	protocolUDP = 17
)

// complete puts the checksum into a frame of TCP or UDP over IPv4 where that
// of the pseudo-header is. It does nothing to any other frame: what it says of
// its sizes may be anything.
func complete(b []byte) {
	segment, at := transport(b)
	if segment == nil {
		return
	}
	sum := ^checksum.Checksum(segment, 0)
	if sum == 0 {
		sum = 0xffff // the same number, and none at all for UDP
	}
	binary.BigEndian.PutUint16(segment[at:], sum)
}

// transport is what the checksum of a frame covers, and where in that it is.
func transport(b []byte) (segment []byte, at int) {
	if len(b) < ethernetHeader+minIPv4Header || binary.BigEndian.Uint16(b[12:]) != typeIPv4 {
		return nil, 0
	}
	ip := b[ethernetHeader:]
	header, size := int(ip[0]&15)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if ip[0]>>4 != 4 || header < minIPv4Header || size < header || size > len(ip) || binary.BigEndian.Uint16(ip[6:])&fragment != 0 {
		return nil, 0
	}
	switch ip[9] {
	case protocolTCP:
		at = 16
	case protocolUDP:
		at = 6
	default:
		return nil, 0
	}
	segment = ip[header:size]
	if len(segment) < at+2 {
		return nil, 0
	}
	return segment, at
}
