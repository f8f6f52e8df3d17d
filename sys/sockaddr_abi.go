package sys

import (
	"bytes"
	"fmt"

	"github.com/anykernel/anykernel/sys/abi"
)

// A sockaddrABI is how an ABI lays out the addresses of sockets.
type sockaddrABI struct {
	order  abi.ByteOrder
	hasLen bool // a byte of length stands before a family of one byte, as 4.3BSD has it
	// The numbers of the families, noFamily where the OS has none.
	inet, inet6, unix, netlink, packet, link int32
	unixPath                                 int // bytes of sun_path
}

const noFamily = -1

func newSockaddrABI(a *abi.ABI) sockaddrABI {
	c := sockaddrABI{order: a.Order, hasLen: a.OS != "linux", unixPath: 104}
	for name, number := range map[string]*int32{
		"AF_INET": &c.inet, "AF_INET6": &c.inet6, "AF_UNIX": &c.unix,
		"AF_NETLINK": &c.netlink, "AF_PACKET": &c.packet, "AF_LINK": &c.link,
	} {
		*number = noFamily
		if v, ok := a.Const(name); ok {
			*number = int32(v)
		}
	}
	if l := a.Layout("sockaddr_un"); l != nil {
		c.unixPath = l.Size - 2
	}
	return c
}

// EncodeAddr is addr as a kernel of that ABI takes it.
func EncodeAddr(a *abi.ABI, addr Addr) ([]byte, error) {
	b := make([]byte, maxSockaddr)
	n, err := addr.encode(&tableOf(a).socket.addr, b)
	if err != nil {
		return nil, fmt.Errorf("address %v: %w", addr, err)
	}
	return b[:n:n], nil
}

// DecodeAddr reads an address that a kernel of that ABI wrote. b need not be
// trusted; the error says what does not fit.
func DecodeAddr(a *abi.ABI, b []byte) (Addr, error) { return tableOf(a).socket.addr.decode(b) }

// header writes the family, and the length where there is one, and returns n.
func (c *sockaddrABI) header(b []byte, family int32, n int) (int, error) {
	if family == noFamily {
		return 0, fmt.Errorf("this kernel has no such address family: %w", ErrNotSupported)
	}
	if c.hasLen {
		b[0], b[1] = byte(n), byte(family)
	} else {
		c.order.PutUint16(b, uint16(family))
	}
	return n, nil
}

// bytes is the part of b that belongs to the address, and its family.
func (c *sockaddrABI) bytes(b []byte) (int32, []byte, error) {
	if len(b) < 2 {
		return 0, nil, fmt.Errorf("address of %d bytes has no family", len(b))
	}
	if !c.hasLen {
		return int32(c.order.Uint16(b)), b, nil
	}
	n := int(b[0])
	if n == 0 { // some calls leave it to the length that they return
		n = len(b)
	}
	if n < 2 || n > len(b) {
		return 0, nil, fmt.Errorf("address says that it has %d bytes, and has %d", n, len(b))
	}
	return int32(b[1]), b[:n], nil
}

func (c *sockaddrABI) decode(b []byte) (Addr, error) {
	family, b, err := c.bytes(b)
	if err != nil {
		return nil, err
	}
	switch family {
	case c.inet, c.inet6:
		a, err := c.decodeInet(family, b)
		if err != nil {
			return nil, err
		}
		return a, nil
	case c.unix:
		return c.decodeUnix(b), nil
	case c.netlink:
		return c.decodeNetlink(b)
	case c.packet:
		return c.decodeLL(b)
	case c.link:
		return c.decodeDL(b)
	}
	return RawAddr{Number: uint16(family), Data: bytes.Clone(b[2:])}, nil
}

func (c *sockaddrABI) short(family int32, b []byte) error {
	return fmt.Errorf("address of %d bytes is too short for family %d", len(b), family)
}
