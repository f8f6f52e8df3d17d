//go:build linux && amd64

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// DHCP (RFC 2131), as much as one lease takes. It is not renewed: servers of
// virtual networks give the same addresses for as long as the guest lives.

const (
	fixedSize   = 236 // of a message in front of the options
	dhcpMagic   = 0x63825363
	bootRequest = 1
	bootReply   = 2
	broadcast   = 0x8000

	optMask      = 1
	optRouter    = 3
	optDNS       = 6
	optRequested = 50
	optType      = 53
	optServer    = 54
	optWanted    = 55
	optEnd       = 255

	discover = 1
	offer    = 2
	request  = 3
	ack      = 5
)

// A reply is what a server says.
type reply struct {
	kind   byte
	server []byte
	addressing
}

// attempts is how often the server is asked, a second each.
const attempts = 10

// lease asks for an interface's addresses.
func lease(name string, mac net.HardwareAddr) (addressing, error) {
	fd, err := dhcpSocket(name)
	if err != nil {
		return addressing{}, fmt.Errorf("DHCP: %w", err)
	}
	defer syscall.Close(fd)
	id := rand.Uint32()
	for range attempts {
		r, ok := ask(fd, message(id, mac, discover, nil), id, mac, offer)
		if !ok {
			continue
		}
		options := append([]byte{optRequested, 4}, r.addr.Addr().AsSlice()...)
		options = append(append(options, optServer, byte(len(r.server))), r.server...)
		if r, ok = ask(fd, message(id, mac, request, options), id, mac, ack); ok {
			return r.addressing, nil
		}
	}
	return addressing{}, errors.New("DHCP: no answer; the word ip= sets an address, ip=off none")
}

func dhcpSocket(name string) (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_BROADCAST, 1),
		syscall.SetsockoptString(fd, syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, name),
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 100_000}),
		syscall.Bind(fd, &syscall.SockaddrInet4{Port: 68}),
	)
	if err != nil {
		syscall.Close(fd)
	}
	return fd, err
}

// ask sends a message, and waits a second for an answer of a kind.
func ask(fd int, m []byte, id uint32, mac net.HardwareAddr, kind byte) (reply, bool) {
	deadline := time.Now().Add(time.Second)
	to := &syscall.SockaddrInet4{Port: 67, Addr: [4]byte{255, 255, 255, 255}}
	if err := syscall.Sendto(fd, m, 0, to); err != nil {
		time.Sleep(100 * time.Millisecond) // the link may not be up yet
		return reply{}, false
	}
	b := make([]byte, 1500)
	for time.Now().Before(deadline) {
		n, _, err := syscall.Recvfrom(fd, b, 0)
		if err != nil {
			continue
		}
		if r, err := parseReply(b[:n], id, mac); err == nil && r.kind == kind {
			return r, true
		}
	}
	return reply{}, false
}

// message is one of a client.
func message(id uint32, mac net.HardwareAddr, kind byte, options []byte) []byte {
	m := make([]byte, fixedSize, fixedSize+64)
	m[0], m[1], m[2] = bootRequest, 1, 6 // Ethernet
	binary.BigEndian.PutUint32(m[4:], id)
	binary.BigEndian.PutUint16(m[10:], broadcast)
	copy(m[28:], mac)
	m = binary.BigEndian.AppendUint32(m, dhcpMagic)
	m = append(m, optType, 1, kind, optWanted, 3, optMask, optRouter, optDNS)
	m = append(m, options...)
	return append(m, optEnd)
}

// parseReply reads what may be anything.
func parseReply(m []byte, id uint32, mac net.HardwareAddr) (reply, error) {
	var r reply
	if len(m) < fixedSize+4 || m[0] != bootReply || binary.BigEndian.Uint32(m[4:]) != id || string(m[28:34]) != string(mac) {
		return r, errors.New("not an answer to us")
	}
	if binary.BigEndian.Uint32(m[fixedSize:]) != dhcpMagic {
		return r, errors.New("not DHCP")
	}
	addr := netip.AddrFrom4([4]byte(m[16:20]))
	bits, _ := net.IP(addr.AsSlice()).DefaultMask().Size()
	for o := m[fixedSize+4:]; len(o) > 0 && o[0] != optEnd; {
		if o[0] == 0 { // padding
			o = o[1:]
			continue
		}
		if len(o) < 2 || len(o) < 2+int(o[1]) {
			return r, errors.New("an option is cut short")
		}
		value := o[2 : 2+int(o[1])]
		switch {
		case o[0] == optType && len(value) == 1:
			r.kind = value[0]
		case o[0] == optServer:
			r.server = value
		case o[0] == optMask && len(value) == 4:
			var size int
			if bits, size = net.IPMask(value).Size(); size != 32 {
				return r, fmt.Errorf("%v is no netmask", value)
			}
		case o[0] == optRouter && len(value) >= 4:
			r.gateway = netip.AddrFrom4([4]byte(value))
		case o[0] == optDNS:
			for v := value; len(v) >= 4; v = v[4:] {
				r.dns = append(r.dns, netip.AddrFrom4([4]byte(v)))
			}
		}
		o = o[2+len(value):]
	}
	r.addr = netip.PrefixFrom(addr, bits)
	return r, nil
}
