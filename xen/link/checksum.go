package link

import (
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// packet is the IPv4 packet in a frame, nil where there is no valid one.
func packet(frame []byte) header.IPv4 {
	if len(frame) < headerSize || header.Ethernet(frame).Type() != header.IPv4ProtocolNumber {
		return nil
	}
	ip := header.IPv4(frame[headerSize:])
	if !ip.IsValid(len(ip)) {
		return nil
	}
	return ip
}

// validIPv4 reports whether a frame holds an IPv4 packet whose header's
// checksum is right.
func validIPv4(frame []byte) bool {
	ip := packet(frame)
	return ip != nil && ip.IsChecksumValid()
}

// blank puts the checksum of the pseudo-header into a frame that a stack left
// without any, and reports whether that is a whole packet of TCP or UDP. The
// fragments of a datagram stay without, which UDP allows.
func blank(frame []byte) bool {
	ip := packet(frame)
	if ip == nil || ip.More() || ip.FragmentOffset() != 0 {
		return false
	}
	segment := ip.Payload()
	sum := header.PseudoHeaderChecksum(ip.TransportProtocol(), ip.SourceAddress(), ip.DestinationAddress(), uint16(len(segment)))
	switch {
	case ip.TransportProtocol() == header.TCPProtocolNumber && len(segment) >= header.TCPMinimumSize:
		header.TCP(segment).SetChecksum(sum)
	case ip.TransportProtocol() == header.UDPProtocolNumber && len(segment) >= header.UDPMinimumSize:
		header.UDP(segment).SetChecksum(sum)
	default:
		return false
	}
	return true
}
