package netlab_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/applets"
	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/all"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/vnet"
	"github.com/anykernel/anykernel/netlab"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stacks are the kernels whose stacks are tried against each other.
func stacks(t testing.TB) []string {
	specs := []string{"sentry"}
	if b, err := backends.Lookup("rump"); err == nil && b.Ready() == nil {
		specs = append(specs, "rump")
	} else if err == nil {
		t.Logf("without NetBSD: %v", b.Ready())
	}
	return specs
}

// pairs runs a test on every pair of stacks, in a topology where a and b are
// replaced by their kernels.
func pairs(t *testing.T, topology string, test func(t *testing.T, l *netlab.Lab)) {
	for _, a := range stacks(t) {
		for _, b := range stacks(t) {
			t.Run(a+" and "+b, func(t *testing.T) {
				test(t, open(t, fmt.Sprintf("%s\na: %s\nb: %s", topology, a, b)))
			})
		}
	}
}

func open(t testing.TB, topology string) *netlab.Lab {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
	l, err := netlab.Open(t.Context(), topology, netlab.Config{Network: vnet.Config{Seed: 1}})
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

// run is what an applet prints on a node.
func run(t testing.TB, l *netlab.Lab, node string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	p, end, err := applets.NewProcess(ctx, l.Kernel(node).Init(), args[0])
	must(t, err)
	defer end()
	if status := applets.Run(ctx, &applets.Env{Process: p, Stdout: &out, Stderr: &out}, args[0], args[1:]...); status != 0 {
		t.Fatalf("%s: %s has status %d: %s", node, strings.Join(args, " "), status, out.String())
	}
	return out.String()
}

// transfer sends n bytes over TCP from one node to an address of another, and
// holds them to their hash.
func transfer(t testing.TB, l *netlab.Lab, from, to, address string, n int) {
	t.Helper()
	transferPieces(t, l, from, to, address, n, n)
}

// transferPieces writes so many bytes at a time.
func transferPieces(t testing.TB, l *netlab.Lab, from, to, address string, n, piece int) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 60*time.Second)
	defer stop()
	listener, err := l.Kernel(to).Init().Listen(ctx, "tcp", net.JoinHostPort(address, "5001"))
	must(t, err)
	defer listener.Close()
	received := make(chan [sha256.Size]byte, 1)
	go func() {
		var sum [sha256.Size]byte
		defer func() { received <- sum }()
		c, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		h := sha256.New()
		if _, err := io.Copy(h, c); err != nil {
			t.Error(err)
		}
		h.Sum(sum[:0])
	}()
	c, err := l.Kernel(from).Init().Dial(ctx, "tcp", net.JoinHostPort(address, "5001"))
	if err != nil {
		listener.Close()
		<-received
		t.Fatal(err)
	}
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(data)
	for b := range slices.Chunk(data, piece) {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	must(t, c.Close())
	select {
	case sum := <-received:
		if sum != sha256.Sum256(data) {
			t.Errorf("%d bytes from %s to %s came out as others", n, from, to)
		}
	case <-ctx.Done():
		t.Fatalf("%d bytes from %s to %s did not arrive", n, from, to)
	}
}

func TestPairs(t *testing.T) {
	pairs(t, "a--sw--b", func(t *testing.T, l *netlab.Lab) {
		for _, to := range []string{"10.0.0.2", "fd00::2"} {
			if got := run(t, l, "a", "ping", "-c", "3", "-i", "10ms", to); !strings.Contains(got, "3 sent, 3 received") {
				t.Errorf("ping %s: %s", to, got)
			}
			transfer(t, l, "a", "b", to, 3<<20)
			datagrams(t, l, to, 1, 1000, 8000) // the last in fragments
		}
		if got := run(t, l, "b", "ping", "-c", "1", "a"); !strings.Contains(got, "PING a (10.0.0.1)") {
			t.Errorf("ping by name: %s", got)
		}
	})
}

// datagrams sends UDP from a and has them back from b.
func datagrams(t testing.TB, l *netlab.Lab, to string, sizes ...int) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	server, err := l.Kernel("b").Init().ListenPacket(ctx, "udp", net.JoinHostPort(to, "7"))
	must(t, err)
	defer server.Close()
	go func() {
		b := make([]byte, 64<<10)
		for {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			server.WriteTo(b[:n], from)
		}
	}()
	c, err := l.Kernel("a").Init().Dial(ctx, "udp", net.JoinHostPort(to, "7"))
	must(t, err)
	defer c.Close()
	for _, size := range sizes {
		sent := bytes.Repeat([]byte{byte(size)}, size)
		_, err := c.Write(sent)
		must(t, err)
		b := make([]byte, 64<<10)
		must(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		n, err := c.Read(b)
		if err != nil || !bytes.Equal(b[:n], sent) {
			t.Errorf("a datagram of %d bytes to %s came back as %d, %v", size, to, n, err)
		}
	}
}

