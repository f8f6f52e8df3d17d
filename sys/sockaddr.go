package sys

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// An Addr is the address of a socket: an [InetAddr], [UnixAddr],
// [NetlinkAddr], [LinkAddr], or [RawAddr].
type Addr interface {
	// Family is the address's family.
	Family() Family
	// String is the address as tools of its family print it.
	String() string

	// encode writes the address to b, which has room for maxSockaddr bytes of
	// zero, and returns its length.
	encode(c *sockaddrABI, b []byte) (int, error)
}

// An InetAddr is an address of AF_INET or AF_INET6, by what its IP address
// is. The zone of an IPv6 address is the number of an interface or, where a
// socket is at hand to ask, its name. Addresses that come from a kernel have
// numbers.
type InetAddr struct {
	netip.AddrPort
	FlowInfo uint32 // of AF_INET6: traffic class and flow label
}

// Inet is the InetAddr of an IP address and a port.
func Inet(addr netip.Addr, port uint16) InetAddr {
	return InetAddr{AddrPort: netip.AddrPortFrom(addr, port)}
}

// ParseInetAddr reads an address such as "127.0.0.1:80" or "[fe80::1%2]:80".
func ParseInetAddr(text string) (InetAddr, error) {
	a, err := netip.ParseAddrPort(text)
	return InetAddr{AddrPort: a}, err
}

// Family is AF_INET or AF_INET6, or AF_UNSPEC for the zero InetAddr.
func (a InetAddr) Family() Family {
	switch {
	case a.Addr().Is4():
		return AF_INET
	case a.Addr().Is6():
		return AF_INET6
	}
	return AF_UNSPEC
}

// A UnixAddr is an address of AF_UNIX. The zero UnixAddr is that of a socket
// without a name; binding to it makes Linux choose an abstract name.
type UnixAddr struct {
	// Path is a path in the file system, or the abstract name.
	Path string
	// Abstract says that Path is a name in Linux's abstract name space. Such
	// a name may hold any byte.
	Abstract bool
}

// Family is AF_UNIX.
func (a UnixAddr) Family() Family { return AF_UNIX }

// String is the path. Abstract names have "@" in front, and "@" for each NUL.
func (a UnixAddr) String() string {
	if a.Abstract {
		return "@" + strings.ReplaceAll(a.Path, "\x00", "@")
	}
	return a.Path
}

// A NetlinkAddr is an address of AF_NETLINK; see netlink(7).
type NetlinkAddr struct {
	Port   uint32 // nl_pid: 0 is the kernel, or on bind a number that it chooses
	Groups uint32 // multicast groups as a mask
}

// Family is AF_NETLINK.
func (a NetlinkAddr) Family() Family { return AF_NETLINK }

// String is the port, and the groups where there are any.
func (a NetlinkAddr) String() string {
	if a.Groups == 0 {
		return strconv.FormatUint(uint64(a.Port), 10)
	}
	return fmt.Sprintf("%d groups %#x", a.Port, a.Groups)
}

// A LinkAddr is the address of a network interface: of AF_PACKET on Linux (see
// packet(7)), of AF_LINK on BSD systems.
type LinkAddr struct {
	Index        int              // of the interface
	Type         uint16           // of the hardware: ARPHRD_* on Linux, IFT_* on BSD
	HardwareAddr net.HardwareAddr // at most 8 bytes on Linux
	Protocol     Protocol         // Linux: the EtherType, in the byte order of the machine
	PacketType   uint8            // Linux: where a packet that came was going to, PACKET_HOST and so on
	Name         string           // BSD: of the interface
}

// Family is AF_PACKET. On BSD systems the kernel sees AF_LINK.
func (a LinkAddr) Family() Family { return AF_PACKET }

// String is the hardware address and the interface, such as
// "02:00:00:00:00:01%2".
func (a LinkAddr) String() string {
	zone := a.Name
	if zone == "" {
		zone = strconv.Itoa(a.Index)
	}
	return a.HardwareAddr.String() + "%" + zone
}

// A RawAddr is an address of a family that this package has no type for. The
// zero RawAddr is AF_UNSPEC: connecting to it takes back an earlier connect
// of a datagram socket.
type RawAddr struct {
	Number uint16 // of the family, in the kernel's ABI
	Data   []byte // what stands behind the family
}

