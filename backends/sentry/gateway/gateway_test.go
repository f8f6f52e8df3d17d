//go:build linux && (amd64 || arm64)

package gateway_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/all"
	"github.com/anykernel/anykernel/backends/sentry/gateway"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/netlab"
)

// server answers TCP and UDP outside, at an address of the host.
func server(t *testing.T) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b, _ := io.ReadAll(c)
			c.Write(append([]byte("outside got "), b...))
			c.Close()
		}
	}()
	u, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Skip(err) // somebody has the same port
	}
	t.Cleanup(func() { u.Close() })
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := u.ReadFrom(b)
			if err != nil {
				return
			}
			u.WriteTo(append([]byte("echo "), b[:n]...), from)
		}
	}()
	return l.Addr().String()
}

func TestGateway(t *testing.T) {
	specs := []string{"sentry"}
	if b, err := backends.Lookup("rump"); err == nil && b.Ready() == nil {
		specs = append(specs, "rump")
	}
	for _, spec := range specs {
		t.Run(spec, func(t *testing.T) { testGateway(t, spec) })
	}
}

func testGateway(t *testing.T, spec string) {
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
	outside := server(t)
	var g *gateway.Gateway
	lab, err := netlab.Open(t.Context(), "a--sw--nat; a: "+spec, netlab.Config{Devices: map[string]netlab.Device{
		"nat": func(_ context.Context, _ string, nic hypercall.Net, addrs []netip.Prefix) (io.Closer, error) {
			var err error
			g, err = gateway.New(nic, gateway.Config{Addrs: addrs, DNS: "192.0.2.53:53", Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				if address != "203.0.113.1:7" && address != "192.0.2.53:53" {
					return nil, net.ErrClosed
				}
				return new(net.Dialer).DialContext(ctx, network, outside)
			}})
			return g, err
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer lab.Close()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	p := lab.Kernel("a").Init()
	c, err := p.Dial(ctx, "tcp", "203.0.113.1:7")
	if err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("hello"))
	c.(interface{ CloseWrite() error }).CloseWrite()
	if b, err := io.ReadAll(c); string(b) != "outside got hello" || err != nil {
		t.Errorf("TCP to the outside: %q, %v", b, err)
	}
	c.Close()
	if c, err := p.Dial(ctx, "tcp", "203.0.113.2:7"); err == nil {
		c.Close()
		t.Error("what is refused outside was connected inside")
	}
	for _, to := range []string{"203.0.113.1:7", "10.0.0.2:53"} { // outside, and the name server
		u, err := p.Dial(ctx, "udp", to)
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		u.Write([]byte("datagram"))
		u.SetReadDeadline(time.Now().Add(10 * time.Second))
		b := make([]byte, 100)
		if n, err := u.Read(b); string(b[:n]) != "echo datagram" || err != nil {
			t.Errorf("UDP to %s: %q, %v", to, b[:n], err)
		}
	}
	if c, err := p.Dial(ctx, "tcp", "10.0.0.2:7"); err == nil {
		c.Close()
		t.Error("the gateway itself took a connection")
	}
	if text, err := p.ReadFile("/etc/resolv.conf"); string(text) != "nameserver 10.0.0.2\n" || err != nil {
		t.Errorf("/etc/resolv.conf is %q, %v", text, err)
	}

	l, err := p.Listen(ctx, "tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			io.WriteString(c, "from inside")
			c.Close()
		}
	}()
	f, err := g.Forward("127.0.0.1:0", "10.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	in, err := net.Dial("tcp", f.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if b, err := io.ReadAll(in); string(b) != "from inside" || err != nil {
		t.Errorf("from outside: %q, %v", b, err)
	}
	if _, err := g.Forward("127.0.0.1:0", "nowhere"); err == nil {
		t.Error("a forward to nowhere was made")
	}
}
