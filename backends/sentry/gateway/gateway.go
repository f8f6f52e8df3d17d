//go:build linux && (amd64 || arm64)

package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/hypercall"
)

// A Config says what a gateway is like.
type Config struct {
	// Addrs are its addresses on the network.
	Addrs []netip.Prefix
	// MTU is the size of the largest packet; 0 is 1500.
	MTU int
	// Dial makes connections outside, over "tcp" or "udp"; nil is net.Dialer's.
	// An error refuses one: stations see a reset, or nothing. What may be
	// reached is this function's to say.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DNS is the name server that answers at port 53 of the gateway's own
	// addresses; "" is this machine's first. It is dialled as others are.
	DNS string
	// DHCP gives stations that ask for one an address of the upper half of the
	// gateway's first IPv4 network, with itself as router and name server.
	DHCP bool
}

// Limits of a gateway. What exceeds them is refused.
const (
	MaxConnections = 4096 // of both protocols
	maxOpening     = 512  // TCP connections that are being made
	dialTime       = 30 * time.Second
	udpIdle        = 2 * time.Minute // how long a flow of UDP is remembered
)

const nicID tcpip.NICID = 1

// A Gateway is one that runs. Its methods may be called concurrently.
type Gateway struct {
	stack *stack.Stack
	dial  func(context.Context, string, string) (net.Conn, error)
	own   map[netip.Addr]bool
	dns   string // "": nobody answers
	ctx   context.Context
	end   context.CancelFunc
	slots chan struct{}

	mu     sync.Mutex
	open   map[io.Closer]struct{}
	closed bool
	work   sync.WaitGroup
}

// New plugs a gateway in.
func New(network hypercall.Net, c Config) (*Gateway, error) {
	g := &Gateway{
		dial: c.Dial, own: map[netip.Addr]bool{}, dns: c.DNS, slots: make(chan struct{}, MaxConnections), open: map[io.Closer]struct{}{},
		stack: stack.New(stack.Options{
			NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol, arp.NewProtocol},
			TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
		}),
	}
	if g.dial == nil {
		g.dial = new(net.Dialer).DialContext
	}
	if g.dns == "" {
		g.dns = nameServer()
	}
	g.ctx, g.end = context.WithCancel(context.Background())
	if err := g.plugIn(network, c); err != nil {
		g.Close()
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return g, nil
}

// plugIn makes the interface. It takes packets for any address, and sends from
// any: it stands for the whole outside.
func (g *Gateway) plugIn(network hypercall.Net, c Config) error {
	link, err := sentry.NewEthernet(network, hypercall.NIC{Name: "gateway"}, c.MTU)
	if err != nil {
		return err
	}
	if err := g.stack.CreateNIC(nicID, link); err != nil {
		link.Close()
		return errors.New(err.String())
	}
	for _, a := range c.Addrs {
		g.own[a.Addr()] = true
		protocol := ipv4.ProtocolNumber
		if a.Addr().Is6() {
			protocol = ipv6.ProtocolNumber
		}
		with := tcpip.AddressWithPrefix{Address: tcpip.AddrFromSlice(a.Addr().AsSlice()), PrefixLen: a.Bits()}
		if err := g.stack.AddProtocolAddress(nicID, tcpip.ProtocolAddress{Protocol: protocol, AddressWithPrefix: with}, stack.AddressProperties{}); err != nil {
			return fmt.Errorf("address %v: %s", a, err)
		}
	}
	g.stack.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nicID}, {Destination: header.IPv6EmptySubnet, NIC: nicID}})
	if err := g.stack.SetPromiscuousMode(nicID, true); err != nil {
		return errors.New(err.String())
	}
	if err := g.stack.SetSpoofing(nicID, true); err != nil {
		return errors.New(err.String())
	}
	g.stack.SetTransportProtocolHandler(tcp.ProtocolNumber, tcp.NewForwarder(g.stack, 0, maxOpening, g.tcp).HandlePacket)
	g.stack.SetTransportProtocolHandler(udp.ProtocolNumber, udp.NewForwarder(g.stack, g.udp).HandlePacket)
	if c.DHCP {
		return g.serveDHCP(c.Addrs)
	}
	return nil
}

// start runs f on a goroutine, unless there are too many or the gateway ends.
func (g *Gateway) start(f func()) bool {
	select {
	case g.slots <- struct{}{}:
	default:
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		<-g.slots
		return false
	}
	g.work.Go(func() {
		defer func() { <-g.slots }()
		f()
	})
	return true
}

