package netif

import (
	"net"
	"net/netip"
)

// An Interface is a network interface.
type Interface struct {
	Index        int
	Name         string
	Flags        []string // such as "UP": those that the kernel has, in its order
	MTU          int      // bytes
	HardwareAddr net.HardwareAddr
	State        string // of its link: "UP", "DOWN", "UNKNOWN" and others
	Stats        Stats
}

// Has reports whether the interface has a flag, such as "LOOPBACK".
func (i *Interface) Has(flag string) bool {
	for _, f := range i.Flags {
		if f == flag {
			return true
		}
	}
	return false
}

// Stats are an interface's counters since it was made.
type Stats struct {
	RXPackets, RXBytes, RXErrors, RXDropped uint64
	TXPackets, TXBytes, TXErrors, TXDropped uint64
}

// An Address is an address of an interface.
type Address struct {
	Interface string
	Prefix    netip.Prefix // the address, and the length of its network
	Broadcast netip.Addr   // invalid for none
	Scope     string       // where it means something: "global", "link", "host" and others
}

// A Route is where packets to a network go.
type Route struct {
	Dst       netip.Prefix
	Gateway   netip.Addr // invalid for what an interface reaches directly
	Source    netip.Addr // the address to send from; invalid for the kernel's choice
	Interface string     // "" for the kernel's choice
	Metric    int        // the lowest is taken; kernels without it have 0
}
