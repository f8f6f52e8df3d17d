package netbsd

import (
	"fmt"

	"github.com/anykernel/anykernel/sys/abi"
)

// A MessageType is what a message of a route socket is about; see route(4).
type MessageType uint8

const (
	RTM_ADD        MessageType = 0x1
	RTM_DELETE     MessageType = 0x2
	RTM_CHANGE     MessageType = 0x3
	RTM_GET        MessageType = 0x4
	RTM_LOSING     MessageType = 0x5
	RTM_REDIRECT   MessageType = 0x6
	RTM_MISS       MessageType = 0x7
	RTM_LOCK       MessageType = 0x8
	RTM_NEWADDR    MessageType = 0xc
	RTM_DELADDR    MessageType = 0xd
	RTM_IFANNOUNCE MessageType = 0x10
	RTM_IEEE80211  MessageType = 0x11
	RTM_IFINFO     MessageType = 0x14
	RTM_CHGADDR    MessageType = 0x15
)

var messageTypes = map[MessageType]string{
	RTM_ADD: "ADD", RTM_DELETE: "DELETE", RTM_CHANGE: "CHANGE", RTM_GET: "GET", RTM_LOSING: "LOSING",
	RTM_REDIRECT: "REDIRECT", RTM_MISS: "MISS", RTM_LOCK: "LOCK", RTM_NEWADDR: "NEWADDR", RTM_DELADDR: "DELADDR",
	RTM_IFANNOUNCE: "IFANNOUNCE", RTM_IEEE80211: "IEEE80211", RTM_IFINFO: "IFINFO", RTM_CHGADDR: "CHGADDR",
}

// String is the name without its prefix.
func (t MessageType) String() string {
	if name, ok := messageTypes[t]; ok {
		return name
	}
	return fmt.Sprintf("%#x", uint8(t))
}

// Positions of addresses in a message: RTAX_DST and so on.
const (
	axDst = iota
	axGateway
	axNetmask
	axGenmask
	axIfp
	axIfa
	axAuthor
	axBrd
	axTag
	axMax
)

// A RouteMessage is a message of a route socket, or of the list that sysctl(7)
// gives of routes and interfaces. Which members mean something depends on its
// type.
type RouteMessage struct {
	Type      MessageType
	Index     int        // of the interface
	Flags     RouteFlags // of the route; of an interface see Interface
	PID, Seq  int        // who asked, and his number of the question
	Errno     abi.Errno  // why it was refused, 0 if it was not
	Route     Route
	Address   InterfaceAddress // of NEWADDR, DELADDR and CHGADDR
	Interface Interface        // of IFINFO; of IFANNOUNCE its name and number
	Departed  bool             // of IFANNOUNCE: it has gone
}

// messageHead is what a message begins with: its length, version and type.
const (
	messageHead    = 4
	messageVersion = 4
)

// headers is the structure that messages of a type begin with. Those that are
// not here begin with rt_msghdr.
var headers = map[MessageType]string{
	RTM_NEWADDR: "ifa_msghdr", RTM_DELADDR: "ifa_msghdr", RTM_CHGADDR: "ifa_msghdr",
	RTM_IFINFO: "if_msghdr", RTM_IFANNOUNCE: "if_announcemsghdr", RTM_IEEE80211: "if_announcemsghdr",
}

// ParseRouteMessages reads messages of a route socket in an ABI of NetBSD. It
// trusts nothing in b; what is of another version, or of a type that this
// package does not know, is left out.
func ParseRouteMessages(a *abi.ABI, b []byte) ([]RouteMessage, error) {
	var list []RouteMessage
	for off := 0; off < len(b); {
		rest := b[off:]
		if len(rest) < messageHead {
			return list, fmt.Errorf("route message at byte %d: cut short", off)
		}
		n := int(a.Order.Uint16(rest))
		if n < messageHead || n > len(rest) {
			return list, fmt.Errorf("route message at byte %d: its length is %d of %d", off, n, len(rest))
		}
		off += n
		t := MessageType(rest[3])
		if rest[2] != messageVersion || messageTypes[t] == "" {
			continue
		}
		m, err := parseMessage(a, t, rest[:n])
		if err != nil {
			return list, fmt.Errorf("route message %v at byte %d: %w", t, off-n, err)
		}
		list = append(list, m)
	}
	return list, nil
}

func parseMessage(a *abi.ABI, t MessageType, b []byte) (RouteMessage, error) {
	m := RouteMessage{Type: t}
	name := headers[t]
	if name == "" {
		name = "rt_msghdr"
	}
	r := record{layoutOf(a, name), a.Order, b}
	size := r.layout.Size
	if size == 0 || len(b) < size {
		return m, fmt.Errorf("it has %d bytes, %s has %d", len(b), name, size)
	}
	switch name {
	case "if_msghdr":
		return m, m.info(&r, b[size:])
	case "ifa_msghdr":
		return m, m.address(&r, b[size:])
	case "if_announcemsghdr":
		m.announce(&r)
		return m, nil
	}
	return m, m.route(&r, b[size:])
}

func (m *RouteMessage) info(r *record, b []byte) error {
	addrs, err := addresses(b, r.get("ifm_addrs"))
	m.Index = int(r.get("ifm_index"))
	m.Interface = newInterface(r, m.Index)
	if l, ok := linkOf(addrs[axIfp], r.order); ok {
		m.Interface.Name, m.Interface.HardwareAddr = l.name, l.mac
	}
	return err
}

func (m *RouteMessage) address(r *record, b []byte) error {
	addrs, err := addresses(b, r.get("ifam_addrs"))
	m.Index = int(r.get("ifam_index"))
	m.Address = newInterfaceAddress(m.Index, &addrs)
	return err
}

func (m *RouteMessage) announce(r *record) {
	const departure = 1
	m.Index = int(r.get("ifan_index"))
	m.Interface = Interface{Index: m.Index, Name: r.field("ifan_name").Text(r.b)}
	m.Departed = r.get("ifan_what") == departure
}

func (m *RouteMessage) route(r *record, b []byte) error {
	addrs, err := addresses(b, r.get("rtm_addrs"))
	m.Index, m.Flags = int(r.get("rtm_index")), RouteFlags(r.get("rtm_flags"))
	m.PID, m.Seq, m.Errno = int(r.get("rtm_pid")), int(r.get("rtm_seq")), abi.Errno(r.get("rtm_errno"))
	m.Route = newRoute(m.Index, m.Flags, &addrs, r.order)
	return err
}

// addresses is the sockaddrs behind a header, by their positions. Each begins
// with its size, and is padded to 8 bytes; one of size 0 is 8 bytes of nothing.
func addresses(b []byte, which int64) (addrs [axMax][]byte, err error) {
	for i := range addrs {
		if which&(1<<i) == 0 {
			continue
		}
		if len(b) == 0 {
			return addrs, fmt.Errorf("address %d is not there", i)
		}
		n := int(b[0])
		if n > len(b) {
			return addrs, fmt.Errorf("address %d has %d bytes of %d", i, n, len(b))
		}
		addrs[i] = b[:n:n]
		b = b[min(max(8, (n+7)&^7), len(b)):]
	}
	return addrs, nil
}
