package applets

import (
	"fmt"
	"net/netip"

	"github.com/anykernel/anykernel/sys/linux/nl"
)

var ifconfig = &Applet{
	Name:     "ifconfig",
	Summary:  "show and configure interfaces",
	Synopsis: "[NAME [ADDRESS/BITS] [up | down] [mtu N]]",
	raw:      true,
	flags:    simple(runIfconfig),
}

func runIfconfig(j *job, args []string) error {
	if len(args) > 0 && args[0] == "-a" {
		args = args[1:]
	}
	r, err := nl.DialRoute(j.p)
	if err != nil {
		return fmt.Errorf("no netlink on this kernel: %s", message(err))
	}
	defer r.Close()
	if len(args) > 1 {
		return configure(r, j, args)
	}
	links, err := linksNamed(r, args)
	if err != nil {
		return err
	}
	addrs, err := r.Addresses()
	if err != nil {
		return err
	}
	for i := range links {
		j.printInterface(&links[i], addrs)
	}
	return nil
}

// configure does what the words behind an interface's name say.
func configure(r *nl.Route, j *job, args []string) error {
	p, err := netip.ParsePrefix(args[1])
	if err != nil {
		return setLink(r, j, args)
	}
	l, err := linkNamed(r, args[0])
	if err != nil {
		return err
	}
	if err := r.AddAddress(l.Index, p); err != nil {
		return err
	}
	// An address brings the interface up, as everywhere.
	return setLink(r, j, append([]string{args[0], "up"}, args[2:]...))
}

func (j *job) printInterface(l *nl.Link, addrs []nl.Address) {
	j.printf("%s: flags=<%s> mtu %d\n", l.Name, l.Flags, l.MTU)
	for _, a := range addrs {
		if a.Index == l.Index {
			j.printAddress(&a)
		}
	}
	if len(l.HardwareAddr) > 0 {
		j.printf("    ether %s\n", l.HardwareAddr)
	}
	s := &l.Stats
	j.printf("    RX packets %d bytes %d errors %d dropped %d\n", s.RXPackets, s.RXBytes, s.RXErrors, s.RXDropped)
	j.printf("    TX packets %d bytes %d errors %d dropped %d\n", s.TXPackets, s.TXBytes, s.TXErrors, s.TXDropped)
}
