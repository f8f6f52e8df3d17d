package sim_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anykernel/anykernel/hypercall/turns"
	"github.com/anykernel/anykernel/sim"
)

// workVariable names what a worker of these tests runs.
const workVariable = "SIM_TEST_WORK"

// works are what workers run.
var works = map[string]func(c sim.Case) sim.Result{
	"transfer": func(c sim.Case) sim.Result {
		return sim.Run(c.Seed, c.Options(sim.Options{}), func(w *sim.World) { transfer(w, "loss=5% delay=10ms", 20_000) })
	},
	"transfer on sentry": func(c sim.Case) sim.Result {
		return sim.Run(c.Seed, c.Options(sim.Options{}), func(w *sim.World) {
			transfer(w, "loss=5% delay=10ms; client: sentry; server: sentry", 20_000)
		})
	},
	"unlucky": func(c sim.Case) sim.Result {
		return turns.Run(c.Seed, c.Options(sim.Options{}).Options, unlucky)
	},
	"seed 3 crashes": func(c sim.Case) sim.Result {
		if c.Seed == 3 {
			fmt.Fprintln(os.Stderr, "what a crash says")
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return sim.Result{Seed: c.Seed}
	},
	"seed 3 hangs": func(c sim.Case) sim.Result {
		if c.Seed == 3 {
			time.Sleep(time.Hour)
		}
		return sim.Result{Seed: c.Seed}
	},
	"seed 3 differs": func(c sim.Case) sim.Result {
		r := sim.Result{Seed: c.Seed, Trace: 1}
		if c.Seed == 3 {
			r.Trace = uint64(time.Now().UnixNano())
		}
		return r
	},
}

func TestMain(m *testing.M) {
	if !sim.IsWorker() {
		os.Exit(m.Run())
	}
	if err := sim.Work(works[os.Getenv(workVariable)]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pool(work string) *sim.Pool {
	return &sim.Pool{Command: func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), workVariable+"="+work)
		return cmd
	}}
}

// collect runs seeds, and is their records.
func collect(t *testing.T, p *sim.Pool, first, last uint64) (all []sim.Record) {
	t.Helper()
	err := p.Run(t.Context(), sim.Seeds(first, last), func(r sim.Record) bool {
		all = append(all, r)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPool(t *testing.T) {
	t.Parallel()
	p := pool("unlucky")
	p.Jobs, p.Runs = 4, 2
	records := collect(t, p, 5, 2000)
	if len(records) != 1996 {
		t.Fatalf("%d records", len(records))
	}
	for i, r := range records {
		want := turns.Run(r.Seed, turns.Options{}, unlucky)
		if r.Seed != uint64(5+i) || r.Trace != fmt.Sprintf("%016x", want.Trace) || r.Failed != (want.Err != nil) {
			t.Fatalf("record %d is %+v, want %+v", i, r, want)
		}
	}
}

func TestPoolFailures(t *testing.T) {
	t.Parallel()
	for work, want := range map[string]string{
		"seed 3 crashes": "signal: killed\nwhat a crash says",
		"seed 3 hangs":   "no end within 2s",
		"seed 3 differs": "not deterministic",
	} {
		p := pool(work)
		p.Runs, p.Timeout = 2, 2*time.Second
		for _, r := range collect(t, p, 0, 9) {
			if r.Failed != (r.Seed == 3) || r.Failed && !strings.Contains(r.Error, want) {
				t.Errorf("%s: %+v", work, r)
			}
		}
	}
}

func TestPoolEnds(t *testing.T) {
	t.Parallel()
	seen := 0
	err := pool("unlucky").Run(t.Context(), sim.Seeds(0, 1<<63), func(sim.Record) bool {
		seen++
		return seen < 10
	})
	if err != nil || seen != 10 {
		t.Errorf("%d records, %v", seen, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err = pool("unlucky").Run(ctx, sim.Seeds(0, 1<<63), func(sim.Record) bool { return true })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a pool whose context ended: %v", err)
	}
	broken := &sim.Pool{Command: func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, "/nowhere") }}
	if _, err = broken.One(t.Context(), sim.Case{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a command that is not there: %v", err)
	}
}

// TestThousandSeeds has a thousand seeds give the same in three runs, each in
// another process.
func TestThousandSeeds(t *testing.T) {
	needRump(t)
	seeds := uint64(1000)
	if testing.Short() {
		seeds = 50
	}
	p := pool("transfer")
	p.Runs = 3
	start, elapsed := time.Now(), 0.0
	traces := map[string]bool{}
	for _, r := range collect(t, p, 1, seeds) {
		if r.Failed {
			t.Errorf("seed %d: %s", r.Seed, r.Error)
		}
		elapsed += r.Elapsed
		traces[r.Trace] = true
	}
	if len(traces) != int(seeds) {
		t.Errorf("%d seeds have %d traces", seeds, len(traces))
	}
	t.Logf("%d seeds, 3 runs each, of %.1f s on average: %v", seeds, elapsed/float64(seeds), time.Since(start).Round(time.Millisecond))
}

// TestSentry has gVisor's kernel take part in a world. Its goroutines have no
// turns, so that runs of a seed may differ: few do, but with the race detector,
// which has goroutines run in random order.
func TestSentry(t *testing.T) {
	t.Parallel()
	p := pool("transfer on sentry")
	p.Runs = 3
	differ, lost, traces := 0, 0, map[string]bool{}
	for _, r := range collect(t, p, 1, 50) {
		switch {
		case strings.HasPrefix(r.Error, "not deterministic"):
			differ++
		case r.Failed:
			t.Errorf("seed %d: %s", r.Seed, r.Error)
		}
		lost += len(r.Faults)
		traces[r.Trace] = true
	}
	if differ > 25 || lost == 0 || len(traces) < 45 {
		t.Errorf("of 50 seeds %d differ in three runs; %d frames were lost, and there are %d traces", differ, lost, len(traces))
	}
	t.Logf("%d of 50 seeds differ in three runs", differ)
}
