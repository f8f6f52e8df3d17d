// Package netstack gives a bare guest TCP/IP: gVisor's network stack on the
// guest's own interface, with the interfaces of package net.
//
//	devices, err := device.Open()
//	nic, err := devices.NIC(0)
//	s, err := netstack.New(ctx, nic, netstack.Config{})     // by DHCP
//	l, err := s.Listen("tcp", ":80")
//	err = http.Serve(l, nil)
//
// A program that wants all of a kernel opens backends/sentry instead, with the
// interface attached through package link.
//
// What may be in this room: configuration of the stack, and listening and
// dialing on it. What may not: drivers.
package netstack
