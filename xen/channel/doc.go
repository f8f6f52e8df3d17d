// Package channel joins a guest with the program that started it: connections
// as of package net, over one network interface of the guest that leads there
// and nowhere else.
//
//	h, err := channel.NewHost()             // outside
//	config.Networks = []launch.Network{h.Network()}
//	err = h.Accept(ctx)                     // when the guest was started
//	conn, err := h.Dial(ctx)
//
//	g, err := channel.Join(ctx, nic)        // in the guest
//	err = http.Serve(g, handler)
//
// Both ends have gvisor's network stack, and fixed addresses on that link. No
// privilege is needed, and no port of the machine is taken: QEMU is reached by a
// Unix socket in a folder that only its user can enter.
//
// What may be in this room: how bytes get to a guest and back. What may not:
// what they mean.
package channel
