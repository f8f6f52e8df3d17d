package sim_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/all"
	"github.com/anykernel/anykernel/sim"
)

func needRump(t testing.TB) {
	t.Helper()
	b, err := backends.Lookup("rump")
	if err == nil {
		err = b.Ready()
	}
	if err != nil {
		t.Skip(err)
	}
}

// transfer has a client send n bytes to a server, which sends back their
// number.
func transfer(w *sim.World, conditions string, n int) {
	lab := w.Lab("client--server " + conditions) // and what the kernels are
	ctx := context.Background()
	l, err := lab.Kernel("server").Init().Listen(ctx, "tcp", ":80")
	w.Check(err)
	w.Go("server", func() {
		c, err := l.Accept()
		w.Check(err)
		got, err := io.Copy(io.Discard, c)
		w.Check(err)
		fmt.Fprintln(c, got)
		w.Check(c.Close())
	})
	c, err := lab.Kernel("client").Init().Dial(ctx, "tcp", "server:80")
	w.Check(err)
	w.Check(c.SetDeadline(w.Now().Add(time.Hour)))
	_, err = c.Write(make([]byte, n))
	w.Check(err)
	w.Check(c.(interface{ CloseWrite() error }).CloseWrite())
	var got int
	_, err = fmt.Fscanln(c, &got)
	w.Check(err)
	if got != n {
		w.Failf("%d bytes came, want %d", got, n)
	}
	w.Check(c.Close())
}

func TestTransfer(t *testing.T) {
	needRump(t)
	for seed := range uint64(10) {
		var want sim.Result
		for run := range 2 {
			start := time.Now()
			r := sim.Run(seed, sim.Options{}, func(w *sim.World) { transfer(w, "loss=5% delay=10ms", 20_000) })
			if r.Err != nil {
				t.Fatalf("seed %d: %v", seed, r.Err)
			}
			if run == 0 {
				want = r
				t.Logf("seed %d: %v in %v, %d turns, %d faults", seed, r.Elapsed, time.Since(start), r.Steps, len(r.Faults))
			} else if r.Trace != want.Trace {
				t.Errorf("seed %d has the traces %016x and %016x", seed, want.Trace, r.Trace)
			}
		}
	}
}
