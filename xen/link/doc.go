// Package link attaches a guest's network interface to what carries on from
// there: a kernel that is opened in the guest ([Net]), or a network stack of
// gVisor alone ([New]), as package netstack does.
//
//	cfg := backends.Config{NICs: []backends.NIC{{Net: link.Net(nic), MTU: nic.MTU()}}}
//	k, err := sys.OpenConfig(ctx, "sentry", cfg)
//
// What may be in this room: adapters of device.NIC. What may not: protocols
// above Ethernet.
package link
