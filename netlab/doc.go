// Package netlab joins kernels by a virtual network, as a topology says in text:
//
//	lab, err := netlab.Open(ctx, "client--sw--server delay=10ms; server: rump", netlab.Config{Kernel: "sentry"})
//	defer lab.Close()
//	l, err := lab.Kernel("server").Init().Listen(ctx, "tcp", ":80")
//	c, err := lab.Kernel("client").Init().Dial(ctx, "tcp", "server:80")
//
// It opens the kernels, plugs them in, gives them addresses, names and routes,
// and has those with several interfaces forward packets. See [vnet.Topology] for
// the text, [Open] for what stands behind a node's name, and
// [github.com/anykernel/anykernel/hypercall/vnet] for what links can do.
//
// What may be in this room: the plan of a network, and what carries it out on
// kernels of any kind. What may not: a backend, and frames.
package netlab
