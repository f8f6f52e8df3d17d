package netlab

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall/vnet"
)

// maxNetworks is how many networks of 65,534 stations there are in 10.0.0.0/8.
const maxNetworks = 256

// A plan is the addresses and routes of a topology.
type plan struct {
	top      *vnet.Topology
	stations []*station // nodes that are not switches, in order
	networks [][]*iface // the interfaces on each
}

// A station is a node with addresses.
type station struct {
	*vnet.TopologyNode
	ifaces []*iface
}

// An iface is a station's interface.
type iface struct {
	station *station
	link    int
	network int
	mtu     int // 0: the kernel's own
	addrs   []netip.Prefix
	bare    bool // it gets none
}

// A hop is a route of a station.
type hop struct {
	to  netip.Prefix
	via netip.Addr
}

func newPlan(top *vnet.Topology) (*plan, error) {
	p := &plan{top: top}
	for i := range top.Nodes {
		n := &top.Nodes[i]
		if n.IsSwitch() {
			if len(n.Options) > 0 {
				return nil, fmt.Errorf("node %q: a switch has no options such as %v", n.Name, n.Options[0])
			}
			continue
		}
		s := &station{TopologyNode: n}
		for _, link := range n.Links {
			s.ifaces = append(s.ifaces, &iface{station: s, link: link, network: -1})
		}
		p.stations = append(p.stations, s)
	}
	if err := p.findNetworks(); err != nil {
		return nil, err
	}
	for _, s := range p.stations {
		if err := s.options(top); err != nil {
			return nil, fmt.Errorf("node %q: %w", s.Name, err)
		}
	}
	p.number()
	return p, nil
}

// findNetworks finds which interfaces reach each other without a router.
func (p *plan) findNetworks() error {
	for _, s := range p.stations {
		for _, i := range s.ifaces {
			if i.network >= 0 {
				continue
			}
			if len(p.networks) == maxNetworks {
				return fmt.Errorf("a topology of more than %d networks", maxNetworks)
			}
			members := p.reach(i)
			for _, m := range members {
				m.network = len(p.networks)
			}
			p.networks = append(p.networks, members)
		}
	}
	return nil
}

// reach is the interfaces on the network of one, in the order of stations.
func (p *plan) reach(from *iface) []*iface {
	links, seen := []int{from.link}, map[int]bool{from.link: true}
	for at := 0; at < len(links); at++ {
		l := p.top.Links[links[at]]
		for _, end := range []string{l.A, l.B} {
			n, _ := p.top.Node(end)
			if !n.IsSwitch() {
				continue
			}
			for _, next := range n.Links {
				if !seen[next] {
					seen[next] = true
					links = append(links, next)
				}
			}
		}
	}
	var members []*iface
	for _, s := range p.stations {
		for _, i := range s.ifaces {
			if seen[i.link] {
				members = append(members, i)
			}
		}
	}
	return members
}

// options reads a station's options: ip and mtu.
func (s *station) options(top *vnet.Topology) error {
	for _, o := range s.Options {
		ifaces := s.ifaces
		if o.Peer != "" {
			ifaces = slices.DeleteFunc(slices.Clone(ifaces), func(i *iface) bool { return s.Peer(top, i.link) != o.Peer })
		}
		if len(ifaces) == 0 {
			return fmt.Errorf("%v: there is no interface that it could be about", o)
		}
		var err error
		switch o.Key {
		case "mtu":
			err = setMTU(ifaces, o.Value)
		case "ip":
			err = setAddrs(ifaces, o.Value)
		default:
			return fmt.Errorf("no option %q: there are ip and mtu", o.Key)
		}
		if err != nil {
			return fmt.Errorf("%v: %w", o, err)
		}
	}
	return nil
}

func setMTU(ifaces []*iface, text string) error {
	mtu, err := strconv.Atoi(text)
	if err != nil || mtu < backends.MinMTU || mtu > backends.MaxMTU {
		return fmt.Errorf("want a number from %d to %d", backends.MinMTU, backends.MaxMTU)
	}
	for _, i := range ifaces {
		i.mtu = mtu
	}
	return nil
}

// noAddress is what an interface has that gets its address later, as by DHCP.
const noAddress = "none"

