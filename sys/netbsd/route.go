package netbsd

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/anykernel/anykernel/sys"
)

// RouteFlags are the flags of a route; see route(4).
type RouteFlags uint32

const (
	RTF_UP        RouteFlags = 0x1
	RTF_GATEWAY   RouteFlags = 0x2
	RTF_HOST      RouteFlags = 0x4
	RTF_REJECT    RouteFlags = 0x8
	RTF_DYNAMIC   RouteFlags = 0x10
	RTF_MODIFIED  RouteFlags = 0x20
	RTF_DONE      RouteFlags = 0x40
	RTF_MASK      RouteFlags = 0x80
	RTF_CONNECTED RouteFlags = 0x100 // hosts on it are neighbours
	RTF_LLDATA    RouteFlags = 0x400 // of one neighbour
	RTF_STATIC    RouteFlags = 0x800
	RTF_BLACKHOLE RouteFlags = 0x1000
	RTF_LOCAL     RouteFlags = 0x40000 // to an address of one's own
	RTF_BROADCAST RouteFlags = 0x80000
)

var routeFlags = sys.NewFlagNames("route flags", "RTF_", names(
	"UP", "GATEWAY", "HOST", "REJECT", "DYNAMIC", "MODIFIED", "DONE", "MASK", "CONNECTED", "BIT9", "LLDATA", "STATIC",
	"BLACKHOLE", "BIT13", "PROTO2", "PROTO1", "SRC", "ANNOUNCE", "LOCAL", "BROADCAST")...)

// ParseRouteFlags reads flags by name, such as "up, static". The error is a
// [*sys.NameError].
func ParseRouteFlags(text string) (RouteFlags, error) {
	v, err := routeFlags.Parse(text)
	return RouteFlags(v), err
}

// String is the flags by name.
func (f RouteFlags) String() string { return routeFlags.Format(uint64(f)) }

// A Route is where packets to a network go.
type Route struct {
	Dst     netip.Prefix
	Gateway netip.Addr       // invalid for what an interface reaches directly
	Link    net.HardwareAddr // of a neighbour
	Index   int              // of the interface; 0 for the kernel's choice
	Flags   RouteFlags
}

func newRoute(index int, flags RouteFlags, addrs *[axMax][]byte, order binary.ByteOrder) Route {
	r := Route{Index: index, Flags: flags, Gateway: ipOf(addrs[axGateway])}
	if l, ok := linkOf(addrs[axGateway], order); ok {
		r.Link = l.mac
	}
	if ip := ipOf(addrs[axDst]); ip.IsValid() {
		n := ip.BitLen()
		if flags&RTF_HOST == 0 {
			n = maskBits(addrs[axNetmask], ip)
		}
		r.Dst = netip.PrefixFrom(ip, n)
	}
	return r
}

// Routes is the routes of p's kernel, those to single neighbours too.
func Routes(p *sys.Process) ([]Route, error) {
	if err := want(p, "routes"); err != nil {
		return nil, err
	}
	messages, err := routeList(p, rtDump)
	if err != nil {
		return nil, p.Fail("routes", "", err)
	}
	var list []Route
	for _, m := range messages {
		if m.Type == RTM_GET && m.Route.Dst.IsValid() {
			list = append(list, m.Route)
		}
	}
	return list, nil
}

// AddRoute makes a route, by a gateway or an interface.
func AddRoute(p *sys.Process, r Route) error { return changeRoute(p, RTM_ADD, r) }

// DeleteRoute removes a route, which its destination names.
func DeleteRoute(p *sys.Process, r Route) error { return changeRoute(p, RTM_DELETE, r) }

func changeRoute(p *sys.Process, t MessageType, r Route) error {
	s, err := OpenRoutes(p)
	if err != nil {
		return err
	}
	defer s.Close()
	m, err := routeRequest(p, t, r)
	if err == nil {
		_, err = s.Write(m)
	}
	if err != nil {
		return fmt.Errorf("%v route to %v: %w", t, r.Dst, err)
	}
	return nil
}

// routeRequest is a message that asks for a change.
func routeRequest(p *sys.Process, t MessageType, r Route) ([]byte, error) {
	if !r.Dst.IsValid() {
		return nil, fmt.Errorf("a route without a destination")
	}
	h := newRecord(p.Kernel().ABI(), "rt_msghdr")
	if len(h.b) == 0 {
		return nil, sys.ErrNotSupported
	}
	flags := r.Flags | RTF_UP | RTF_STATIC
	which := int64(1<<axDst | 1<<axNetmask)
	addrs := [][]byte{appendSockaddr(nil, r.Dst.Masked().Addr())}
	switch {
	case r.Gateway.IsValid():
		flags |= RTF_GATEWAY
		which |= 1 << axGateway
		addrs = append(addrs, appendSockaddr(nil, r.Gateway))
	case r.Index != 0:
		which |= 1 << axGateway
		link := make([]byte, sizeLink)
		link[0], link[1] = sizeLink, familyLink
		h.order.PutUint16(link[2:], uint16(r.Index))
		addrs = append(addrs, link)
	case t == RTM_ADD:
		return nil, fmt.Errorf("a route by neither a gateway nor an interface")
	}
	if r.Dst.IsSingleIP() {
		flags |= RTF_HOST
		which &^= 1 << axNetmask
	} else {
		addrs = append(addrs, appendSockaddr(nil, maskOf(r.Dst)))
	}
	var tail []byte
	for _, a := range addrs {
		tail = append(tail, a...)
		tail = append(tail, make([]byte, -len(tail)&7)...)
	}
	h.put("rtm_msglen", int64(len(h.b)+len(tail)))
	h.put("rtm_version", messageVersion)
	h.put("rtm_type", int64(t))
	h.put("rtm_flags", int64(flags))
	h.put("rtm_addrs", which)
	h.put("rtm_index", int64(r.Index))
	return append(h.b, tail...), nil
}

// A RouteSocket tells of changes of interfaces, addresses and routes, whoever
// makes them; see route(4).
type RouteSocket struct{ *sys.Socket }

// OpenRoutes opens a route socket. It is closed on exec; its reads wait by the
// kernel's poller.
func OpenRoutes(p *sys.Process) (*RouteSocket, error) {
	if err := want(p, "route socket"); err != nil {
		return nil, err
	}
	s, err := p.Socket(sys.AF_ROUTE, sys.SOCK_RAW|sys.SOCK_CLOEXEC|sys.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return &RouteSocket{s}, nil
}

// maxMessage is more than any message of a route socket has.
const maxMessage = 64 << 10

// Next is the next message, which it waits for. Messages that this package does
// not know are skipped.
func (s *RouteSocket) Next() (RouteMessage, error) {
	b := make([]byte, maxMessage)
	for {
		n, err := s.Read(b)
		if err != nil {
			return RouteMessage{}, err
		}
		list, err := ParseRouteMessages(s.Process().Kernel().ABI(), b[:n])
		if err != nil {
			return RouteMessage{}, s.Fail("route message", err)
		}
		if len(list) > 0 {
			return list[0], nil
		}
	}
}
