//go:build linux && (amd64 || arm64)

package sentry_test

import (
	"bytes"
	"errors"
	"math/rand"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/link/pipe"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/hypercall"
)

func TestConsole(t *testing.T) {
	var got bytes.Buffer
	k := bootConfig(t, sentry.Options{}, backends.Config{Console: &got})
	s := callerOf(k.Init())
	for _, fd := range []int{1, 2} {
		s.must(t, unix.SYS_WRITE, num(fd), in([]byte("out ")), num(4))
	}
	fd := s.must(t, unix.SYS_OPENAT, num(unix.AT_FDCWD), text("/dev/console"), num(unix.O_RDWR), num(0))
	s.must(t, unix.SYS_WRITE, fdNum(fd), in([]byte("console")), num(7))
	if got.String() != "out out console" {
		t.Errorf("the console has %q", got.String())
	}
	if n := s.must(t, unix.SYS_READ, num(0), out(make([]byte, 8)), num(8)); n != 0 {
		t.Errorf("read of standard input gave %d bytes", n)
	}
}

// failingWriter fails every write.
type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("no more paper") }

func TestConsoleThatFails(t *testing.T) {
	k := bootConfig(t, sentry.Options{}, backends.Config{Console: failingWriter{}})
	if _, err := callerOf(k.Init())(unix.SYS_WRITE, num(1), in([]byte("x")), num(1)); !isErrno(err, unix.EIO) {
		t.Errorf("write to a console that fails: %v, want EIO", err)
	}
}

func TestRandomSource(t *testing.T) {
	draw := func(seed int64) string {
		k := bootConfig(t, sentry.Options{}, backends.Config{Host: hypercall.Host{Random: rand.New(rand.NewSource(seed))}})
		s := callerOf(k.Init())
		buf := make([]byte, 16)
		s.must(t, unix.SYS_GETRANDOM, out(buf), num(len(buf)), num(0))
		fd := s.must(t, unix.SYS_OPENAT, num(unix.AT_FDCWD), text("/dev/urandom"), num(0), num(0))
		more := make([]byte, 16)
		s.must(t, unix.SYS_READ, fdNum(fd), out(more), num(len(more)))
		return string(buf) + string(more)
	}
	if a, b := draw(1), draw(1); a != b {
		t.Errorf("the same source gave %x and %x", a, b)
	}
	if a, b := draw(1), draw(2); a == b {
		t.Errorf("two sources gave %x", a)
	}
}

// TestNICs joins two kernels by a cable and sends between them.
func TestNICs(t *testing.T) {
	left, right := pipe.New("\x02\x00\x00\x00\x00\x01", "\x02\x00\x00\x00\x00\x02", 1500)
	a := boot(t, sentry.Options{NICs: []sentry.NIC{{
		Name: "eth0", Link: ethernet.New(left), Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fd00::1/64")},
	}}})
	b := boot(t, sentry.Options{NICs: []sentry.NIC{{
		Name: "eth0", Link: ethernet.New(right), Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/24")},
	}}})
	sa, sb := callerOf(a.Init()), callerOf(b.Init())
	if got := readFile(t, sa, "/proc/net/dev"); !strings.Contains(got, "eth0:") || !strings.Contains(got, "lo:") {
		t.Errorf("/proc/net/dev is %q", got)
	}
	addr := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: 0x1127, Addr: [4]byte{10, 0, 0, 2}}
	l := sb.must(t, unix.SYS_SOCKET, num(unix.AF_INET), num(unix.SOCK_STREAM), num(0))
	sb.must(t, unix.SYS_BIND, fdNum(l), in(bytesOf(&addr)), num(16))
	sb.must(t, unix.SYS_LISTEN, fdNum(l), num(1))
	c := sa.must(t, unix.SYS_SOCKET, num(unix.AF_INET), num(unix.SOCK_STREAM), num(0))
	sa.must(t, unix.SYS_CONNECT, fdNum(c), in(bytesOf(&addr)), num(16))
	peer := sb.must(t, unix.SYS_ACCEPT4, fdNum(l), num(0), num(0), num(0))
	sa.must(t, unix.SYS_WRITE, fdNum(c), in([]byte("over the wire")), num(13))
	buf := make([]byte, 32)
	n := sb.must(t, unix.SYS_READ, fdNum(peer), out(buf), num(len(buf)))
	if string(buf[:n]) != "over the wire" {
		t.Errorf("received %q", buf[:n])
	}
}

func TestBadNICs(t *testing.T) {
	left, _ := pipe.New("\x02\x00\x00\x00\x00\x01", "\x02\x00\x00\x00\x00\x02", 1500)
	for name, n := range map[string]sentry.NIC{
		"no name":     {Link: ethernet.New(left)},
		"long name":   {Name: strings.Repeat("e", 16), Link: ethernet.New(left)},
		"no link":     {Name: "eth0"},
		"name of lo":  {Name: "lo", Link: ethernet.New(left)},
		"bad address": {Name: "eth0", Link: ethernet.New(left), Addrs: []netip.Prefix{{}}},
	} {
		if k, err := sentry.Open(t.Context(), sentry.Options{NICs: []sentry.NIC{n}}, backends.Config{}); err == nil {
			k.Close()
			t.Errorf("%s: the kernel opened", name)
		}
	}
}

// deadNIC is an interface whose cable leads nowhere.
func deadNIC() sentry.NIC {
	left, _ := pipe.New("\x02\x00\x00\x00\x00\x01", "\x02\x00\x00\x00\x00\x02", 1500)
	return sentry.NIC{Name: "eth0", Link: ethernet.New(left), Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}
}
