package kerneltest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/anykernel/anykernel/sim"
)

// SimCase is the environment variable that has [Sim] run one case, with a log of
// all that happens.
const SimCase = "ANYKERNEL_CASE"

// Sim runs main in a world of the seed; see package sim for what is the same in
// every run. A failure of the run fails the test, with a line that repeats the
// run. Kernels of which nothing is said are NetBSD's: see [NeedKernel].
//
// Where the environment variable ANYKERNEL_CASE is set to a case, such as
// "42 only=1,7", that is run in the seed's place.
//
// One world runs in a process at a time. A test of many seeds is better made
// with [SimSeeds].
func Sim(t testing.TB, seed uint64, main func(w *sim.World)) {
	t.Helper()
	c := sim.Case{Seed: seed}
	if text := os.Getenv(SimCase); text != "" {
		var err error
		if c, err = sim.ParseCase(text); err != nil {
			t.Fatalf("%s: %v", SimCase, err)
		}
	}
	simOne(t, c, main)
}

func simOne(t testing.TB, c sim.Case, main func(w *sim.World)) {
	t.Helper()
	o := sim.Options{}
	if os.Getenv(SimCase) != "" {
		o.Log = func(at time.Duration, what string) { t.Logf("%14.6f %s", at.Seconds(), what) }
	}
	leaks.enter()
	t.Cleanup(func() { leaks.leave(t) })
	start := time.Now()
	r := sim.NewRecord(c, sim.Run(c.Seed, c.Options(o), main), time.Since(start))
	t.Logf("case %s: %.3f s, %d faults, trace %s", r.Case, r.Elapsed, len(r.Faults), r.Trace)
	if r.Failed {
		simFailed(t, r)
	}
}

// simFailed fails the test for a run.
func simFailed(t testing.TB, r sim.Record) {
	t.Helper()
	faults := ""
	for _, f := range r.Faults {
		faults += fmt.Sprintf("\n  fault %d at %.6f s: %s", f.Number, f.At, f.Name)
	}
	t.Errorf("case %s: %s%s\nrun it again: %s='%s' go test -run '%s' -v", r.Case, r.Error, faults, SimCase, r.Case, only(t))
}

// only is what -test.run takes for the test alone.
func only(t testing.TB) string {
	words := strings.Split(t.Name(), "/")
	for i, w := range words {
		words[i] = "^" + regexp.QuoteMeta(w) + "$"
	}
	return strings.Join(words, "/")
}

// SimSeeds runs main for the seeds from first to last, on all processors: the
// test binary is run once for each, and has the same test serve it with seeds.
// The first run that fails is made smaller, see [sim.Shrink], and fails the test
// with a line that repeats it.
//
// With ANYKERNEL_CASE it is [Sim]. A test calls it once, and calls nothing that
// prints or fails before it.
func SimSeeds(t *testing.T, first, last uint64, main func(w *sim.World)) {
	t.Helper()
	switch {
	case sim.IsWorker():
		err := sim.Work(func(c sim.Case) sim.Result { return sim.Run(c.Seed, c.Options(sim.Options{}), main) })
		if err != nil {
			t.Fatal(err)
		}
		return
	case os.Getenv(SimCase) != "":
		Sim(t, first, main)
		return
	}
	pool := &sim.Pool{Command: func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, os.Args[0], "-test.run", only(t), "-test.count=1")
	}}
	failed, err := firstFailure(t, pool, first, last)
	switch {
	case err != nil:
		t.Fatal(err)
	case failed == nil:
		return
	}
	small, err := sim.Shrink(*failed, func(c sim.Case) (sim.Record, error) { return pool.One(t.Context(), c) }, nil)
	if err != nil {
		t.Errorf("making case %s smaller: %v", failed.Case, err)
	}
	t.Logf("seed %d failed with %d faults; the smallest case that fails like that has %d", failed.Seed, len(failed.Faults), len(small.Faults))
	simFailed(t, small)
}

// firstFailure runs seeds until a run fails. It is nil where none does.
func firstFailure(t *testing.T, pool *sim.Pool, first, last uint64) (failed *sim.Record, err error) {
	runs, elapsed, start := 0, 0.0, time.Now()
	err = pool.Run(t.Context(), sim.Seeds(first, last), func(r sim.Record) bool {
		runs++
		elapsed += r.Elapsed
		if r.Failed {
			failed = &r
		}
		return !r.Failed
	})
	t.Logf("%d seeds, %.0f s of their time, in %v", runs, elapsed, time.Since(start).Round(time.Millisecond))
	return failed, err
}
