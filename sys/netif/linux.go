package netif

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/linux/nl"
)

type linux struct {
	r *nl.Route
	p *sys.Process
}

func dialLinux(p *sys.Process) (Net, error) {
	r, err := nl.DialRoute(p)
	if err != nil {
		return nil, err
	}
	return linux{r, p}, nil
}

func (l linux) Close() error { return l.r.Close() }

func (l linux) Interfaces() ([]Interface, error) {
	links, err := l.r.Links()
	var list []Interface
	for _, i := range links {
		list = append(list, Interface{
			Index: i.Index, Name: i.Name, MTU: i.MTU, HardwareAddr: i.HardwareAddr, State: i.State,
			Flags: strings.Split(i.Flags.String(), ","), Stats: Stats(i.Stats),
		})
	}
	return list, err
}

// names is the interfaces by number.
func (l linux) names() (map[int]string, error) {
	links, err := l.r.Links()
	names := map[int]string{}
	for _, i := range links {
		names[i.Index] = i.Name
	}
	return names, err
}

func (l linux) Addresses() ([]Address, error) {
	names, err := l.names()
	if err != nil {
		return nil, err
	}
	addrs, err := l.r.Addresses()
	var list []Address
	for _, a := range addrs {
		list = append(list, Address{names[a.Index], a.Prefix, a.Broadcast, a.Scope.String()})
	}
	return list, err
}

func (l linux) Routes() ([]Route, error) {
	names, err := l.names()
	if err != nil {
		return nil, err
	}
	routes, err := l.r.Routes()
	var list []Route
	for _, e := range routes {
		if e.Table == nl.RT_TABLE_MAIN {
			list = append(list, Route{e.Dst, e.Gateway, e.Source, names[e.Index], e.Priority})
		}
	}
	return list, err
}

// on calls f with the number of an interface.
func (l linux) on(name string, f func(index int) error) error {
	link, err := l.r.Link(name)
	if err != nil {
		return err
	}
	return f(link.Index)
}

func (l linux) SetUp(name string, up bool) error {
	return l.on(name, func(index int) error { return l.r.SetUp(index, up) })
}

func (l linux) SetMTU(name string, mtu int) error {
	return l.on(name, func(index int) error { return l.r.SetMTU(index, mtu) })
}

func (l linux) Rename(name, to string) error {
	return l.on(name, func(index int) error { return l.r.Rename(index, to) })
}

func (l linux) Create(name, kind string) error { return l.r.AddLink(name, kind) }

func (l linux) Destroy(name string) error { return l.on(name, l.r.DeleteLink) }

func (l linux) AddAddress(name string, a netip.Prefix) error {
	return l.on(name, func(index int) error { return l.r.AddAddress(index, a) })
}

func (l linux) DeleteAddress(name string, a netip.Prefix) error {
	return l.on(name, func(index int) error { return l.r.DeleteAddress(index, a) })
}

// AddRoute says by which interface the gateway is reached, which gVisor's kernel
// does not find out by itself.
func (l linux) AddRoute(r Route) error {
	if r.Interface == "" && r.Gateway.IsValid() {
		addrs, err := l.Addresses()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(addrs, func(a Address) bool { return a.Prefix.Masked().Contains(r.Gateway) })
		if i < 0 {
			return fmt.Errorf("no interface is on the network of %v: %w", r.Gateway, sys.ENETUNREACH)
		}
		r.Interface = addrs[i].Interface
	}
	return l.route(l.r.AddRoute, r)
}

func (l linux) DeleteRoute(r Route) error { return l.route(l.r.DeleteRoute, r) }

func (l linux) route(change func(nl.RouteEntry) error, r Route) error {
	e := nl.RouteEntry{Dst: r.Dst, Gateway: r.Gateway, Source: r.Source, Priority: r.Metric}
	if r.Interface == "" {
		return change(e)
	}
	return l.on(r.Interface, func(index int) error {
		e.Index = index
		return change(e)
	})
}

func (l linux) Forward() error {
	err := l.p.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1\n"), 0)
	if err != nil {
		return err
	}
	err = l.p.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1\n"), 0)
	if errors.Is(err, sys.ENOENT) {
		return nil // a kernel that cannot
	}
	return err
}
