package netbsd

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

const interfaceNameSize = 16

// request makes an ioctl(2) about an interface on a socket of a family. What it
// is asked with begins with the interface's name.
func request(p *sys.Process, family sys.Family, name, ioctl string, arg []byte) error {
	op := ioctl + " " + name
	if err := want(p, op); err != nil {
		return err
	}
	if name == "" || len(name) >= interfaceNameSize || strings.Contains(name, "\x00") {
		return p.Fail(op, "", fmt.Errorf("an interface's name has 1 to %d bytes, and none that is 0", interfaceNameSize-1))
	}
	number, ok := p.Kernel().ABI().Const(ioctl)
	if !ok || len(arg) < interfaceNameSize {
		return p.Fail(op, "", fmt.Errorf("this ABI has no such request: %w", sys.ErrNotSupported))
	}
	s, err := p.Socket(family, sys.SOCK_DGRAM|sys.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer s.Close()
	copy(arg, name)
	_, err = s.Ioctl(uint64(number), backends.Mem(arg, backends.InOut))
	return err
}

// ifreq makes an ioctl(2) whose argument is a struct ifreq, of which member is
// set to v before, and which is returned after.
func ifreq(p *sys.Process, name, ioctl, member string, v int64) (int64, error) {
	r := newRecord(p.Kernel().ABI(), "ifreq")
	if member != "" {
		r.put(member, v)
	}
	if err := request(p, sys.AF_INET, name, ioctl, r.b); err != nil {
		return 0, err
	}
	return r.get(member), nil
}

// CreateInterface makes a virtual interface, such as "bridge0": a name that
// [Cloners] has, and a number.
func CreateInterface(p *sys.Process, name string) error {
	_, err := ifreq(p, name, "SIOCIFCREATE", "", 0)
	return err
}

// DestroyInterface removes an interface that [CreateInterface] made.
func DestroyInterface(p *sys.Process, name string) error {
	_, err := ifreq(p, name, "SIOCIFDESTROY", "", 0)
	return err
}

// SetInterfaceFlags sets the flags of set and clears those of clear. The kernel
// keeps those that only it may change.
func SetInterfaceFlags(p *sys.Process, name string, set, clear InterfaceFlags) error {
	flags, err := ifreq(p, name, "SIOCGIFFLAGS", "ifr_flags", 0)
	if err != nil {
		return err
	}
	flags = int64(int16(uint32(flags)&^uint32(clear) | uint32(set)))
	_, err = ifreq(p, name, "SIOCSIFFLAGS", "ifr_flags", flags)
	return err
}

// SetUp brings an interface up or down.
func SetUp(p *sys.Process, name string, up bool) error {
	if up {
		return SetInterfaceFlags(p, name, IFF_UP, 0)
	}
	return SetInterfaceFlags(p, name, 0, IFF_UP)
}

// SetMTU sets the size of the largest packet, in bytes.
func SetMTU(p *sys.Process, name string, mtu int) error {
	_, err := ifreq(p, name, "SIOCSIFMTU", "ifr_mtu", int64(mtu))
	return err
}

// AddAddress gives an interface an address, with its network's broadcast
// address, and for as long as the interface is there. The kernel asks others
// whether they have it, for some seconds, unless [WithoutProbes] is around it.
func AddAddress(p *sys.Process, name string, a netip.Prefix) error {
	if !a.IsValid() {
		return p.Fail("SIOCAIFADDR "+name, "", fmt.Errorf("%v is no address with its network", a))
	}
	if a.Addr().Is4() {
		b := make([]byte, interfaceNameSize)
		b = appendSockaddr(b, a.Addr())
		b = appendSockaddr(b, broadcastOf(a))
		b = appendSockaddr(b, maskOf(a))
		return request(p, sys.AF_INET, name, "SIOCAIFADDR", b)
	}
	const forever = 0xffffffff
	r := newRecord(p.Kernel().ABI(), "in6_aliasreq")
	copy(r.bytes("ifra_addr"), appendSockaddr(nil, a.Addr()))
	copy(r.bytes("ifra_prefixmask"), appendSockaddr(nil, maskOf(a)))
	r.put("ifra_lifetime.ia6t_vltime", forever)
	r.put("ifra_lifetime.ia6t_pltime", forever)
	return request(p, sys.AF_INET6, name, "SIOCAIFADDR_IN6", r.b)
}

// DeleteAddress takes an address from an interface.
func DeleteAddress(p *sys.Process, name string, a netip.Addr) error {
	if a.Is4() {
		r := newRecord(p.Kernel().ABI(), "ifreq")
		copy(r.bytes("ifr_addr"), appendSockaddr(nil, a))
		return request(p, sys.AF_INET, name, "SIOCDIFADDR", r.b)
	}
	if !a.IsValid() {
		return p.Fail("SIOCDIFADDR "+name, "", fmt.Errorf("no address"))
	}
	const size = 288 // struct in6_ifreq: the name, and a union as large as struct icmp6_ifstat
	b := appendSockaddr(make([]byte, interfaceNameSize, size), a)
	return request(p, sys.AF_INET6, name, "SIOCDIFADDR_IN6", b[:size])
}

// SetLink says what an interface that is only a program's is plugged into: the
// file that is the Ethernet of a shmif of rump(7).
func SetLink(p *sys.Process, name, to string) error {
	const ioctl = "SIOCSLINKSTR"
	text := append([]byte(to), 0)
	word := p.Kernel().ABI().PointerSize
	r := record{&empty, p.Kernel().ABI().Order, make([]byte, interfaceNameSize+3*word)} // struct ifdrv: name, command, length, data
	if err := want(p, ioctl); err != nil {
		return err
	}
	number, ok := p.Kernel().ABI().Const(ioctl)
	call, hasIoctl := p.Kernel().ABI().Call("ioctl")
	if !ok || !hasIoctl || len(name) >= interfaceNameSize {
		return p.Fail(ioctl+" "+name, "", sys.ErrNotSupported)
	}
	copy(r.b, name)
	if word == 8 {
		r.order.PutUint64(r.b[interfaceNameSize+word:], uint64(len(text)))
	} else {
		r.order.PutUint32(r.b[interfaceNameSize+word:], uint32(len(text)))
	}
	s, err := p.Socket(sys.AF_INET, sys.SOCK_DGRAM|sys.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Use(func(fd int) error {
		_, _, err := p.Raw(backends.Call{
			Num:  call,
			Args: [backends.MaxArgs]backends.Arg{backends.Int(uintptr(fd)), backends.Int(uintptr(number)), backends.Mem(r.b, backends.In)},
			Refs: []backends.Ref{{Holder: 2, Off: interfaceNameSize + 2*word, Mem: backends.Mem(text, backends.In)}},
		})
		return p.Fail(ioctl+" "+name, to, err)
	})
}

// WithoutProbes has addresses that do adds be usable at once: nobody is asked
// whether somebody else has them.
func WithoutProbes(p *sys.Process, do func() error) (err error) {
	for _, name := range []string{"net.inet.ip.dad_count", "net.inet6.ip6.dad_count"} {
		before, getErr := p.Sysctl(name)
		if getErr != nil {
			continue // a kernel that does not ask, or without that protocol
		}
		if err := p.SetSysctl(name, "0"); err != nil {
			return err
		}
		defer func() {
			if back := p.SetSysctl(name, before); err == nil {
				err = back
			}
		}()
	}
	return do()
}