// tcp makes a connection outside before the station's is answered, so that one
// that is refused outside is refused inside.
func (g *Gateway) tcp(r *tcp.ForwarderRequest) {
	if !g.start(func() {
		out, err := g.connect("tcp", r.ID())
		if err != nil {
			r.Complete(true)
			return
		}
		var wq waiter.Queue
		ep, terr := r.CreateEndpoint(&wq)
		r.Complete(terr != nil)
		if terr != nil {
			out.Close()
			return
		}
		g.join(gonet.NewTCPConn(&wq, ep), out, 0)
	}) {
		r.Complete(true)
	}
}

func (g *Gateway) udp(r *udp.ForwarderRequest) bool {
	var wq waiter.Queue
	ep, err := r.CreateEndpoint(&wq)
	if err != nil {
		return true
	}
	in := gonet.NewUDPConn(&wq, ep)
	if !g.start(func() {
		out, err := g.connect("udp", r.ID())
		if err != nil {
			in.Close()
			return
		}
		g.join(in, out, udpIdle)
	}) {
		in.Close()
	}
	return true
}

// connect makes the connection outside that a station asks for.
func (g *Gateway) connect(network string, id stack.TransportEndpointID) (net.Conn, error) {
	to, ok := netip.AddrFromSlice(id.LocalAddress.AsSlice())
	if !ok {
		return nil, errors.New("no address")
	}
	address := netip.AddrPortFrom(to, id.LocalPort).String()
	if g.own[to] {
		const domain = 53
		if id.LocalPort != domain || g.dns == "" {
			return nil, errors.New("the gateway has no such service")
		}
		address = g.dns
	}
	ctx, stop := context.WithTimeout(g.ctx, dialTime)
	defer stop()
	return g.dial(ctx, network, address)
}

// nameServer is the first that this machine asks; "" where it has none.
func nameServer() string {
	text, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "nameserver" {
			if a, err := netip.ParseAddr(words[1]); err == nil {
				return netip.AddrPortFrom(a, 53).String()
			}
		}
	}
	return ""
}

// join passes what comes from one connection to the other until both have ended,
// or nothing has come for idle; 0 is for ever.
func (g *Gateway) join(a, b net.Conn, idle time.Duration) {
	if !g.keep(a) || !g.keep(b) {
		a.Close()
		b.Close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pass(a, b, idle) })
	both.Go(func() { pass(b, a, idle) })
	both.Wait()
	g.drop(a)
	g.drop(b)
}

// pass copies in one direction, and its end.
func pass(to, from net.Conn, idle time.Duration) {
	if idle == 0 {
		_, err := io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
			_ = half.CloseWrite()
			return
		}
		to.Close()
		return
	}
	buf := make([]byte, 64<<10)
	for {
		_ = from.SetReadDeadline(time.Now().Add(idle))
		n, err := from.Read(buf)
		if err == nil {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			to.Close()
			from.Close()
			return
		}
	}
}

// keep has a connection closed with the gateway.
func (g *Gateway) keep(c io.Closer) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.open[c] = struct{}{}
	}
	return !g.closed
}

func (g *Gateway) drop(c io.Closer) {
	g.mu.Lock()
	delete(g.open, c)
	g.mu.Unlock()
	c.Close()
}

// Forward lets connections in: what connects to an address of this machine is
// connected to one of the network, over TCP. It ends with the listener's Close,
// or the gateway's.
func (g *Gateway) Forward(from, to string) (net.Listener, error) {
	target, err := netip.ParseAddrPort(to)
	if err != nil {
		return nil, fmt.Errorf("forward to %q: want an address and a port: %w", to, err)
	}
	l, err := net.Listen("tcp", from)
	if err != nil {
		return nil, err
	}
	if !g.keep(l) || !g.start(func() { g.accept(l, target) }) {
		l.Close()
		return nil, net.ErrClosed
	}
	return l, nil
}

func (g *Gateway) accept(l net.Listener, to netip.AddrPort) {
	defer g.drop(l)
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if !g.start(func() { g.enter(c, to) }) {
			c.Close()
		}
	}
}

func (g *Gateway) enter(c net.Conn, to netip.AddrPort) {
	ctx, stop := context.WithTimeout(g.ctx, dialTime)
	defer stop()
	protocol := ipv4.ProtocolNumber
	if to.Addr().Is6() {
		protocol = ipv6.ProtocolNumber
	}
	in, err := gonet.DialContextTCP(ctx, g.stack, tcpip.FullAddress{NIC: nicID, Addr: tcpip.AddrFromSlice(to.Addr().AsSlice()), Port: to.Port()}, protocol)
	if err != nil {
		c.Close()
		return
	}
	g.join(c, in, 0)
}

// Close ends all connections and pulls the plug.
func (g *Gateway) Close() error {
	g.mu.Lock()
	g.closed = true
	var open []io.Closer
	for c := range g.open {
		open = append(open, c)
	}
	g.mu.Unlock()
	g.end()
	for _, c := range open {
		c.Close()
	}
	g.work.Wait()
	g.stack.Destroy()
	return nil
}
