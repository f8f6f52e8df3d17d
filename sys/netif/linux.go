package netif

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/linux/nl"
)

type linux struct {
	*nl.Route
	p *sys.Process
}

func dialLinux(p *sys.Process) (configurer, error) {
	r, err := nl.DialRoute(p)
	return linux{r, p}, err
}

// on calls f with the number of an interface.
func (l linux) on(name string, f func(index int) error) error {
	link, err := l.Link(name)
	if err != nil {
		return err
	}
	return f(link.Index)
}

func (l linux) setUp(name string) error {
	return l.on(name, func(index int) error { return l.SetUp(index, true) })
}

func (l linux) setMTU(name string, mtu int) error {
	return l.on(name, func(index int) error { return l.SetMTU(index, mtu) })
}

func (l linux) addAddress(name string, a netip.Prefix) error {
	return l.on(name, func(index int) error { return l.AddAddress(index, a) })
}

// addRoute says by which interface the gateway is reached, which gVisor's kernel
// does not find out by itself.
func (l linux) addRoute(to netip.Prefix, via netip.Addr) error {
	addrs, err := l.Addresses()
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if a.Prefix.Masked().Contains(via) {
			return l.AddRoute(nl.RouteEntry{Dst: to, Gateway: via, Index: a.Index})
		}
	}
	return fmt.Errorf("no interface is on the network of %v: %w", via, sys.ENETUNREACH)
}

func (l linux) setForwarding() error {
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
