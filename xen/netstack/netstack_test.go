//go:build linux && (amd64 || arm64)

package netstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/anykernel/anykernel/backends/sentry/gateway"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/vnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A station is a device.NIC on a network in memory.
type station struct {
	*vnet.NIC
	link   hypercall.Link
	frames chan []byte

	mu       sync.Mutex
	changed  chan struct{} // closed with a new deadline
	deadline time.Time
	closed   bool
}

func plug(t testing.TB, at *vnet.NIC) *station {
	t.Helper()
	s := &station{NIC: at, frames: make(chan []byte, 1024), changed: make(chan struct{})}
	l, err := at.Attach(hypercall.NIC{}, func(frame []byte) {
		select {
		case s.frames <- append([]byte(nil), frame...):
		default: // the receiver is slow
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s.link = l
	return s
}

func (s *station) MTU() int { return 1500 }

func (s *station) ReadFrame(b []byte) (int, error) {
	for {
		s.mu.Lock()
		changed, deadline, closed := s.changed, s.deadline, s.closed
		s.mu.Unlock()
		if closed {
			return 0, fs.ErrClosed
		}
		var late <-chan time.Time
		if !deadline.IsZero() {
			late = time.After(time.Until(deadline))
		}
		select {
		case f := <-s.frames:
			return copy(b, f), nil
		case <-late:
			return 0, os.ErrDeadlineExceeded
		case <-changed:
		}
	}
}

func (s *station) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *station) SetReadDeadline(t time.Time) error {
	s.change(func() { s.deadline = t })
	return nil
}

func (s *station) WriteFrame(b []byte) error {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return fs.ErrClosed
	}
	s.link.Send(b)
	return nil
}

func (s *station) Close() error {
	s.change(func() { s.closed = true })
	return nil
}

// cable is two interfaces with a cable in between.
func cable(t testing.TB) (a, b *vnet.NIC) {
	t.Helper()
	n := vnet.New(vnet.Config{})
	t.Cleanup(func() { n.Close() })
	a, err1 := n.NIC("a")
	b, err2 := n.NIC("b")
	_, err3 := n.Link(a, b)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// pair is two stacks on one cable, 10.0.0.1 and 10.0.0.2.
func pair(t testing.TB) (a, b *Stack) {
	t.Helper()
	x, y := cable(t)
	var all []*Stack
	for i, at := range []*vnet.NIC{x, y} {
		s, err := New(t.Context(), plug(t, at), Config{Addr: netip.MustParsePrefix(fmt.Sprintf("10.0.0.%d/24", i+1))})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		all = append(all, s)
	}
	return all[0], all[1]
}

func TestHTTP(t *testing.T) {
	a, b := pair(t)
	l, err := a.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("0123456789", 100_000)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })}
	go server.Serve(l)
	client := &http.Client{Transport: &http.Transport{DialContext: b.DialContext}}
	for range 3 {
		r, err := client.Get("http://10.0.0.1/")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || string(got) != body {
			t.Errorf("the answer has %d bytes, %v, want %d", len(got), err, len(body))
		}
	}
	client.CloseIdleConnections()
	server.Close()
}

