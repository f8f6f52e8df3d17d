package nl

import (
	"fmt"
	"net/netip"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
)

// An Address is an address of an interface.
type Address struct {
	Index     int          // of the interface
	Prefix    netip.Prefix // the address, and the length of its network
	Peer      netip.Addr   // the other end of a point-to-point link; invalid for none
	Broadcast netip.Addr   // invalid for none
	Label     string
	Scope     Scope
}

// A Scope is how far an address or a route reaches; see rtnetlink(7).
type Scope uint8

const (
	RT_SCOPE_UNIVERSE Scope = 0
	RT_SCOPE_SITE     Scope = 200
	RT_SCOPE_LINK     Scope = 253
	RT_SCOPE_HOST     Scope = 254
	RT_SCOPE_NOWHERE  Scope = 255
)

// String is the scope as ip(8) shows it, such as "global" or "host".
func (s Scope) String() string {
	switch s {
	case RT_SCOPE_UNIVERSE:
		return "global"
	case RT_SCOPE_SITE:
		return "site"
	case RT_SCOPE_LINK:
		return "link"
	case RT_SCOPE_HOST:
		return "host"
	case RT_SCOPE_NOWHERE:
		return "nowhere"
	}
	return fmt.Sprint(uint8(s))
}

func newAddress(m *rtnetlink.AddressMessage) Address {
	a := Address{Index: int(m.Index), Scope: Scope(m.Scope)}
	t := m.Attributes
	if t == nil {
		return a
	}
	a.Label, a.Broadcast = t.Label, addr(t.Broadcast)
	local, peer := addr(t.Local), addr(t.Address)
	if !local.IsValid() { // of IPv6 there is only the one
		local, peer = peer, netip.Addr{}
	}
	if peer == local {
		peer = netip.Addr{}
	}
	a.Prefix, a.Peer = netip.PrefixFrom(local, int(m.PrefixLength)), peer
	return a
}

// Addresses is all addresses of all interfaces.
func (r *Route) Addresses() ([]Address, error) {
	ms, err := list(r, "list addresses", &rtnetlink.AddressMessage{}, RTM_GETADDR)
	if err != nil {
		return nil, err
	}
	addrs := make([]Address, len(ms))
	for i := range ms {
		addrs[i] = newAddress(&ms[i])
	}
	return addrs, nil
}

// AddAddress gives an interface an address, with the broadcast address that
// its network has.
func (r *Route) AddAddress(index int, p netip.Prefix) error {
	if !p.IsValid() {
		return fmt.Errorf("add address to link %d: no address", index)
	}
	m := addressRequest{index, p, broadcast(p)}
	return r.do(fmt.Sprintf("add address %v to link %d", p, index), m, RTM_NEWADDR, netlink.Create|netlink.Excl)
}

// DeleteAddress takes an address from an interface.
func (r *Route) DeleteAddress(index int, p netip.Prefix) error {
	if !p.IsValid() {
		return fmt.Errorf("delete address of link %d: no address", index)
	}
	m := addressRequest{index, p, netip.Addr{}}
	return r.do(fmt.Sprintf("delete address %v of link %d", p, index), m, RTM_DELADDR, 0)
}

// An addressRequest is struct ifaddrmsg with the attributes that there are.
// (The library's message has further ones always, which gVisor refuses.)
type addressRequest struct {
	index     int
	prefix    netip.Prefix
	broadcast netip.Addr
}

// Attributes of addresses; see rtnetlink(7).
const (
	ifaAddress   = 1
	ifaLocal     = 2
	ifaBroadcast = 4
)

func (m addressRequest) MarshalBinary() ([]byte, error) {
	ip := m.prefix.Addr()
	scope := RT_SCOPE_UNIVERSE
	if ip.IsLoopback() {
		scope = RT_SCOPE_HOST
	}
	b := []byte{family(ip), byte(m.prefix.Bits()), 0, byte(scope)}
	b = nativeOrder.AppendUint32(b, uint32(m.index))
	e := netlink.NewAttributeEncoder()
	e.Bytes(ifaAddress, ip.AsSlice())
	e.Bytes(ifaLocal, ip.AsSlice())
	if m.broadcast.IsValid() {
		e.Bytes(ifaBroadcast, m.broadcast.AsSlice())
	}
	attributes, err := e.Encode()
	return append(b, attributes...), err
}

// broadcast is the last address of an IPv4 network that has room for one.
func broadcast(p netip.Prefix) netip.Addr {
	if !p.Addr().Is4() || p.Bits() >= 31 || p.Addr().IsLoopback() {
		return netip.Addr{}
	}
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}
