// Package nl speaks netlink to any kernel that has Linux's ABI, over sockets
// of package sys: [Dial] gives the connection of mdlayher/netlink, for all
// that is built on that; [DialRoute] configures interfaces, addresses and
// routes with the messages of jsimonetti/rtnetlink, as ip(8) does.
//
//	r, err := nl.DialRoute(k.Init())
//	lo, err := r.Link("lo")
//	err = r.SetUp(lo.Index, true)
//	err = r.AddAddress(lo.Index, netip.MustParsePrefix("10.0.0.1/8"))
//
// What may be in this room: the socket, and short ways to do what ip(8) does.
// What may not: the encoding of messages, which the libraries do.
package nl
