package nl

import (
	"fmt"
	"net"
	"strings"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
)

// LinkFlags are the flags of an interface; see netdevice(7).
type LinkFlags uint32

const (
	IFF_UP          LinkFlags = 1 << 0
	IFF_BROADCAST   LinkFlags = 1 << 1
	IFF_DEBUG       LinkFlags = 1 << 2
	IFF_LOOPBACK    LinkFlags = 1 << 3
	IFF_POINTOPOINT LinkFlags = 1 << 4
	IFF_NOTRAILERS  LinkFlags = 1 << 5
	IFF_RUNNING     LinkFlags = 1 << 6
	IFF_NOARP       LinkFlags = 1 << 7
	IFF_PROMISC     LinkFlags = 1 << 8
	IFF_ALLMULTI    LinkFlags = 1 << 9
	IFF_MASTER      LinkFlags = 1 << 10
	IFF_SLAVE       LinkFlags = 1 << 11
	IFF_MULTICAST   LinkFlags = 1 << 12
	IFF_PORTSEL     LinkFlags = 1 << 13
	IFF_AUTOMEDIA   LinkFlags = 1 << 14
	IFF_DYNAMIC     LinkFlags = 1 << 15
	IFF_LOWER_UP    LinkFlags = 1 << 16
	IFF_DORMANT     LinkFlags = 1 << 17
	IFF_ECHO        LinkFlags = 1 << 18
)

// linkFlagNames is the names by bit.
var linkFlagNames = [...]string{
	"UP", "BROADCAST", "DEBUG", "LOOPBACK", "POINTOPOINT", "NOTRAILERS", "RUNNING", "NOARP", "PROMISC", "ALLMULTI",
	"MASTER", "SLAVE", "MULTICAST", "PORTSEL", "AUTOMEDIA", "DYNAMIC", "LOWER_UP", "DORMANT", "ECHO",
}

// String is the flags as ip(8) shows them, such as "UP,LOOPBACK,RUNNING".
func (f LinkFlags) String() string {
	var names []string
	for i, name := range linkFlagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if rest := f >> len(linkFlagNames); rest != 0 {
		names = append(names, fmt.Sprintf("%#x", uint32(rest<<len(linkFlagNames))))
	}
	return strings.Join(names, ",")
}

// A Link is a network interface.
type Link struct {
	Index        int
	Name         string
	Type         uint16 // of the hardware, ARPHRD_*: 1 is Ethernet, 772 loopback
	Flags        LinkFlags
	MTU          int
	HardwareAddr net.HardwareAddr
	Broadcast    net.HardwareAddr
	State        string // as ip(8) shows it: "UP", "DOWN", "UNKNOWN" …
	Queue        string // the queueing discipline
	QueueLen     int    // packets
	Master       int    // the index of the bridge or bond that it belongs to; 0 for none
	Kind         string // what sort of virtual interface, such as "veth"; "" for hardware
	Stats        LinkStats
}

// LinkStats counts what went through an interface.
type LinkStats struct {
	RXPackets, RXBytes, RXErrors, RXDropped uint64
	TXPackets, TXBytes, TXErrors, TXDropped uint64
}

// operStates is the names of operational states in the order of RFC 2863.
var operStates = [...]string{"UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"}

func newLink(m *rtnetlink.LinkMessage) Link {
	l := Link{Index: int(m.Index), Type: m.Type, Flags: LinkFlags(m.Flags), State: operStates[0]}
	a := m.Attributes
	if a == nil {
		return l
	}
	l.Name, l.MTU, l.Queue = a.Name, int(a.MTU), a.QueueDisc
	l.HardwareAddr, l.Broadcast = a.Address, a.Broadcast
	if int(a.OperationalState) < len(operStates) {
		l.State = operStates[a.OperationalState]
	}
	if a.TxQueueLen != nil {
		l.QueueLen = int(*a.TxQueueLen)
	}
	if a.Master != nil {
		l.Master = int(*a.Master)
	}
	if a.Info != nil {
		l.Kind = a.Info.Kind
	}
	if s := a.Stats64; s != nil {
		l.Stats = LinkStats{
			s.RXPackets, s.RXBytes, s.RXErrors, s.RXDropped,
			s.TXPackets, s.TXBytes, s.TXErrors, s.TXDropped,
		}
	}
	return l
}

// Links is all interfaces, in the order of their indexes.
func (r *Route) Links() ([]Link, error) {
	ms, err := list(r, "list links", &rtnetlink.LinkMessage{}, RTM_GETLINK)
	if err != nil {
		return nil, err
	}
	links := make([]Link, len(ms))
	for i := range ms {
		links[i] = newLink(&ms[i])
	}
	return links, nil
}

// Link is the interface with that name.
func (r *Route) Link(name string) (Link, error) {
	links, err := r.Links()
	if err != nil {
		return Link{}, err
	}
	var names []string
	for _, l := range links {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return Link{}, fmt.Errorf("no interface %q; there are %s", name, strings.Join(names, ", "))
}

// SetUp brings an interface up or down.
func (r *Route) SetUp(index int, up bool) error {
	m := &rtnetlink.LinkMessage{Index: uint32(index), Change: uint32(IFF_UP)}
	if up {
		m.Flags = uint32(IFF_UP)
	}
	return r.do(fmt.Sprintf("set link %d up %v", index, up), m, RTM_NEWLINK, 0)
}

// SetMTU sets the largest packet of an interface, in bytes.
func (r *Route) SetMTU(index, mtu int) error {
	m := &rtnetlink.LinkMessage{Index: uint32(index), Attributes: &rtnetlink.LinkAttributes{MTU: uint32(mtu)}}
	return r.do(fmt.Sprintf("set link %d mtu %d", index, mtu), m, RTM_NEWLINK, 0)
}

// Rename gives an interface another name.
func (r *Route) Rename(index int, name string) error {
	m := &rtnetlink.LinkMessage{Index: uint32(index), Attributes: &rtnetlink.LinkAttributes{Name: name}}
	return r.do(fmt.Sprintf("set link %d name %s", index, name), m, RTM_NEWLINK, 0)
}

// AddLink makes a virtual interface of a kind such as "dummy", "bridge" or
// "veth".
func (r *Route) AddLink(name, kind string) error {
	m := &rtnetlink.LinkMessage{Attributes: &rtnetlink.LinkAttributes{
		Name: name, Info: &rtnetlink.LinkInfo{Kind: kind},
	}}
	return r.do(fmt.Sprintf("add link %s type %s", name, kind), m, RTM_NEWLINK, netlink.Create|netlink.Excl)
}

// DeleteLink removes a virtual interface.
func (r *Route) DeleteLink(index int) error {
	return r.do(fmt.Sprintf("delete link %d", index), &rtnetlink.LinkMessage{Index: uint32(index)}, RTM_DELLINK, 0)
}
