package turns

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/anykernel/anykernel/hypercall"
)

// Options are what a run depends on besides its seed. The zero Options are
// valid.
type Options struct {
	// Start is the time of day when the world begins; zero is 2030-01-01 UTC.
	Start time.Time
	// Limit is how long the world may last by its own clock; 0 is a day.
	Limit time.Duration
	// Steps is how many turns the world may give; 0 is 100 million.
	Steps int
	// Stuck is how long goroutines may wait for nothing but kernels, by the
	// world's clock, before that counts as a deadlock: a kernel has timers of
	// its own, and so never looks as if it had stopped. 0 is 15 minutes.
	Stuck time.Duration
	// Preempt is how likely a kernel's thread gives up its turn at a lock that
	// it need not wait for, from 0 to 1.
	Preempt float64
	// Only are the numbers of the faults that happen; nil is all. See
	// Scheduler.Fault.
	Only []int
	// Set are values of Scheduler.Int that are not drawn.
	Set map[string]int
	// Log is told what happens, in words. nil: nobody.
	Log func(at time.Duration, what string)
}

func (o Options) withDefaults() Options {
	if o.Start.IsZero() {
		o.Start = time.Date(2030, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.Limit == 0 {
		o.Limit = 24 * time.Hour
	}
	if o.Steps == 0 {
		o.Steps = 100_000_000
	}
	if o.Stuck == 0 {
		o.Stuck = 15 * time.Minute
	}
	return o
}

// A Result is how a run ended.
type Result struct {
	Seed    uint64
	Trace   uint64           // a hash over everything that happened
	Elapsed time.Duration    // by the world's clock
	Steps   int              // turns that were given
	Faults  []Fault          // what went wrong, in this order
	Drawn   map[string]Drawn // the values of Scheduler.Int, by name
	Err     error            // why the run failed; nil where it did not
}

// A Scheduler is one run. Its methods may be called by whose turn it is: by
// goroutines of the world, and from within calls that the world makes.
type Scheduler struct {
	opts  Options
	names []string // of machines, by seat

	turns  *rand.Rand // who is next
	chance *rand.Rand // what goes wrong
	user   *rand.Rand // Scheduler.Rand
	seed   uint64

	now    time.Duration
	clock  atomic.Int64 // now, for any goroutine
	steps  int
	trace  uint64
	events events
	beside beside
	result Result

	machines []*machine
	busy     []*machine // those that are ready; only within step
	tasks    []*task    // that have not ended
	ready    []*task
	waits    []*wait // that can be cancelled
	turn     *task   // whose turn it is; nil for an event or a machine
	moved    time.Duration
	over     bool // goroutines end at their next wait
	dead     bool // nothing is run any more
	faults   faults
	cleanups []func()
	finished chan struct{}
}

var _ hypercall.Scheduler = (*Scheduler)(nil)

// Run makes a world of a seed, runs main in it, and returns when main has
// returned or the run has failed, and all of the world's goroutines have
// ended. Those that still wait when main returns end there, by
// runtime.Goexit.
//
// One world runs in a process at a time; another one waits.
func Run(seed uint64, o Options, main func(s *Scheduler)) Result {
	o = o.withDefaults()
	oneWorld.Lock()
	defer oneWorld.Unlock()
	s := &Scheduler{
		opts: o, seed: seed, finished: make(chan struct{}), faults: newFaults(o.Only),
		turns: stream(seed, "turns"), chance: stream(seed, "faults"), user: stream(seed, "user"),
		beside: beside{came: make(chan struct{}, 1)},
		result: Result{Seed: seed, Drawn: map[string]Drawn{}},
	}
	s.start("main", func() {
		defer s.end()
		defer s.recoverPanic("goroutine main")
		main(s)
	})
	s.schedule(nil)
	<-s.finished
	s.result.Faults = s.faults.happened
	s.result.Trace, s.result.Elapsed, s.result.Steps = s.trace, s.now, s.steps
	return s.result
}

// end is the end of the function given to Run. The other goroutines end
// first, and what they leave is cleaned up.
func (s *Scheduler) end() {
	s.turn.ended = true // it is not told so
	s.stop()
	for len(s.tasks) > 1 && !s.dead {
		s.Sleep(time.Millisecond)
	}
	for len(s.cleanups) > 0 && !s.dead {
		last := len(s.cleanups) - 1
		f := s.cleanups[last]
		s.cleanups = s.cleanups[:last]
		f()
	}
}

// Cleanup has f called at the end of the run, when only it runs any more. The
// last f is called first.
func (s *Scheduler) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

// Fail ends the run. The first error counts. The calling goroutine ends at its
// next wait.
func (s *Scheduler) Fail(err error) {
	if s.result.Err == nil && err != nil {
		s.result.Err = err
		s.logf("failed: %v", err)
	}
	s.stop()
}

// Err is why the run has failed so far.
func (s *Scheduler) Err() error { return s.result.Err }

// Failf ends the run, and the calling goroutine at once.
func (s *Scheduler) Failf(format string, args ...any) {
	s.Fail(fmt.Errorf(format, args...))
	s.goexit()
}

// Seed is what the world was made of.
func (s *Scheduler) Seed() uint64 { return s.seed }

// Monotonic is the world's time since it began. As Now, it may be called by any
// goroutine.
func (s *Scheduler) Monotonic() time.Duration { return time.Duration(s.clock.Load()) }

// Now is the world's time of day.
func (s *Scheduler) Now() time.Time { return s.opts.Start.Add(s.Monotonic()) }

// Host is a host for a kernel of this world, of which it is the scheduler and
// the source of randomness.
func (s *Scheduler) Host(name string) hypercall.Host {
	return hypercall.Host{Scheduler: s, Random: s.Random(name)}
}

func (s *Scheduler) logf(format string, args ...any) {
	if s.opts.Log != nil {
		s.opts.Log(s.now, fmt.Sprintf(format, args...))
	}
}

// note adds something that happened to the trace.
func (s *Scheduler) note(what uint64) { s.trace = mix(s.trace, what) }

func mix(trace, what uint64) uint64 {
	h := (trace ^ what) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}

// Note adds something that happened to the trace of the run.
func (s *Scheduler) Note(b []byte) { s.note(hash(b)) }