// Family is AF_UNSPEC: the family is known only by its number.
func (a RawAddr) Family() Family { return AF_UNSPEC }

// String is the family's number and the data in hexadecimal.
func (a RawAddr) String() string { return fmt.Sprintf("family %d: %x", a.Number, a.Data) }

// Layouts that are the same on every OS since 4.2BSD: what follows the two
// bytes of the family, or of length and family.
const (
	sockaddrInetSize  = 16  // port at 2, address at 4
	sockaddrInet6Size = 28  // port at 2, flow at 4, address at 8, scope at 24
	sockaddrNLSize    = 12  // Linux: port at 4, groups at 8
	sockaddrLLSize    = 20  // Linux: protocol 2, index 4, type 8, packet type 10, length 11, address 12
	sockaddrDLHeader  = 8   // BSD: index 2, type 4, lengths of name 5, address 6, selector 7
	sockaddrDLSize    = 20  // the least that BSD takes
	sockaddrSize      = 16  // struct sockaddr, of no family in particular
	maxSockaddr       = 256 // a length is a byte on BSD; sockaddr_storage has 128
)

func (a InetAddr) encode(c *sockaddrABI, b []byte) (int, error) {
	ip := a.Addr()
	switch {
	case ip.Is4():
		ip4 := ip.As4()
		putPort(b, a.Port())
		copy(b[4:8], ip4[:])
		return c.header(b, c.inet, sockaddrInetSize)
	case ip.Is6():
		scope, err := zoneNumber(ip.Zone())
		if err != nil {
			return 0, err
		}
		ip16 := ip.As16()
		putPort(b, a.Port())
		b[4], b[5], b[6], b[7] = byte(a.FlowInfo>>24), byte(a.FlowInfo>>16), byte(a.FlowInfo>>8), byte(a.FlowInfo)
		copy(b[8:24], ip16[:])
		c.order.PutUint32(b[24:], scope)
		return c.header(b, c.inet6, sockaddrInet6Size)
	}
	return 0, fmt.Errorf("an internet address without an IP address")
}

func zoneNumber(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(zone, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("zone %q is not the number of an interface", zone)
	}
	return uint32(n), nil
}

func (a UnixAddr) encode(c *sockaddrABI, b []byte) (int, error) {
	n := len(a.Path)
	switch {
	case a.Abstract && c.hasLen:
		return 0, fmt.Errorf("abstract name %q: %w", a.Path, ErrNotSupported)
	case a.Abstract:
		n++ // the NUL in front
	case strings.IndexByte(a.Path, 0) >= 0:
		return 0, errNUL
	}
	if n > c.unixPath {
		return 0, fmt.Errorf("name of %d bytes for a Unix socket: this kernel takes %d", len(a.Path), c.unixPath)
	}
	if a.Abstract {
		copy(b[3:], a.Path)
	} else {
		copy(b[2:], a.Path)
		if n > 0 && n < c.unixPath {
			n++ // the NUL behind, where there is room
		}
	}
	return c.header(b, c.unix, 2+n)
}

func (a NetlinkAddr) encode(c *sockaddrABI, b []byte) (int, error) {
	c.order.PutUint32(b[4:], a.Port)
	c.order.PutUint32(b[8:], a.Groups)
	return c.header(b, c.netlink, sockaddrNLSize)
}

func (a LinkAddr) encode(c *sockaddrABI, b []byte) (int, error) {
	if c.hasLen {
		return a.encodeDL(c, b)
	}
	if len(a.HardwareAddr) > 8 {
		return 0, fmt.Errorf("hardware address of %d bytes: this kernel takes 8", len(a.HardwareAddr))
	}
	putPort(b, uint16(a.Protocol))
	c.order.PutUint32(b[4:], uint32(a.Index))
	c.order.PutUint16(b[8:], a.Type)
	b[10], b[11] = a.PacketType, byte(len(a.HardwareAddr))
	copy(b[12:], a.HardwareAddr)
	return c.header(b, c.packet, sockaddrLLSize)
}

