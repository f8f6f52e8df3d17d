package applets

import (
	"net/netip"
	"strings"

	"github.com/anykernel/anykernel/sys/netbsd"
	"github.com/anykernel/anykernel/sys/netif"
)

var ifconfig = &Applet{
	Name:     "ifconfig",
	Summary:  "show and configure interfaces",
	Synopsis: "[NAME [create | destroy | linkstr FILE | [ADDRESS/BITS] [up | down] [mtu N]]]",
	raw:      true,
	flags:    simple(runIfconfig),
}

func runIfconfig(j *job, args []string) error {
	if len(args) > 0 && args[0] == "-a" {
		args = args[1:]
	}
	n, err := j.network()
	if err != nil {
		return err
	}
	defer n.Close()
	if len(args) > 1 {
		return configure(n, j, args)
	}
	list, err := interfacesNamed(n, args)
	if err != nil {
		return err
	}
	addrs, err := n.Addresses()
	if err != nil {
		return err
	}
	for i := range list {
		j.printInterface(&list[i], addrs)
	}
	return nil
}

// configure does what the words behind an interface's name say.
func configure(n netif.Net, j *job, args []string) error {
	name := args[0]
	switch args[1] {
	case "create":
		return n.Create(name, strings.TrimRight(name, "0123456789"))
	case "destroy":
		return n.Destroy(name)
	case "linkstr":
		if err := operands(args, 3, 3); err != nil {
			return err
		}
		return netbsd.SetLink(j.p, name, args[2])
	}
	p, err := netip.ParsePrefix(args[1])
	if err != nil {
		return setLink(n, j, args)
	}
	if _, err := interfaceNamed(n, name); err != nil {
		return err
	}
	if err := n.AddAddress(name, p); err != nil {
		return err
	}
	// An address brings the interface up, as everywhere.
	return setLink(n, j, append([]string{name, "up"}, args[2:]...))
}

func (j *job) printInterface(i *netif.Interface, addrs []netif.Address) {
	j.printf("%s: flags=<%s> mtu %d\n", i.Name, strings.Join(i.Flags, ","), i.MTU)
	j.printAddresses(addrs, i.Name)
	if len(i.HardwareAddr) > 0 {
		j.printf("    ether %s\n", i.HardwareAddr)
	}
	s := &i.Stats
	j.printf("    RX packets %d bytes %d errors %d dropped %d\n", s.RXPackets, s.RXBytes, s.RXErrors, s.RXDropped)
	j.printf("    TX packets %d bytes %d errors %d dropped %d\n", s.TXPackets, s.TXBytes, s.TXErrors, s.TXDropped)
}
