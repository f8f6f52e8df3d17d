// Package vnet is an Ethernet in memory: switches, links between them, and
// network interfaces that kernels, programs and the host plug into.
//
//	n, err := vnet.New(vnet.Config{Seed: 1})
//	a, err := n.NIC("a")
//	b, err := n.NIC("b")
//	l, err := n.Link(a, b)
//	err = l.Set(vnet.Conditions{Loss: 0.01, Delay: 20 * time.Millisecond})
//
// A [NIC] is a [hypercall.Net]: a kernel that is opened with it has its network
// interface there. What a link does to frames ([Conditions]) holds for each way
// on its own, is drawn from the network's seed, and may be changed at any time.
//
// # Time and order
//
// A network is one queue of events, ordered by time and, where times are equal,
// by when they were entered. One goroutine works it off, by this machine's
// clock: there is no goroutine per frame, link or interface. A network with a
// clock of its own has no goroutine at all; whoever moves the clock works the
// queue off by [Network.Step]. Then the same seed and the same frames sent in
// the same order give the same deliveries in the same order.
//
// # Frames
//
// A frame is copied once, when it is sent, into a buffer that the network owns
// until the last interface that it is for has taken it; receivers copy what they
// keep. Everything in between, switches and duplicates too, shares the buffer,
// and nobody writes to it: corruption makes a copy.
//
// What may be in this room: Ethernet, and what a wire does to it. What may not:
// a kernel, and protocols above Ethernet, except for what a topology says of
// them in text.
package vnet