func (a LinkAddr) encodeDL(c *sockaddrABI, b []byte) (int, error) {
	n := sockaddrDLHeader + len(a.Name) + len(a.HardwareAddr)
	if n > 255 || a.Index < 0 || a.Index > 0xffff || a.Type > 0xff {
		return 0, fmt.Errorf("link address %v, type %d, does not fit sockaddr_dl", a, a.Type)
	}
	c.order.PutUint16(b[2:], uint16(a.Index))
	b[4], b[5], b[6] = byte(a.Type), byte(len(a.Name)), byte(len(a.HardwareAddr))
	copy(b[sockaddrDLHeader:], a.Name)
	copy(b[sockaddrDLHeader+len(a.Name):], a.HardwareAddr)
	return c.header(b, c.link, max(n, sockaddrDLSize))
}

func (a RawAddr) encode(c *sockaddrABI, b []byte) (int, error) {
	n := 2 + len(a.Data)
	if n > maxSockaddr || c.hasLen && (n > 255 || a.Number > 255) {
		return 0, fmt.Errorf("address of %d bytes in family %d does not fit", n, a.Number)
	}
	copy(b[2:], a.Data)
	if a.Number == 0 {
		n = max(n, sockaddrSize) // a BSD looks at the family of whole addresses only
	}
	return c.header(b, int32(a.Number), n)
}

// putPort writes a number in network byte order to where ports stand.
func putPort(b []byte, port uint16) { b[2], b[3] = byte(port>>8), byte(port) }

func getPort(b []byte) uint16 { return uint16(b[2])<<8 | uint16(b[3]) }

// decodeInet is an internet address of b, which is whole; see bytes. It
// allocates for an IPv6 zone alone.
func (c *sockaddrABI) decodeInet(family int32, b []byte) (a InetAddr, err error) {
	switch {
	case family == c.inet && len(b) >= sockaddrInetSize:
		return InetAddr{AddrPort: netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), getPort(b))}, nil
	case family == c.inet6 && len(b) >= sockaddrInet6Size:
		ip := netip.AddrFrom16([16]byte(b[8:24]))
		if scope := c.order.Uint32(b[24:]); scope != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(scope), 10))
		}
		flow := uint32(b[4])<<24 | uint32(b[5])<<16 | uint32(b[6])<<8 | uint32(b[7])
		return InetAddr{AddrPort: netip.AddrPortFrom(ip, getPort(b)), FlowInfo: flow}, nil
	}
	return InetAddr{}, c.short(family, b)
}

func (c *sockaddrABI) decodeUnix(b []byte) Addr {
	name := b[2:]
	if len(name) > 0 && name[0] == 0 && !c.hasLen {
		return UnixAddr{Path: string(name[1:]), Abstract: true}
	}
	if end := bytes.IndexByte(name, 0); end >= 0 {
		name = name[:end]
	}
	return UnixAddr{Path: string(name)}
}

func (c *sockaddrABI) decodeNetlink(b []byte) (Addr, error) {
	if len(b) < sockaddrNLSize {
		return nil, c.short(c.netlink, b)
	}
	return NetlinkAddr{Port: c.order.Uint32(b[4:]), Groups: c.order.Uint32(b[8:])}, nil
}

func (c *sockaddrABI) decodeLL(b []byte) (Addr, error) {
	if len(b) < sockaddrLLSize-8 || len(b) < sockaddrLLSize-8+int(b[11]) {
		return nil, c.short(c.packet, b)
	}
	return LinkAddr{
		Index:        int(int32(c.order.Uint32(b[4:]))),
		Type:         c.order.Uint16(b[8:]),
		HardwareAddr: bytes.Clone(b[12 : 12+int(b[11])]),
		Protocol:     Protocol(getPort(b)),
		PacketType:   b[10],
	}, nil
}

func (c *sockaddrABI) decodeDL(b []byte) (Addr, error) {
	if len(b) < sockaddrDLHeader || len(b) < sockaddrDLHeader+int(b[5])+int(b[6]) {
		return nil, c.short(c.link, b)
	}
	data := b[sockaddrDLHeader:]
	name, hardware := data[:b[5]], data[b[5]:][:b[6]]
	return LinkAddr{
		Index:        int(c.order.Uint16(b[2:])),
		Type:         uint16(b[4]),
		HardwareAddr: bytes.Clone(hardware),
		Name:         string(name),
	}, nil
}
