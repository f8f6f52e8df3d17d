// Package gateway is a way out of a virtual network that needs no root: a host on
// the network, on a network stack of gVisor's, that makes the connections of
// others outside, with sockets of this program, and lets connections in.
//
//	g, err := gateway.New(nic, gateway.Config{Addrs: addrs})
//	l, err := g.Forward("127.0.0.1:8080", "10.0.0.2:80")
//
// TCP and UDP pass, and nothing else. At the gateway's own addresses a name server
// answers, which is this machine's, and echo requests are answered. What stations see as the other end's address is the true one; what
// the outside sees is this program.
//
// What may be in this room: the gateway. What may not: kernels. It stands below
// backends/sentry because that is where gVisor is known.
package gateway
