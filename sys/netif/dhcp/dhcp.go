// Package dhcp gets a kernel's interface an address by DHCP (RFC 2131), over
// github.com/insomniacslk/dhcp.
//
// What may be in this room: the client, and what a server gave. What may not: a
// server; how an interface is given an address, which is package netif's.
package dhcp

import (
	"net/netip"
	"time"
)

// A Lease is what a server gave.
type Lease struct {
	Addr    netip.Prefix
	Gateway netip.Addr // invalid where there is none
	DNS     []netip.Addr
	Time    time.Duration // how long it holds; 0: it was not said
}
