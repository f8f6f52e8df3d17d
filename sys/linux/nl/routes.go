package nl

import (
	"fmt"
	"net/netip"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
)

// A RouteEntry is an entry of a routing table.
type RouteEntry struct {
	Dst      netip.Prefix // where to; of the default route all addresses
	Gateway  netip.Addr   // invalid for what is reached directly
	Source   netip.Addr   // the address to send from; invalid for the kernel's choice
	Index    int          // of the interface
	Table    int          // 254 is the main table, 255 the kernel's local one
	Priority int          // the metric
	Protocol uint8        // who made it: 2 the kernel, 3 boot, 4 static
	Scope    Scope
	Type     uint8 // 1 unicast, 2 local, 3 broadcast
}

// The routing tables and protocols of rtnetlink(7) that are used here.
const (
	RT_TABLE_MAIN  = 254
	RT_TABLE_LOCAL = 255

	routeBoot    = 3 // RTPROT_BOOT
	routeUnicast = 1 // RTN_UNICAST
)

func newRouteEntry(m *rtnetlink.RouteMessage) RouteEntry {
	e := RouteEntry{
		Gateway: addr(m.Attributes.Gateway), Source: addr(m.Attributes.Src),
		Index: int(m.Attributes.OutIface), Table: int(m.Table), Priority: int(m.Attributes.Priority),
		Protocol: m.Protocol, Scope: Scope(m.Scope), Type: m.Type,
	}
	if m.Attributes.Table != 0 {
		e.Table = int(m.Attributes.Table)
	}
	e.Dst = prefix(m.Attributes.Dst, m.DstLength)
	if !e.Dst.IsValid() { // the default route names no destination
		any := netip.IPv6Unspecified()
		if m.Family == familyINET {
			any = netip.IPv4Unspecified()
		}
		e.Dst = netip.PrefixFrom(any, int(m.DstLength))
	}
	return e
}

// Routes is all entries of all routing tables.
func (r *Route) Routes() ([]RouteEntry, error) {
	ms, err := list(r, "list routes", &rtnetlink.RouteMessage{}, RTM_GETROUTE)
	if err != nil {
		return nil, err
	}
	routes := make([]RouteEntry, len(ms))
	for i := range ms {
		routes[i] = newRouteEntry(&ms[i])
	}
	return routes, nil
}

// AddRoute adds an entry. Without a table it is the main one, without a type
// unicast, and the scope is what follows from the gateway.
func (r *Route) AddRoute(e RouteEntry) error {
	m, err := routeMessage(e)
	if err != nil {
		return err
	}
	return r.do(fmt.Sprintf("add route to %v", e.Dst), m, RTM_NEWROUTE, netlink.Create|netlink.Excl)
}

// DeleteRoute removes an entry.
func (r *Route) DeleteRoute(e RouteEntry) error {
	m, err := routeMessage(e)
	if err != nil {
		return err
	}
	return r.do(fmt.Sprintf("delete route to %v", e.Dst), m, RTM_DELROUTE, 0)
}

func routeMessage(e RouteEntry) (*rtnetlink.RouteMessage, error) {
	if !e.Dst.IsValid() {
		return nil, fmt.Errorf("a route without a destination")
	}
	m := &rtnetlink.RouteMessage{
		Family: family(e.Dst.Addr()), DstLength: uint8(e.Dst.Bits()),
		Table: RT_TABLE_MAIN, Protocol: routeBoot, Scope: uint8(e.Scope), Type: routeUnicast,
	}
	if e.Table > 0 && e.Table < 256 {
		m.Table = uint8(e.Table)
	}
	if e.Type != 0 {
		m.Type = e.Type
	}
	if e.Protocol != 0 {
		m.Protocol = e.Protocol
	}
	if !e.Gateway.IsValid() && e.Scope == RT_SCOPE_UNIVERSE && m.Family == familyINET {
		m.Scope = uint8(RT_SCOPE_LINK)
	}
	a := &m.Attributes
	a.Priority, a.OutIface = uint32(e.Priority), uint32(e.Index)
	if e.Table >= 256 { // does not fit the header
		a.Table = uint32(e.Table)
	}
	if e.Dst.Bits() > 0 {
		a.Dst = e.Dst.Masked().Addr().AsSlice()
	}
	if e.Gateway.IsValid() {
		a.Gateway = e.Gateway.AsSlice()
	}
	if e.Source.IsValid() {
		a.Src = e.Source.AsSlice()
	}
	return m, nil
}
