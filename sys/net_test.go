package sys_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/host"
	"github.com/anykernel/anykernel/backends/kerneltest"
	_ "github.com/anykernel/anykernel/backends/rump"
	_ "github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/sys"
)

var (
	_ interface {
		net.Conn
		io.ReaderFrom
		CloseWrite() error
		CloseRead() error
	} = (*sys.Conn)(nil)
	_ net.Listener = (*sys.Listener)(nil)
)

// A netCase is a network, an address to listen on, and what the kernel must be
// able to do.
type netCase struct {
	network, address string
	needs            backends.Capability
}

// socketPath is a name for a Unix socket in every kernel.
func socketPath(name string) string { return fmt.Sprintf("/tmp/anykernel-%d-%s", os.Getpid(), name) }

// listenDial is a listener, and both ends of a connection to it.
func listenDial(k *sys.Kernel, network, address string) (l *sys.Listener, client, server net.Conn, err error) {
	ctx := context.Background()
	if l, err = k.Init().Listen(ctx, network, address); err != nil {
		return nil, nil, nil, err
	}
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	if client, err = k.Init().Dial(ctx, network, l.Addr().String()); err != nil {
		l.Close()
		<-accepted
		return nil, nil, nil, err
	}
	if server = <-accepted; server == nil {
		err = errors.New("nothing was accepted")
	}
	return l, client, server, err
}

func TestConn(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		for _, n := range []netCase{
			{"tcp", "127.0.0.1:0", backends.TCP}, {"tcp", "[::1]:0", backends.IPv6}, {"unix", socketPath("conn"), backends.Unix},
		} {
			t.Run(n.network+" "+n.address, func(t *testing.T) {
				kerneltest.Need(t, k, n.needs)
				nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
					l, c1, c2, err := listenDial(k, n.network, n.address)
					if err != nil {
						return nil, nil, nil, err
					}
					return c1, c2, func() { l.Close(); c1.Close(); c2.Close() }, nil
				})
			})
		}
	})
}

func TestConnErrors(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		ctx := t.Context()
		l, client, server, err := listenDial(k, "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if client.RemoteAddr().String() != l.Addr().String() || client.LocalAddr().String() != server.RemoteAddr().String() {
			t.Errorf("client %v to %v, server %v to %v", client.LocalAddr(), client.RemoteAddr(), server.LocalAddr(), server.RemoteAddr())
		}
		if _, ok := client.RemoteAddr().(*net.TCPAddr); !ok {
			t.Errorf("the peer of a TCP connection is a %T", client.RemoteAddr())
		}
		server.Close()
		if n, err := client.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("read behind the end: %d, %v", n, err)
		}
		client.Close()
		_, err = client.Read(make([]byte, 1))
		checkOpError(t, err, "read", net.ErrClosed)
		checkOpError(t, client.Close(), "close", net.ErrClosed)

		stopped := make(chan error)
		go func() {
			_, err := l.Accept()
			stopped <- err
		}()
		time.Sleep(10 * time.Millisecond)
		address := l.Addr().String()
		l.Close()
		checkOpError(t, <-stopped, "accept", net.ErrClosed)

		_, err = k.Init().Dial(ctx, "tcp", address)
		checkOpError(t, err, "dial", sys.ECONNREFUSED)
		for network, address := range map[string]string{
			"tcp": "127.0.0.1", "nonesuch": "127.0.0.1:1", "tcp6": "127.0.0.1:1", "udp": "127.0.0.1:99999", "unix": strings.Repeat("x", 200),
		} {
			if c, err := k.Init().Dial(ctx, network, address); err == nil {
				c.Close()
				t.Errorf("dial %s %s succeeded", network, address)
			}
		}
	})
}

func checkOpError(t *testing.T, err error, op string, is error) {
	t.Helper()
	var o *net.OpError
	if !errors.As(err, &o) || o.Op != op || !errors.Is(err, is) {
		t.Errorf("%T %v: want a net.OpError of %s that is %v", err, err, op, is)
	}
}

func TestDialContext(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := k.Init().Dial(ctx, "tcp", "127.0.0.1:1"); !errors.Is(err, context.Canceled) && !errors.Is(err, sys.ECONNREFUSED) {
			t.Errorf("dial with a context that ended: %v", err)
		}
		// A listener whose queue is full answers nobody: connecting takes for ever.
		p := k.Init()
		s, err := p.Socket(sys.AF_INET, sys.SOCK_STREAM|sys.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := errors.Join(s.Bind(sys.Inet(netip.MustParseAddr("127.0.0.1"), 0)), s.Listen(0)); err != nil {
			t.Fatal(err)
		}
		addr, err := s.LocalAddr()
		if err != nil {
			t.Fatal(err)
		}
		d := p.Dialer()
		d.Timeout = 200 * time.Millisecond
		for range 10 {
			c, err := d.Dial("tcp", addr.String())
			if err == nil {
				defer c.Close()
				continue
			}
			var e net.Error
			if !errors.As(err, &e) || !e.Timeout() || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("dial that takes too long: %v", err)
			}
			return
		}
		t.Log("the kernel queued 10 connections for a backlog of 0")
	})
}

