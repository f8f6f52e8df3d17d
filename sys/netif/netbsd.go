package netif

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/netbsd"
)

type netBSD struct{ p *sys.Process }

func (n netBSD) Close() error { return nil }

// linkStates are the states of a link by NetBSD's number.
var linkStates = [...]string{"UNKNOWN", "DOWN", "UP"}

func (n netBSD) Interfaces() ([]Interface, error) {
	all, err := netbsd.Interfaces(n.p)
	var list []Interface
	for _, i := range all {
		s := &i.Stats
		state := linkStates[0]
		if i.LinkState >= 0 && i.LinkState < len(linkStates) {
			state = linkStates[i.LinkState]
		}
		list = append(list, Interface{
			Index: i.Index, Name: i.Name, MTU: i.MTU, HardwareAddr: i.HardwareAddr, State: state,
			Flags: strings.Split(strings.ReplaceAll(i.Flags.String(), "IFF_", ""), "|"),
			Stats: Stats{s.RXPackets, s.RXBytes, s.RXErrors, s.RXDropped, s.TXPackets, s.TXBytes, s.TXErrors, 0},
		})
	}
	return list, err
}

func (n netBSD) Addresses() ([]Address, error) {
	all, err := netbsd.Interfaces(n.p)
	var list []Address
	for _, i := range all {
		for _, a := range i.Addresses {
			entry := Address{Interface: i.Name, Prefix: a.Prefix, Scope: scope(a.Prefix.Addr())}
			if i.Flags&netbsd.IFF_BROADCAST != 0 {
				entry.Broadcast = a.Broadcast
			}
			list = append(list, entry)
		}
	}
	return list, err
}

func scope(a netip.Addr) string {
	switch {
	case a.IsLoopback():
		return "host"
	case a.IsLinkLocalUnicast():
		return "link"
	}
	return "global"
}

// own are routes that the kernel keeps of its own addresses and of neighbours,
// or that lead nowhere.
const own = netbsd.RTF_LLDATA | netbsd.RTF_LOCAL | netbsd.RTF_BROADCAST | netbsd.RTF_REJECT

func (n netBSD) Routes() ([]Route, error) {
	all, err := netbsd.Routes(n.p)
	if err != nil {
		return nil, err
	}
	names, err := n.names()
	var list []Route
	for _, r := range all {
		if r.Flags&own == 0 && !r.Dst.Addr().IsMulticast() {
			list = append(list, Route{Dst: r.Dst, Gateway: r.Gateway, Interface: names[r.Index]})
		}
	}
	return list, err
}

// names is the interfaces by number.
func (n netBSD) names() (map[int]string, error) {
	all, err := netbsd.Interfaces(n.p)
	names := map[int]string{}
	for _, i := range all {
		names[i.Index] = i.Name
	}
	return names, err
}

func (n netBSD) SetUp(name string, up bool) error { return netbsd.SetUp(n.p, name, up) }

func (n netBSD) SetMTU(name string, mtu int) error { return netbsd.SetMTU(n.p, name, mtu) }

func (n netBSD) Rename(name, _ string) error {
	return fmt.Errorf("rename %s: NetBSD's interfaces keep their names: %w", name, sys.ErrNotSupported)
}

func (n netBSD) Create(name, kind string) error {
	if !strings.HasPrefix(name, kind) {
		return fmt.Errorf("create %s: NetBSD's interfaces are named after their kind, such as %s0: %w", name, kind, sys.EINVAL)
	}
	return netbsd.CreateInterface(n.p, name)
}

func (n netBSD) Destroy(name string) error { return netbsd.DestroyInterface(n.p, name) }

func (n netBSD) AddAddress(name string, a netip.Prefix) error {
	return netbsd.WithoutProbes(n.p, func() error { return netbsd.AddAddress(n.p, name, a) })
}

func (n netBSD) DeleteAddress(name string, a netip.Prefix) error {
	return netbsd.DeleteAddress(n.p, name, a.Addr())
}

func (n netBSD) AddRoute(r Route) error { return n.route(netbsd.AddRoute, r) }

func (n netBSD) DeleteRoute(r Route) error { return n.route(netbsd.DeleteRoute, r) }

func (n netBSD) route(change func(*sys.Process, netbsd.Route) error, r Route) error {
	entry := netbsd.Route{Dst: r.Dst, Gateway: r.Gateway}
	if r.Interface != "" && !r.Gateway.IsValid() {
		i, err := Find(n, r.Interface)
		if err != nil {
			return err
		}
		entry.Index = i.Index
	}
	if r.Metric != 0 {
		return fmt.Errorf("route to %v: NetBSD's routes have no metric: %w", r.Dst, sys.ErrNotSupported)
	}
	return change(n.p, entry)
}

func (n netBSD) Forward() error {
	if err := n.p.SetSysctl("net.inet.ip.forwarding", "1"); err != nil {
		return err
	}
	return n.p.SetSysctl("net.inet6.ip6.forwarding", "1")
}
