// Package device finds a bare guest's devices: network interfaces and disks,
// whatever drives them. It is what programs in a guest start from.
//
//	devices, err := device.Open()
//	nic := devices.NICs[0]
//
// # What the toolstack of Xen asks for
//
// From [Open] on, or [OpenBus], a domain answers its toolstack. `xl save`
// suspends it, for `xl restore` to let it go on: disks wait until their requests are
// done, interfaces lose what is under way, and both go on in the new domain by
// themselves, with whatever uses them. `xl shutdown` and `xl reboot` send
// SIGTERM to the program, which ends it, or is handled by it:
//
//	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
//	defer stop()
//	go server.Serve(l)
//	<-ctx.Done()          // xl shutdown, xl reboot
//	server.Shutdown(…)    // and the domain ends with main
//
// The toolstack is told which of the two it was, so that xl reboot starts the
// domain anew. A request for another amount of memory (`xl mem-set`) is refused
// with a line on the console: a guest keeps what it was given.
//
// What may be in this room: what all network interfaces and all disks can do,
// and where to look for them. What may not: drivers.
package device
