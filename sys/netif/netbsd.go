package netif

import (
	"net/netip"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/netbsd"
)

type netBSD struct{ p *sys.Process }

func (n netBSD) Close() error { return nil }

func (n netBSD) setUp(name string) error { return netbsd.SetUp(n.p, name, true) }

func (n netBSD) setMTU(name string, mtu int) error { return netbsd.SetMTU(n.p, name, mtu) }

func (n netBSD) addAddress(name string, a netip.Prefix) error {
	return netbsd.WithoutProbes(n.p, func() error { return netbsd.AddAddress(n.p, name, a) })
}

func (n netBSD) addRoute(to netip.Prefix, via netip.Addr) error {
	return netbsd.AddRoute(n.p, netbsd.Route{Dst: to, Gateway: via})
}

func (n netBSD) setForwarding() error {
	if err := n.p.SetSysctl("net.inet.ip.forwarding", "1"); err != nil {
		return err
	}
	return n.p.SetSysctl("net.inet6.ip6.forwarding", "1")
}
