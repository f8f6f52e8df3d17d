package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/hypercall/vnet"
	"github.com/anykernel/anykernel/sim"
	"github.com/anykernel/anykernel/sim/scenario"
)

func newSimCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sim [--seeds A..B | --case CASE] SCRIPT",
		Short: "Run a scenario for many seeds, in virtual time",
		Long: `Run a scenario of kernels, programs and a network between them as one
deterministic whole: one seed, one run, bit for bit. Time is the scenario's own;
it jumps when all wait, so that an hour of it takes no time.

SCRIPT is a Starlark program with a function scenario(w); see package
sim/scenario for what it may do, and examples/sim for some.

Each run is written as a line of JSON, in the order of the seeds, with the case
that repeats it, whether it failed and why, a hash over everything that happened,
and the faults. The exit status is 1 if a run failed.

With --shrink, the first failure is made smaller: faults are left out one by one,
and numbers lowered, as long as it fails in the same way. The last line is the
smallest case.`,
		Example: `  anykernel sim -k sentry --seeds 0..999 examples/sim/ledger.star
  anykernel sim --seeds 0..999 --shrink examples/sim/ledger.star
  anykernel sim --case '17 only=3' --log examples/sim/ledger.star`,
		Args: cobra.ExactArgs(1),
	}
	s := &simulation{env: e, pool: &sim.Pool{}, recording: recordFlags(cmd)}
	f := cmd.Flags()
	f.StringVarP(&s.kernel, "kernel", "k", "rump", "the `kernel` of nodes of which the scenario says nothing")
	f.StringVar(&s.seeds, "seeds", "0..99", "the `seeds` to run, from A to B")
	f.StringVar(&s.one, "case", "", "run one `case`, as a record or a failure names it")
	f.BoolVar(&s.shrink, "shrink", false, "stop at the first failure, and make it smaller")
	f.BoolVar(&s.log, "log", false, "tell all that happens, with --case")
	f.StringVar(&s.capture, "capture", "", "write the frames of all links to a pcapng `file`, with --case")
	f.IntVarP(&s.pool.Jobs, "jobs", "j", 0, "how many runs are made at a time (default: one for each processor)")
	f.IntVar(&s.pool.Runs, "runs", 1, "make each run so often, and fail where it is not the same")
	f.DurationVar(&s.pool.Timeout, "timeout", time.Minute, "how long a run may take")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if s.scenario, err = scenario.Open(args[0]); err != nil {
			return usageError{err}
		}
		s.file = args[0]
		if err := checkSpec(s.kernel); err != nil {
			return err
		}
		switch {
		case s.recording.replay != "" && s.one != "":
			return usagef("--replay has its case in the file")
		case s.capture != "" && !s.single():
			return usagef("--capture is for one --case, or --replay")
		case s.recording.wanted() && (s.shrink || s.recording.replay == "" && s.one == ""):
			return usagef("--record is for one --case, and neither it nor --replay goes with --shrink")
		}
		if sim.IsWorker() {
			return sim.Work(s.work)
		}
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		return s.run(ctx)
	}
	return cmd
}

// A simulation is one run of the command.
type simulation struct {
	*env
	*recording
	pool        *sim.Pool
	scenario    *scenario.Scenario
	file        string
	seeds, one  string
	kernel      string
	capture     string
	shrink, log bool
}

// work is a run in a child of the command, which has the same flags. What it
// prints are its errors' output.
func (s *simulation) work(c sim.Case) sim.Result {
	o := sim.Options{Kernel: s.kernel}
	var print func(string)
	if s.single() {
		print = func(text string) { fmt.Fprintf(s.stderr, "%s: %s\n", filepath.Base(s.file), text) }
		if s.log {
			o.Log = func(at time.Duration, what string) { fmt.Fprintf(s.stderr, "%14.6f %s\n", at.Seconds(), what) }
		}
	}
	done, err := s.startCapture(&o)
	if err != nil {
		return sim.Result{Err: err}
	}
	r, err := s.recording.run(c, o, func(c sim.Case, o sim.Options) sim.Result { return s.scenario.Run(c, o, print) })
	r.Err = errors.Join(r.Err, err, done())
	return r
}

// startCapture has the frames of a run written to a file until done.
func (s *simulation) startCapture(o *sim.Options) (done func() error, err error) {
	if s.capture == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(s.capture)
	if err != nil {
		return nil, err
	}
	c := vnet.NewCapture(f)
	o.Tap = c.Record
	return func() error { return errors.Join(c.Close(), f.Close()) }, nil
}

