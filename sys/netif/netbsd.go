package netif

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// netBSD asks a kernel by ioctl(2) on sockets, as ifconfig(8) does, and writes
// messages to a route socket, as route(8) does. See netintro(4), inet6(4) and
// route(4) of NetBSD.
type netBSD struct {
	p     *sys.Process
	order abi.ByteOrder
	inet  *sys.Socket
}

func dialNetBSD(p *sys.Process) (configurer, error) {
	s, err := p.Socket(sys.AF_INET, sys.SOCK_DGRAM|sys.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &netBSD{p, p.Kernel().ABI().Order, s}, nil
}

func (n *netBSD) Close() error { return n.inet.Close() }

// The layouts of requests begin with the interface's name.
const (
	ifNameSize   = 16
	ifreqSize    = 144 // name, union
	aliasreqSize = 64  // name, three sockaddrs of 16 bytes
	inet4Size    = 16  // sockaddr_in
	inet6Size    = 28  // sockaddr_in6
	in6ReqSize   = 128 // name, three sockaddr_in6, flags at 100, lifetime at 104
	vltimeAt     = 120
	pltimeAt     = 124
	infinite     = 0xffffffff
	ifUp         = 1
	aliasIn6     = 0x8080696b // SIOCAIFADDR_IN6, which x/sys has not
)

// request is an ioctl whose argument begins with an interface's name.
func (n *netBSD) request(s *sys.Socket, number int64, name string, arg []byte) error {
	if name == "" || len(name) >= ifNameSize {
		return fmt.Errorf("interface %q: a name has 1 to %d bytes", name, ifNameSize-1)
	}
	copy(arg[:ifNameSize], name)
	_, err := s.Ioctl(uint64(number), backends.Mem(arg, backends.InOut))
	return err
}

func (n *netBSD) named(request string) (int64, error) {
	number, ok := n.p.Kernel().ABI().Const(request)
	if !ok {
		return 0, fmt.Errorf("this ABI has no %s: %w", request, sys.ErrNotSupported)
	}
	return number, nil
}

func (n *netBSD) setUp(name string) error {
	get, err := n.named("SIOCGIFFLAGS")
	if err != nil {
		return err
	}
	set, err := n.named("SIOCSIFFLAGS")
	if err != nil {
		return err
	}
	ifreq := make([]byte, ifreqSize)
	if err := n.request(n.inet, get, name, ifreq); err != nil {
		return err
	}
	flags := n.order.Uint16(ifreq[ifNameSize:])
	n.order.PutUint16(ifreq[ifNameSize:], flags|ifUp)
	return n.request(n.inet, set, name, ifreq)
}

func (n *netBSD) setMTU(name string, mtu int) error {
	set, err := n.named("SIOCSIFMTU")
	if err != nil {
		return err
	}
	ifreq := make([]byte, ifreqSize)
	n.order.PutUint32(ifreq[ifNameSize:], uint32(mtu))
	return n.request(n.inet, set, name, ifreq)
}

// addAddress has the kernel ask nobody for an address that it is given: that
// takes seconds in which the address cannot be used.
func (n *netBSD) addAddress(name string, a netip.Prefix) error {
	probes := "net.inet.ip.dad_count"
	if a.Addr().Is6() {
		probes = "net.inet6.ip6.dad_count"
	}
	before, err := n.p.Sysctl(probes)
	if errors.Is(err, sys.ENOENT) {
		return n.alias(name, a) // a kernel that does not ask
	}
	if err != nil {
		return err
	}
	if err := n.p.SetSysctl(probes, "0"); err != nil {
		return err
	}
	return errors.Join(n.alias(name, a), n.p.SetSysctl(probes, before))
}

func (n *netBSD) alias(name string, a netip.Prefix) error {
	if a.Addr().Is6() {
		return n.addAddress6(name, a)
	}
	add, err := n.named("SIOCAIFADDR")
	if err != nil {
		return err
	}
	req := make([]byte, ifNameSize, aliasreqSize)
	req = n.appendAddr(req, a.Addr())
	req = n.appendAddr(req, broadcast(a))
	req = n.appendAddr(req, mask(a))
	return n.request(n.inet, add, name, req)
}

func (n *netBSD) addAddress6(name string, a netip.Prefix) error {
	s, err := n.p.Socket(sys.AF_INET6, sys.SOCK_DGRAM|sys.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer s.Close()
	req := make([]byte, ifNameSize, in6ReqSize)
	req = n.appendAddr(req, a.Addr())
	req = append(req, make([]byte, inet6Size)...) // no address of a peer
	req = n.appendAddr(req, mask(a))
	req = req[:in6ReqSize]
	n.order.PutUint32(req[vltimeAt:], infinite)
	n.order.PutUint32(req[pltimeAt:], infinite)
	return n.request(s, aliasIn6, name, req)
}

// appendAddr appends a sockaddr_in or sockaddr_in6: its size and family, a port
// or more, the address.
func (n *netBSD) appendAddr(b []byte, a netip.Addr) []byte {
	const inet, inet6 = 2, 24
	if a.Is4() {
		b = append(b, inet4Size, inet, 0, 0)
		b = append(b, a.AsSlice()...)
		return append(b, make([]byte, 8)...)
	}
	b = append(b, inet6Size, inet6, 0, 0, 0, 0, 0, 0)
	b = append(b, a.AsSlice()...)
	return append(b, 0, 0, 0, 0)
}

func mask(p netip.Prefix) netip.Addr {
	ones := p.Addr().AsSlice()
	for i := range ones {
		ones[i] = 0xff
	}
	all, _ := netip.AddrFromSlice(ones)
	m, _ := all.Prefix(p.Bits())
	return m.Addr()
}

func broadcast(p netip.Prefix) netip.Addr {
	a, m := p.Addr().As4(), mask(p).As4()
	for i := range a {
		a[i] |= ^m[i]
	}
	return netip.AddrFrom4(a)
}

func (n *netBSD) addRoute(to netip.Prefix, via netip.Addr) error {
	const version, add = 4, 1 // RTM_VERSION, RTM_ADD
	const up, gateway, static = 0x1, 0x2, 0x800
	const dst, gate, netmask = 0x1, 0x2, 0x4
	l := n.p.Kernel().ABI().Layout("rt_msghdr")
	if l == nil {
		return fmt.Errorf("this ABI has no rt_msghdr: %w", sys.ErrNotSupported)
	}
	m := make([]byte, l.Size)
	for _, a := range []netip.Addr{to.Addr(), via, mask(to)} {
		m = n.appendAddr(m, a)
		for len(m)%8 != 0 {
			m = append(m, 0)
		}
	}
	for field, v := range map[string]uint64{
		"rtm_msglen": uint64(len(m)), "rtm_version": version, "rtm_type": add,
		"rtm_flags": up | gateway | static, "rtm_addrs": dst | gate | netmask,
	} {
		f, _ := l.Field(field)
		f.PutUint(m, n.order, v)
	}
	s, err := n.p.Socket(sys.AF_ROUTE, sys.SOCK_RAW|sys.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Write(m)
	return err
}

func (n *netBSD) setForwarding() error {
	if err := n.p.SetSysctl("net.inet.ip.forwarding", "1"); err != nil {
		return err
	}
	return n.p.SetSysctl("net.inet6.ip6.forwarding", "1")
}