// setAddrs gives the first interface addresses, separated by commas.
func setAddrs(ifaces []*iface, text string) error {
	if text == noAddress {
		ifaces[0].bare = true
		return nil
	}
	for word := range strings.SplitSeq(text, ",") {
		a, err := netip.ParsePrefix(word)
		if err != nil {
			return fmt.Errorf("%q is no address with its network, such as 10.0.0.1/24", word)
		}
		ifaces[0].addrs = append(ifaces[0].addrs, a)
	}
	return nil
}

// number gives addresses to the interfaces that were given none: the i-th of
// network n is 10.n.0.i and fd00:0:0:n::i.
func (p *plan) number() {
	for n, members := range p.networks {
		for i, m := range members {
			if len(m.addrs) > 0 || m.bare {
				continue
			}
			v4 := [4]byte{10, byte(n), byte((i + 1) >> 8), byte(i + 1)}
			v6 := [16]byte{0: 0xfd, 7: byte(n), 14: v4[2], 15: v4[3]}
			m.addrs = []netip.Prefix{
				netip.PrefixFrom(netip.AddrFrom4(v4), 16),
				netip.PrefixFrom(netip.AddrFrom16(v6), 64),
			}
		}
	}
}

// isBare reports whether a station has no address yet.
func (s *station) isBare() bool {
	return !slices.ContainsFunc(s.ifaces, func(i *iface) bool { return !i.bare })
}

// isRouter reports whether a station forwards packets.
func (s *station) isRouter() bool { return len(s.ifaces) > 1 }

// address is the first address of a family, if there is one.
func (i *iface) address(v4 bool) (netip.Prefix, bool) {
	for _, a := range i.addrs {
		if a.Addr().Is4() == v4 {
			return a, true
		}
	}
	return netip.Prefix{}, false
}

// routes is how a station reaches the networks that it is not on, by the fewest
// routers. ways out, if there are any, are stations that lead to everywhere else.
func (p *plan) routes(s *station, wayOut *station) []hop {
	gateways := p.gateways(s)
	var hops []hop
	for n, members := range p.networks {
		gate := gateways[n]
		if gate == nil {
			continue
		}
		for _, v4 := range []bool{true, false} {
			via, ok := gate.address(v4)
			to, ok2 := networkOf(members, v4)
			if ok && ok2 {
				hops = append(hops, hop{to, via.Addr()})
			}
		}
	}
	if wayOut == nil || wayOut == s || len(wayOut.ifaces) == 0 {
		return hops
	}
	out := wayOut.ifaces[0]
	gate := gateways[out.network]
	if on(s, out.network) {
		gate = out
	}
	if gate != nil {
		if via, ok := gate.address(true); ok {
			hops = append(hops, hop{netip.PrefixFrom(netip.IPv4Unspecified(), 0), via.Addr()})
		}
	}
	return hops
}

func on(s *station, network int) bool {
	return slices.ContainsFunc(s.ifaces, func(i *iface) bool { return i.network == network })
}

// gateways is, for each network that a station is not on and can reach, the
// interface of a router on one of its own networks that leads there.
func (p *plan) gateways(s *station) map[int]*iface {
	first, todo := map[int]*iface{}, []int{}
	for _, i := range s.ifaces {
		first[i.network] = nil // our own
		todo = append(todo, i.network)
	}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		for _, router := range p.networks[at] {
			if router.station == s || !router.station.isRouter() {
				continue
			}
			gate := first[at]
			if gate == nil {
				gate = router
			}
			for _, beyond := range router.station.ifaces {
				if _, known := first[beyond.network]; !known {
					first[beyond.network] = gate
					todo = append(todo, beyond.network)
				}
			}
		}
	}
	return first
}

// networkOf is the network that an interface's addresses say it is on.
func networkOf(members []*iface, v4 bool) (netip.Prefix, bool) {
	for _, m := range members {
		if a, ok := m.address(v4); ok {
			return a.Masked(), true
		}
	}
	return netip.Prefix{}, false
}

// hosts is the content of /etc/hosts.
func (p *plan) hosts() string {
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost\n")
	for _, s := range p.stations {
		for _, i := range s.ifaces {
			for _, a := range i.addrs {
				fmt.Fprintf(&b, "%v\t%s\n", a.Addr(), s.Name)
			}
		}
	}
	return b.String()
}
