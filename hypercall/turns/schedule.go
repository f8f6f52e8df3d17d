package turns

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/anykernel/anykernel/hypercall"
)

// A task is a goroutine of a world.
type task struct {
	name  string
	turn  chan struct{} // its turn begins
	wait  *wait         // what it waits for; nil where it is ready
	main  bool
	gone  bool // it has ended
	ended bool // it was told to end
}

// A machine is one that has turns.
type machine struct {
	hypercall.Machine
	seat hypercall.Seat
	name string
	who  string // in the words of errors
}

// maxSlice bounds how many turns a machine gives its threads before the world
// draws again.
const maxSlice = 32

// Go starts a goroutine of the world. It runs when it has its turn.
func (s *Scheduler) Go(name string, f func()) { s.start(name, f) }

func (s *Scheduler) start(name string, f func()) {
	t := &task{name: name, turn: make(chan struct{}), main: len(s.tasks) == 0}
	s.tasks = append(s.tasks, t)
	s.ready = append(s.ready, t)
	go func() {
		<-t.turn
		defer s.taskEnded(t)
		defer s.recoverPanic("goroutine " + t.name)
		if !s.over {
			f()
		}
	}()
}

// A PanicError is a panic of a goroutine of a world.
type PanicError struct {
	Who   string
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("%s panicked: %v", e.Who, e.Value) }

// recoverPanic is deferred: it makes a panic the run's failure.
func (s *Scheduler) recoverPanic(who string) {
	if v := recover(); v != nil {
		s.Fail(&PanicError{who, v, debug.Stack()})
	}
}

// taskEnded gives the turn of a task away for good.
func (s *Scheduler) taskEnded(t *task) {
	t.gone = true
	s.tasks = slices.DeleteFunc(s.tasks, func(x *task) bool { return x == t })
	if t.main {
		s.finish()
		return
	}
	s.schedule(nil)
}

func (s *Scheduler) finish() {
	if !s.dead {
		s.dead = true
		close(s.finished)
	}
}

// stop has every goroutine end at its next wait, and those that wait now.
func (s *Scheduler) stop() {
	if s.over {
		return
	}
	s.over = true
	for _, t := range s.tasks {
		if t.wait != nil {
			s.wake(t)
		}
	}
}

// wake makes a task ready.
func (s *Scheduler) wake(t *task) {
	t.wait = nil
	s.ready = append(s.ready, t)
}

// goexit ends the goroutine whose turn it is.
func (s *Scheduler) goexit() {
	if t := s.turn; t != nil {
		t.ended = true
		runtime.Goexit()
	}
}

// park gives the turn of the current task away until it is woken.
func (s *Scheduler) park(t *task, x *wait) {
	t.wait = x
	s.schedule(t)
	if s.over && !t.ended {
		t.ended = true
		runtime.Goexit()
	}
}

// schedule runs the world until it is self's turn, or, without self, until it
// is a goroutine's turn at all.
func (s *Scheduler) schedule(self *task) {
	s.turn = nil
	for !s.dead {
		t := s.step()
		if t == nil {
			continue
		}
		s.turn = t
		if t == self {
			return
		}
		t.turn <- struct{}{}
		break
	}
	if self != nil {
		<-self.turn // for ever, where the world is dead
	}
}

// step does one thing: it runs a machine or an event, or moves time, and
// returns nil; or it returns the goroutine that is next.
func (s *Scheduler) step() *task {
	s.steps++
	s.takeBeside()
	s.cancelWaits()
	s.busy = s.busy[:0]
	for _, m := range s.machines {
		if m.Ready() {
			s.busy = append(s.busy, m)
		}
	}
	choices := len(s.ready) + len(s.busy)
	if s.events.due(s.now) {
		choices++
	}
	if choices == 0 || s.steps > s.opts.Steps {
		s.advance()
		return nil
	}
	i := 0
	if choices > 1 {
		i = s.turns.IntN(choices)
	}
	if i < len(s.ready) {
		t := s.ready[i]
		s.ready = slices.Delete(s.ready, i, i+1)
		s.moved = s.now
		s.note(uint64(i)<<32 | uint64(choices))
		s.logf("turn of %s", t.name)
		return t
	}
	i -= len(s.ready)
	if i < len(s.busy) {
		s.run(s.busy[i])
		return nil
	}
	s.event(s.events.pop())
	return nil
}

func (s *Scheduler) event(e *event) {
	defer s.recoverPanic("an event")
	s.note(uint64(e.at))
	e.f()
}

func (s *Scheduler) run(m *machine) {
	defer s.recoverPanic(m.who)
	m.Run(1 + s.turns.IntN(maxSlice))
	s.note(uint64(m.seat.ID))
	s.note(m.Trace())
	if s.opts.Log != nil {
		s.logf("turns of %s, trace %016x", m.name, m.Trace())
	}
}

// advance moves time to the next deadline, or ends a run in which there is
// none, or that has come to its end.
func (s *Scheduler) advance() {
	next, any := s.events.next()
	for _, m := range s.machines {
		if at, ok := m.Next(); ok && (!any || at < next) {
			next, any = at, true
		}
	}
	if !any && s.beside.comes() {
		return
	}
	if reason := s.stuck(next, any); reason != nil {
		s.giveUp(reason)
		return
	}
	s.now = max(s.now, next)
	s.clock.Store(int64(s.now))
	for _, m := range s.machines {
		m.SetTime(s.now)
	}
	s.tellSteps()
}

// stuck says why the run cannot go on.
func (s *Scheduler) stuck(next time.Duration, any bool) error {
	switch {
	case s.steps > s.opts.Steps:
		return s.limit("more than %d turns", s.opts.Steps)
	case !any:
		return s.limit("deadlock: all wait, and no time is set for anything")
	case next > s.opts.Limit:
		return s.limit("more than %v", s.opts.Limit)
	case len(s.events.list) == 0 && next-s.moved > s.opts.Stuck:
		return s.limit("deadlock: all have waited for kernels for %v", s.opts.Stuck)
	}
	return nil
}

func (s *Scheduler) limit(format string, args ...any) error {
	return &StuckError{Reason: fmt.Sprintf(format, args...), At: s.now, Waiting: s.waiting()}
}

// grace is what a run that has to end may take beyond its limits.
const (
	graceTime  = 10 * time.Minute
	graceSteps = 1_000_000
)

// giveUp fails the run. Where even its end does not end, nothing is run any
// more.
func (s *Scheduler) giveUp(reason error) {
	if s.over {
		if s.result.Err == nil {
			s.result.Err = reason
		}
		s.finish()
		return
	}
	s.opts.Limit = s.now + graceTime
	s.opts.Steps = s.steps + graceSteps
	s.moved = s.now
	s.Fail(reason)
}
