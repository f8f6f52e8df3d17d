package ledger_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends/kerneltest"
	_ "github.com/anykernel/anykernel/backends/rump"
	"github.com/anykernel/anykernel/examples/sim/ledger"
	"github.com/anykernel/anykernel/sim"
)

// forgets is the environment variable that has the server forget.
const forgets = "LEDGER_FORGETS"

// TestLedger has clients add to the balance over a link that loses frames, on
// NetBSD's TCP, for 200 seeds. With LEDGER_FORGETS=1 it fails.
func TestLedger(t *testing.T) {
	kerneltest.NeedKernel(t, "rump")
	kerneltest.SimSeeds(t, 0, 199, add)
}

// add is one run.
func add(w *sim.World) {
	ctx := context.Background()
	lab := w.Lab("client--server loss=0.5% delay=20ms")
	l, err := lab.Kernel("server").Init().Listen(ctx, "tcp", ":80")
	w.Check(err)
	server := &ledger.Server{Go: w.Go, Forgets: os.Getenv(forgets) != ""}
	w.Go("server", func() { w.Check(server.Serve(l)) })

	clients, each := w.Int("clients", 1, 3), w.Int("requests", 1, 5)
	wait, left := w.NewWait(func() string { return "the clients" }), clients
	for n := range clients {
		w.Go(fmt.Sprint("client ", n), func() {
			c := ledger.Client{
				Dial: func(ctx context.Context) (net.Conn, error) {
					return lab.Kernel("client").Init().Dial(ctx, "tcp", "server:80")
				},
				Now:     w.Now,
				Timeout: time.Second,
			}
			for i := range each {
				w.Check(c.Add(ctx, fmt.Sprintf("%d.%d", n, i), 1))
			}
			if left--; left == 0 {
				wait.Wake()
			}
		})
	}
	wait.Wait(nil)
	if got := server.Balance(); got != clients*each {
		w.Failf("the balance is %d, and %d was added", got, clients*each)
	}
}

// smallest is what a test says of the smallest case, which one lost answer is
// enough for: the client asks again, and the amount is added twice.
var smallest = regexp.MustCompile(`case (\d+ only=\d+[^:]*): (the balance is \d+, and \d+ was added)\n +fault \d+ at .*: loss on server>client\n +run it again`)

// TestBugIsFound runs the test above with the bug: a seed finds it, it is made
// smaller, and the case that is printed repeats it.
func TestBugIsFound(t *testing.T) {
	kerneltest.NeedKernel(t, "rump")
	out := fails(t)
	m := smallest.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no smallest case in:\n%s", out)
	}
	again := fails(t, kerneltest.SimCase+"="+m[1])
	if !strings.Contains(again, m[2]) {
		t.Errorf("%s is not repeated:\n%s", m[1], again)
	}
}

// fails runs TestLedger with the bug, and is what that prints.
func fails(t *testing.T, environ ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestLedger$", "-test.v")
	cmd.Env = append(append(os.Environ(), forgets+"=1"), environ...)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("the bug was not found:\n%s", out)
	}
	return string(out)
}
