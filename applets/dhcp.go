package applets

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/anykernel/anykernel/sys/netif"
	"github.com/anykernel/anykernel/sys/netif/dhcp"
)

var dhcpApplet = &Applet{
	Name:       "dhcp",
	Summary:    "get an interface an address, a route and a name server by DHCP",
	Synopsis:   "INTERFACE",
	Concurrent: true,
	flags:      simple(runDHCP),
}

func runDHCP(j *job, args []string) error {
	if err := operands(args, 1, 1); err != nil {
		return err
	}
	name := args[0]
	n, err := netif.Dial(j.p)
	if err != nil {
		return err
	}
	defer n.Close()
	i, err := netif.Find(n, name)
	if err != nil {
		return err
	}
	if err := n.SetUp(name, true); err != nil {
		return err
	}
	lease, err := dhcp.Request(j.ctx, j.p, name, i.HardwareAddr)
	if err != nil {
		return err
	}
	if err := n.AddAddress(name, lease.Addr); err != nil {
		return err
	}
	if lease.Gateway.IsValid() {
		if err := netif.AddRoute(j.p, netip.PrefixFrom(netip.IPv4Unspecified(), 0), lease.Gateway); err != nil {
			return err
		}
	}
	if err := j.writeNameServers(lease.DNS); err != nil {
		return err
	}
	j.printf("%s: %v by %v for %v\n", name, lease.Addr, lease.Gateway, lease.Time)
	return nil
}

// writeNameServers writes resolv.conf(5), where there are any.
func (j *job) writeNameServers(servers []netip.Addr) error {
	if len(servers) == 0 {
		return nil
	}
	var text strings.Builder
	for _, a := range servers {
		fmt.Fprintf(&text, "nameserver %v\n", a)
	}
	if err := j.p.MkdirAll("/etc", 0o755); err != nil {
		return err
	}
	return j.p.WriteFile("/etc/resolv.conf", []byte(text.String()), 0o644)
}
