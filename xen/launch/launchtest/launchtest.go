// Package launchtest helps tests to run programs in guests under QEMU. Without
// QEMU or the go command they are skipped.
//
// What may be in this room: what tests of several packages need. What may not:
// what a program would need, too.
package launchtest

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anykernel/anykernel/images"
	"github.com/anykernel/anykernel/xen/launch"
)

// Need skips a test where guests cannot be made or run.
func Need(t testing.TB) {
	t.Helper()
	for tool, from := range map[string]string{"qemu-system-x86_64": "apt-get install qemu-system-x86", "go": "https://go.dev/dl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here: %s", tool, from)
		}
	}
}

// Image compiles a package and makes an image of it.
func Image(t testing.TB, pkg string, c images.Config) (path string) {
	t.Helper()
	Need(t)
	program, err := images.Compile(t.Context(), pkg)
	if err != nil {
		t.Fatal(err)
	}
	c.Program = program
	image, err := images.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "test.img")
	if err := os.WriteFile(path, image, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// startTime bounds the start of a guest on a slow and busy machine.
const startTime = 2 * time.Minute

// Start runs a guest, to the end of the test at most, and waits until its
// console says something.
func Start(t testing.TB, c launch.Config, until string) (*launch.Guest, *Console) {
	t.Helper()
	console := &Console{}
	c.Console = console
	g, err := launch.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Kill() })
	for deadline := time.Now().Add(startTime); !strings.Contains(console.String(), until); {
		if time.Now().After(deadline) {
			t.Fatalf("the guest does not say %q; the console said\n%s", until, console)
		}
		select {
		case <-g.Done():
			t.Fatalf("the guest ended; the console said\n%s", console)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return g, console
}

// Forward is a network that leads from an address of this machine, which it
// returns, to a TCP port of the guest.
func Forward(t testing.TB, port uint16) (launch.Network, netip.AddrPort) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(l.Addr().(*net.TCPAddr).Port))
	return launch.Network{User: true, Forwards: []launch.Forward{{Protocol: "tcp", Host: at, Guest: port}}}, at
}

// A Console keeps what a guest prints.
type Console struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to it.
func (c *Console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.Write(b)
}

// String is all that was printed.
func (c *Console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.String()
}
