// Package link attaches a guest's network interface to a network stack of
// gVisor: alone, as package netstack does, or inside of the kernel of
// backends/sentry.
//
// What may be in this room: the adapter between device.NIC and
// stack.LinkEndpoint. What may not: protocols above Ethernet.
package link