func TestDatagrams(t *testing.T) {
	a, b := pair(t)
	l, err := a.ListenPacket("udp", "10.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := b.DialContext(t.Context(), "udp", "10.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, from, err := l.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "question" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	if host, _, _ := net.SplitHostPort(from.String()); host != "10.0.0.2" {
		t.Errorf("a datagram from %v", from)
	}
	if _, err := l.WriteTo([]byte("answer"), from); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "answer" {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

func TestRefusals(t *testing.T) {
	a, b := pair(t)
	l, err := a.Listen("tcp", "0.0.0.0:80")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx := t.Context()
	for name, err := range map[string]error{
		"listen network":   second(a.Listen("tcp6", ":81")),
		"listen port":      second(a.Listen("tcp", ":65536")),
		"listen twice":     second(a.Listen("tcp", ":80")),
		"listen elsewhere": second(a.Listen("tcp", "10.9.9.9:81")),
		"listen IPv6":      second(a.Listen("tcp", "[fd00::1]:81")),
		"listen a name":    second(a.Listen("tcp", "somewhere:81")),
		"packet network":   second(a.ListenPacket("unixgram", ":81")),
		"packet address":   second(a.ListenPacket("udp", "81")),
		"dial network":     second(b.DialContext(ctx, "unix", "10.0.0.1:80")),
		"dial no port":     second(b.DialContext(ctx, "tcp", "10.0.0.1")),
		"dial closed":      second(b.DialContext(ctx, "tcp", "10.0.0.1:81")),
		"dial no route":    second(b.DialContext(ctx, "tcp", "192.0.2.1:80")),
		"no name server":   second(b.DialContext(ctx, "tcp", "example.org:80")),
	} {
		if err == nil {
			t.Errorf("%s succeeded", name)
		}
	}
}

func second(v any, err error) error {
	if err == nil && v != nil {
		v.(io.Closer).Close()
	}
	return err
}

// TestClose: what waits on a stack that is closed ends.
func TestClose(t *testing.T) {
	a, b := pair(t)
	l, err := a.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 3)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(c, "x") // from here on both ends are connected
		go func() { ended <- second(l.Accept()) }()
		_, err = c.Read(make([]byte, 1))
		ended <- err
	}()
	c, err := b.DialContext(t.Context(), "tcp", "10.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	for range 3 { // the other end is told
		if err := <-ended; err == nil {
			t.Error("a read on a closed stack succeeded")
		}
	}
}

func TestBadConfig(t *testing.T) {
	for _, cfg := range []Config{
		{Addr: netip.MustParsePrefix("fd00::1/64")},
		{Addr: netip.MustParsePrefix("10.0.0.1/24"), Gateway: netip.MustParseAddr("fd00::1")},
	} {
		at, _ := cable(t)
		nic := plug(t, at)
		if _, err := New(t.Context(), nic, cfg); err == nil || !strings.Contains(err.Error(), "want IPv4") {
			t.Errorf("%+v: %v", cfg, err)
		}
		if err := nic.WriteFrame(nil); !errors.Is(err, fs.ErrClosed) {
			t.Error("the interface was left open")
		}
	}
}

// nameServer knows one name, and is at an address of this machine.
func nameServer(t *testing.T) string {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Header.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Name.String() == "box.example." && q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
					Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}},
				}}
			}
			if b, err := m.Pack(); err == nil {
				c.WriteTo(b, from)
			}
		}
	}()
	return c.LocalAddr().String()
}

// TestGateway: a stack gets its addresses by DHCP, and is led outside by name.
func TestGateway(t *testing.T) {
	x, y := cable(t)
	dialed := make(chan string, 1)
	g, err := gateway.New(y, gateway.Config{
		Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}, DHCP: true, DNS: nameServer(t),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if network == "udp" {
				return (&net.Dialer{}).DialContext(ctx, network, address)
			}
			dialed <- address
			ours, theirs := net.Pipe()
			go func() {
				io.WriteString(theirs, "hello")
				theirs.Close()
			}()
			return ours, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	s, err := New(t.Context(), plug(t, x), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	gate := netip.MustParseAddr("10.0.0.1")
	if c := s.Config(); c.Addr.String() != "10.0.0.128/24" || c.Gateway != gate || len(c.DNS) != 1 || c.DNS[0] != gate {
		t.Errorf("DHCP gave %+v", c)
	}
	c, err := s.DialContext(t.Context(), "tcp", "box.example:80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, err := io.ReadAll(c); string(b) != "hello" || err != nil {
		t.Errorf("outside says %q, %v", b, err)
	}
	if to := <-dialed; to != "192.0.2.7:80" {
		t.Errorf("the gateway was asked for %s", to)
	}
	if _, err := s.DialContext(t.Context(), "tcp", "other.example:80"); err == nil {
		t.Error("a name that is not there was dialled")
	}
}

// TestNoServer: where nobody gives addresses, New ends with its context and
// gives the interface back.
func TestNoServer(t *testing.T) {
	at, other := cable(t)
	plug(t, other)
	nic := plug(t, at)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := New(ctx, nic, Config{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the context's error", err)
	}
	if err := nic.WriteFrame(nil); !errors.Is(err, fs.ErrClosed) {
		t.Error("the interface was left open")
	}
}

// FuzzFrames lets a network send anything, while there is an address and
// before: nothing breaks, and the stack still answers.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{1, 2, 3})
	f.Add(append(append([]byte("\xff\xff\xff\xff\xff\xff"), 2, 0, 0, 0, 0, 9, 8, 0, 0x45), make([]byte, 40)...))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x09\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		frame = frame[:min(len(frame), 1514)]
		x, y := cable(t)
		other := plug(t, y)
		nic := plug(t, x)
		raw := &rawConn{nic: nic, mac: nic.HardwareAddr()}
		other.WriteFrame(frame)
		raw.SetReadDeadline(time.Now().Add(time.Millisecond))
		raw.ReadFrom(make([]byte, 1500))
		nic.SetReadDeadline(time.Time{})
		a, err := New(t.Context(), nic, Config{Addr: netip.MustParsePrefix("10.0.0.1/24")})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		other.WriteFrame(frame)
		b, err := New(t.Context(), other, Config{Addr: netip.MustParsePrefix("10.0.0.2/24")})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		l, err := a.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c, err := b.DialContext(t.Context(), "tcp", "10.0.0.1:80")
		if err != nil {
			t.Fatalf("after a frame of %d bytes: %v", len(frame), err)
		}
		c.Close()
	})
}