// single reports whether one run is made, of which all is shown.
func (s *simulation) single() bool { return (s.one != "" || s.replay != "") && !s.shrink }

// child is a process of the pool.
func (s *simulation) child(ctx context.Context) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = os.Args
	if s.single() {
		cmd.Stderr = s.stderr
	}
	return cmd
}

func (s *simulation) run(ctx context.Context) error {
	s.pool.Command = s.child
	cases, total, err := s.cases()
	if err != nil {
		return usageError{err}
	}
	sum := newSimSummary()
	show := s.progress()
	show.Begin(fmt.Sprintf("%s: %d runs", s.file, total))
	var failed *sim.Record
	var written error
	err = s.pool.Run(ctx, cases, func(r sim.Record) bool {
		sum.add(r)
		show.At(int64(sum.runs), int64(total))
		if r.Failed && failed == nil {
			failed = &r
		}
		written = s.write(r)
		return written == nil && !(s.shrink && r.Failed)
	})
	show.end()
	if err = errors.Join(err, written, sum.print(s)); err != nil || failed == nil {
		return err
	}
	if s.shrink {
		err = s.smaller(ctx, *failed)
	}
	return errors.Join(err, errFailed)
}

// cases are those that are to be run, and how many.
func (s *simulation) cases() (iter.Seq[sim.Case], uint64, error) {
	one := func(c sim.Case, err error) (iter.Seq[sim.Case], uint64, error) {
		return func(yield func(sim.Case) bool) { yield(c) }, 1, err
	}
	switch {
	case s.replay != "":
		return one(s.replayed())
	case s.one != "":
		return one(sim.ParseCase(s.one))
	}
	first, last, err := sim.ParseSeeds(s.seeds)
	return sim.Seeds(first, last), last - first + 1, err
}

// write writes a record as a line.
func (s *simulation) write(r sim.Record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = s.stdout.Write(append(line, '\n'))
	return err
}

// smaller looks for a smaller case that fails.
func (s *simulation) smaller(ctx context.Context, failed sim.Record) error {
	runs := 0
	run := func(c sim.Case) (sim.Record, error) {
		runs++
		return s.pool.One(ctx, c)
	}
	small, err := sim.Shrink(failed, run, func(r sim.Record) {
		fmt.Fprintf(s.stderr, "smaller: %d faults, %.3f s: %s\n", len(r.Faults), r.Elapsed, r.Case)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stderr, "smallest of %d runs: %d faults after %.3f s\n", runs, len(small.Faults), small.Elapsed)
	for _, f := range small.Faults {
		fmt.Fprintf(s.stderr, "  fault %d at %.6f s: %s\n", f.Number, f.At, f.Name)
	}
	s.again(small)
	return s.write(small)
}

// again says how a run is made again.
func (s *simulation) again(r sim.Record) {
	kernel := ""
	if s.kernel != "rump" {
		kernel = " -k " + s.kernel
	}
	fmt.Fprintf(s.stderr, "run it again: anykernel sim%s --case '%s' %s\n", kernel, r.Case, s.file)
}

// A simSummary is what became of many runs.
type simSummary struct {
	start   time.Time
	runs    int
	elapsed float64
	times   map[string]int // failures of a kind
	first   []sim.Record   // of each kind
	failed  int
}

func newSimSummary() *simSummary { return &simSummary{start: time.Now(), times: map[string]int{}} }

func (m *simSummary) add(r sim.Record) {
	m.runs++
	m.elapsed += r.Elapsed
	if !r.Failed {
		return
	}
	m.failed++
	kind := r.Kind()
	if m.times[kind]++; m.times[kind] == 1 {
		m.first = append(m.first, r)
	}
}

// shownFailures is how many kinds of failures are told.
const shownFailures = 10

func (m *simSummary) print(s *simulation) error {
	real := time.Since(m.start)
	fmt.Fprintf(s.stderr, "%d runs, %d failed; %v in %v\n", m.runs, m.failed,
		time.Duration(m.elapsed*1e9).Round(time.Millisecond), real.Round(time.Millisecond))
	if m.failed == 0 {
		return nil
	}
	t := newTable(">TIMES", "FIRST", "WHAT HAPPENED")
	for _, r := range m.first[:min(len(m.first), shownFailures)] {
		t.add(fmt.Sprint(m.times[r.Kind()]), r.Case, firstLine(r.Error))
	}
	if err := t.print(s.stderr); err != nil {
		return err
	}
	if !s.shrink {
		s.again(m.first[0])
	}
	return nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