func TestHTTP(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		kerneltest.Need(t, k, backends.TCP)
		l, err := k.Init().Listen(t.Context(), "tcp", "localhost:0")
		if err != nil {
			t.Fatal(err)
		}
		data := bytes.Repeat([]byte("served by any kernel\n"), 100000)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "data", time.Time{}, bytes.NewReader(data))
		})}
		go server.Serve(l)
		defer server.Close()
		transport := &http.Transport{DialContext: k.Init().Dialer().DialContext}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				resp, err := client.Get("http://" + l.Addr().String() + "/data")
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				h := sha256.New()
				if _, err := io.Copy(h, resp.Body); err != nil {
					t.Error(err)
				}
				if want := sha256.Sum256(data); !bytes.Equal(h.Sum(nil), want[:]) {
					t.Error("what came is not what was served")
				}
			})
		}
		wg.Wait()
	})
}

func TestPacketConn(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		for _, n := range []netCase{
			{"udp", "127.0.0.1:0", backends.TCP}, {"udp", "[::1]:0", backends.IPv6}, {"udp", ":0", backends.TCP},
			{"unixgram", socketPath("gram-%d"), backends.Unix},
		} {
			t.Run(n.network+" "+n.address, func(t *testing.T) {
				kerneltest.Need(t, k, n.needs)
				testPacketConn(t, k, n.network, n.address)
			})
		}
	})
}

func testPacketConn(t *testing.T, k *sys.Kernel, network, address string) {
	ctx := t.Context()
	listen := func(i int) *sys.PacketConn {
		c, err := k.Init().ListenPacket(ctx, network, strings.ReplaceAll(address, "%d", fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			c.Close()
			if u, ok := c.LocalAddr().(*net.UnixAddr); ok {
				_ = k.Init().Unlink(u.Name)
			}
		})
		return c
	}
	a, b := listen(1), listen(2)
	to := b.LocalAddr()
	if u, ok := to.(*net.UDPAddr); ok && u.IP.IsUnspecified() {
		to = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: u.Port} // a mapped address must do
	}
	if n, err := a.WriteTo([]byte("datagram"), to); n != 8 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	buf := make([]byte, 100)
	n, from, err := b.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "datagram" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	if _, err := b.WriteTo([]byte("back"), from); err != nil {
		t.Fatalf("answer to %v: %v", from, err)
	}
	if n, err := a.Read(buf); string(buf[:n]) != "back" || err != nil {
		t.Errorf("%q, %v", buf[:n], err)
	}
	b.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, _, err := b.ReadFrom(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read past the deadline: %v", err)
	}
	c, err := k.Init().Dial(ctx, network, to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.(net.PacketConn).WriteTo([]byte("x"), to); !errors.Is(err, net.ErrWriteToConnected) {
		t.Errorf("WriteTo on a connected socket: %v", err)
	}
	if network != "udp" {
		return // gVisor sends no empty datagrams over Unix sockets
	}
	if _, err := c.Write(nil); err != nil {
		t.Errorf("an empty datagram: %v", err)
	}
	b.SetReadDeadline(time.Time{})
	if n, _, err := b.ReadFrom(buf); n != 0 || err != nil {
		t.Errorf("an empty datagram came as %d, %v", n, err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if n, addr, err := b.ReadFromUDPAddrPort(buf); n != 1 || addr.String() != c.LocalAddr().String() || err != nil {
		t.Errorf("%d from %v, %v, want 1 from %v", n, addr, err, c.LocalAddr())
	} else if _, err := b.WriteToUDPAddrPort([]byte("y"), addr); err != nil {
		t.Error(err)
	}
}

func TestListenEverywhere(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		l, err := k.Init().Listen(t.Context(), "tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		hosts := []string{"127.0.0.1", "localhost", ""}
		if k.Capabilities().Has(backends.IPv6) {
			hosts = append(hosts, "::1")
		}
		for _, host := range hosts {
			c, err := k.Init().Dial(t.Context(), "tcp", net.JoinHostPort(host, port))
			if err != nil {
				t.Errorf("host %q: %v", host, err)
				continue
			}
			s, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if s.LocalAddr().String() != c.RemoteAddr().String() {
				t.Errorf("host %q: the server is %v, the client's peer %v", host, s.LocalAddr(), c.RemoteAddr())
			}
			s.Close()
			c.Close()
		}
		if _, err := k.Init().Listen(t.Context(), "tcp", ":"+port); !errors.Is(err, sys.EADDRINUSE) {
			t.Errorf("listening twice: %v", err)
		}
	})
}

func TestUnixListenerRemovesItsName(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		path := socketPath("listener")
		for range 2 {
			l, c, s, err := listenDial(k, "unix", path)
			if err != nil {
				t.Fatal(err)
			}
			if c.RemoteAddr().String() != path {
				t.Errorf("the peer is %v", c.RemoteAddr())
			}
			c.Close()
			s.Close()
			l.Close()
		}
	})
}