// TestLargeFrames has frames go by that are as large as they may be, and none
// that are larger. Small writes leave NetBSD's kernel with more pieces of a
// frame than its driver takes.
func TestLargeFrames(t *testing.T) {
	for _, mtu := range []int64{9000, backends.MaxMTU} {
		for _, a := range stacks(t) {
			for _, b := range stacks(t) {
				t.Run(fmt.Sprintf("%s and %s, %d", a, b, mtu), func(t *testing.T) {
					l := open(t, fmt.Sprintf("a--b; a: %s mtu=%d; b: %s mtu=%d", a, mtu, b, mtu))
					var largest atomic.Int64
					l.Tap(func(p vnet.Passage) { largest.Store(max(largest.Load(), int64(len(p.Frame)))) })
					for _, to := range []string{"10.0.0.2", "fd00::2"} {
						largest.Store(0)
						transferPieces(t, l, "a", "b", to, 2<<20, 600)
						transfer(t, l, "a", "b", to, 4<<20)
						if n := largest.Load(); n < mtu-mtu/8 || n > mtu+14 {
							t.Errorf("the largest frame had %d bytes", n)
						}
						largest.Store(0)
						datagrams(t, l, to, 8900)
						if n := largest.Load(); n < 8900 {
							t.Errorf("a datagram of 8900 bytes went in frames of %d", n)
						}
					}
				})
			}
		}
	}
}

// TestPathMTU has a narrow link behind a router, of which the sender must learn.
func TestPathMTU(t *testing.T) {
	for _, router := range stacks(t) {
		pairs(t, "a--r--b; r: "+router+" mtu@b=1280", func(t *testing.T, l *netlab.Lab) {
			narrow, err := l.Cable("r", "b")
			must(t, err)
			var largest, fragments atomic.Int64
			narrow.Tap(func(p vnet.Passage) {
				if p.From != "b" {
					largest.Store(max(largest.Load(), int64(len(p.Frame))))
					if p.Frame[12] == 8 && p.Frame[13] == 0 && (p.Frame[20]&0x3f != 0 || p.Frame[21] != 0) {
						fragments.Add(1)
					}
				}
			})
			for _, to := range []string{"10.1.0.2", "fd00:0:0:1::2"} {
				if strings.Contains(to, ":") && router == "sentry" {
					continue // gVisor's kernel has no switch to forward IPv6
				}
				largest.Store(0)
				transfer(t, l, "a", "b", to, 1<<20)
				if n := largest.Load(); n < 1200 || n > 1280+14 {
					t.Errorf("to %s the largest frame behind the router had %d bytes", to, n)
				}
			}
			if n := fragments.Load(); n > 0 {
				t.Errorf("%d frames were fragments", n)
			}
		})
	}
}

// TestLoss has both stacks repeat what a link loses.
func TestLoss(t *testing.T) {
	pairs(t, "a--b loss=2% delay=1ms", func(t *testing.T, l *netlab.Lab) {
		transfer(t, l, "a", "b", "10.0.0.2", 1<<20)
		a, b := l.Cables[0].Ends()
		for _, end := range []vnet.Node{a, b} {
			st, err := l.Cables[0].Stats(end)
			must(t, err)
			if st.Lost == 0 {
				t.Errorf("of %d frames from %s none was lost", st.Sent, end.Name())
			}
		}
	})
}

// TestRouters sends across three networks.
func TestRouters(t *testing.T) {
	for _, k := range stacks(t) {
		t.Run(k, func(t *testing.T) {
			l := open(t, strings.ReplaceAll("a--sw1--r1--sw2--r2--b; c--sw2; a: K; b: K; c: K; r1: K; r2: K", "K", k))
			for _, route := range []string{"a b", "b a", "c a", "c b"} {
				from, to, _ := strings.Cut(route, " ")
				if got := run(t, l, from, "ping", "-c", "2", "-i", "1ms", to); !strings.Contains(got, "2 received") {
					t.Errorf("%s: %s", route, got)
				}
			}
			if got := l.Addrs("r2"); len(got) != 4 || got[0] != netip.MustParsePrefix("10.1.0.2/16") {
				t.Errorf("r2 has %v", got)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"a--b loss=x":              "loss",
		"a--b; a: nosuch":          `node "a": no kernel backend "nosuch"`,
		"a--b; a: host":            `node "a": kernel "host": host takes no network interfaces`,
		"a--b; a: sentry mtu=9":    `node "a": mtu=9: want a number from 68 to 32768`,
		"a--b; a: sentry ip=1":     `node "a": ip=1: "1" is no address with its network`,
		"a--b; a: sentry mtu@c=68": `node "a": mtu@c=68: there is no interface`,
		"a--b; a: sentry x=y":      `node "a": no option "x": there are ip and mtu`,
		"a--sw; sw: switch ip=1":   `node "sw": a switch has no options`,
		"a--tap0--b":               `node "tap0": a tap has one link, not 2`,
	} {
		l, err := netlab.Open(t.Context(), text, netlab.Config{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err == nil {
			l.Close()
		}
	}
	broken := netlab.Config{Devices: map[string]netlab.Device{
		"nat": func(context.Context, string, hypercall.Net, []netip.Prefix) (io.Closer, error) {
			return nil, errors.New("broken")
		},
	}}
	if _, err := netlab.Open(t.Context(), "a--nat", broken); err == nil || err.Error() != `node "nat": broken` {
		t.Errorf("a device that is broken: %v", err)
	}
}
