// Command network makes a network of NetBSD kernels in this process: a client,
// a server, and any number of routers in a row between them, joined two by two
// through Ethernets in shared memory. It opens a TCP connection from end to
// end, reboots every router, and shows that the connection has survived.
//
//	go run ./examples/rump/network -routers 2
//	go run ./examples/rump/network -6
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	_ "github.com/anykernel/anykernel/backends/rump"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/netbsd"
	"github.com/anykernel/anykernel/sys/netif"
)

func main() {
	routers := flag.Int("routers", 1, "how many routers stand between client and server")
	six := flag.Bool("6", false, "IPv6")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout, *routers, *six); err != nil {
		log.Fatal(err)
	}
}

// A chain is kernels in a row: 0 is the client, the last one the server. Bus
// number i joins kernels i and i+1, which have the addresses 1 and 2 in
// network i.
type chain struct {
	dir     string // of the buses
	six     bool
	kernels []*sys.Kernel
}

func run(ctx context.Context, w io.Writer, routers int, six bool) error {
	dir, err := os.MkdirTemp("", "network")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := &chain{dir, six, make([]*sys.Kernel, routers+2)}
	defer c.close()
	for i := range c.kernels {
		if err := c.boot(ctx, i); err != nil {
			return err
		}
	}
	l, err := c.server().Listen(ctx, "tcp", netip.AddrPortFrom(c.addr(routers, 2), 7).String())
	if err != nil {
		return err
	}
	defer l.Close()
	go echo(l)
	conn, err := c.kernels[0].Init().Dialer().DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	if err := ask(w, conn, answers, "the first line"); err != nil {
		return err
	}
	for i := 1; i <= routers; i++ {
		if err := c.kernels[i].Close(); err != nil {
			return err
		}
		if err := c.boot(ctx, i); err != nil {
			return err
		}
		fmt.Fprintf(w, "router %d was rebooted\n", i)
	}
	return ask(w, conn, answers, "the same connection")
}

func (c *chain) server() *sys.Process { return c.kernels[len(c.kernels)-1].Init() }

func (c *chain) close() {
	for _, k := range c.kernels {
		if k != nil {
			k.Close()
		}
	}
}

// echo sends back what one visitor says.
func echo(l net.Listener) {
	conn, err := l.Accept()
	if err == nil {
		io.Copy(conn, conn)
		conn.Close()
	}
}

// ask sends a line and writes what comes back.
func ask(w io.Writer, conn net.Conn, answers *bufio.Reader, line string) error {
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return err
	}
	answer, err := answers.ReadString('\n')
	fmt.Fprintf(w, "echoed: %s", answer)
	return err
}

// boot boots kernel i, plugs it in and tells it the ways.
func (c *chain) boot(ctx context.Context, i int) error {
	k, err := sys.Open(ctx, fmt.Sprintf("rump:net_netinet,net_netinet6,net_shmif?hostname=k%d", i))
	if err != nil {
		return err
	}
	c.kernels[i] = k
	p := k.Init()
	last := len(c.kernels) - 1
	var failed []error
	if i > 0 {
		failed = append(failed, c.plug(p, i-1, 2))
	}
	if i < last {
		failed = append(failed, c.plug(p, i, 1))
	}
	if i > 0 && i < last {
		failed = append(failed, netif.Forward(p))
	}
	for far := range last { // networks that are not next to it
		switch {
		case far > i:
			failed = append(failed, netif.AddRoute(p, c.prefix(far, 0), c.addr(i, 2)))
		case far < i-1:
			failed = append(failed, netif.AddRoute(p, c.prefix(far, 0), c.addr(i-1, 1)))
		}
	}
	return errors.Join(failed...)
}

// plug gives p's kernel an interface on a bus.
func (c *chain) plug(p *sys.Process, bus, host int) error {
	name := fmt.Sprint("shmif", bus)
	if err := netbsd.CreateInterface(p, name); err != nil {
		return err
	}
	if err := netbsd.SetLink(p, name, filepath.Join(c.dir, fmt.Sprint("bus", bus))); err != nil {
		return err
	}
	if err := netif.Configure(p, name, netif.Config{Addrs: []netip.Prefix{c.prefix(bus, host)}}); err != nil {
		return err
	}
	return greet(p, netip.AddrPortFrom(c.addr(bus, 3-host), 9))
}

// greet sends a datagram to a neighbour, who so learns the new Ethernet address
// of whoever was rebooted. IPv4 tells it by itself.
func greet(p *sys.Process, to netip.AddrPort) error {
	conn, err := p.Dialer().Dial("udp", to.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte("hello"))
	return err
}

func (c *chain) addr(network, host int) netip.Addr { return c.prefix(network, host).Addr() }

func (c *chain) prefix(network, host int) netip.Prefix {
	if c.six {
		return netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 7: byte(network), 15: byte(host)}), 64)
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(network), byte(host)}), 24)
}
