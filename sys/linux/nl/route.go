package nl

import (
	"encoding"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// The messages of rtnetlink(7), in its numbering.
const (
	RTM_NEWLINK  = 16
	RTM_DELLINK  = 17
	RTM_GETLINK  = 18
	RTM_NEWADDR  = 20
	RTM_DELADDR  = 21
	RTM_GETADDR  = 22
	RTM_NEWROUTE = 24
	RTM_DELROUTE = 25
	RTM_GETROUTE = 26
)

// A Route is a connection to the part of a kernel that configures the
// network; see rtnetlink(7). Its methods may be called by many goroutines at a
// time.
//
// Errors of the kernel are [*sys.Error], with what the kernel said of it where
// it explains its errors.
type Route struct {
	p *sys.Process
	c *netlink.Conn
}

// DialRoute opens a connection in p.
func DialRoute(p *sys.Process) (*Route, error) {
	c, err := Dial(p, 0, 0)
	if err != nil {
		return nil, err
	}
	_ = c.SetOption(netlink.ExtendedAcknowledge, true) // older kernels do not explain
	return &Route{p, c}, nil
}

// Close closes the connection.
func (r *Route) Close() error { return r.c.Close() }

// Conn is the connection under r.
func (r *Route) Conn() *netlink.Conn { return r.c }

// Execute sends a message, such as those of package rtnetlink, and returns the
// answers. It is what the other methods do, for messages that they do not
// have.
func (r *Route) Execute(m encoding.BinaryMarshaler, typ netlink.HeaderType, flags netlink.HeaderFlags) ([]netlink.Message, error) {
	b, err := m.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return r.c.Execute(netlink.Message{
		Header: netlink.Header{Type: typ, Flags: netlink.Request | flags},
		Data:   b,
	})
}

// do executes a message that changes something. What is for errors.
func (r *Route) do(what string, m encoding.BinaryMarshaler, typ netlink.HeaderType, flags netlink.HeaderFlags) error {
	_, err := r.Execute(m, typ, netlink.Acknowledge|flags)
	return r.fail(what, err)
}

// fail gives an error of the kernel its origin. The numbers in messages are
// the kernel's own; the library takes them for the host's.
func (r *Route) fail(what string, err error) error {
	var number syscall.Errno
	if err == nil || errors.As(err, new(*sys.Error)) || !errors.As(err, &number) {
		return err
	}
	var op *netlink.OpError
	if errors.As(err, &op) && op.Message != "" {
		what += " (" + op.Message + ")"
	}
	return r.p.Fail("rtnetlink", what, abi.Errno(number))
}

// list is all answers to a dump, decoded.
func list[M any, P interface {
	*M
	rtnetlink.Message
}](r *Route, what string, request P, typ netlink.HeaderType) ([]M, error) {
	answers, err := r.Execute(request, typ, netlink.Dump)
	if err != nil {
		return nil, r.fail(what, err)
	}
	var ms []M
	for _, a := range answers {
		if a.Header.Type != typ-2 { // RTM_NEW… answers RTM_GET…
			continue
		}
		var m M
		if err := P(&m).UnmarshalBinary(a.Data); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		ms = append(ms, m)
	}
	return ms, nil
}

// prefix is an address and the length of its network; zero where there is
// none.
func prefix(ip net.IP, bits uint8) netip.Prefix {
	return netip.PrefixFrom(addr(ip), int(bits))
}

func addr(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

// The families of rtnetlink's messages, in Linux's numbering.
const (
	familyINET  = 2
	familyINET6 = 10
)

func family(a netip.Addr) uint8 {
	if a.Is4() {
		return familyINET
	}
	return familyINET6
}
