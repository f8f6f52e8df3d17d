package turns

import (
	"fmt"
	"time"
)

// A Fault is something that went wrong in a world.
type Fault struct {
	Number int // among all that were drawn in this run
	At     time.Duration
	Name   string
}

func (f Fault) String() string { return fmt.Sprintf("#%d %s at %v", f.Number, f.Name, f.At) }

// faults is what goes wrong in a run.
type faults struct {
	drawn    int          // so far
	only     map[int]bool // nil: all
	happened []Fault
}

func newFaults(only []int) faults {
	f := faults{}
	if only != nil {
		f.only = map[int]bool{}
	}
	for _, n := range only {
		f.only[n] = true
	}
	return f
}

// Fault draws whether something goes wrong, with a probability from 0 to 1.
// Where [Options.Only] leaves it out it does not, while everything else is
// drawn as before.
func (s *Scheduler) Fault(name string, probability float64) bool {
	if s.chance.Float64() >= probability {
		return false
	}
	n := s.faults.drawn
	s.faults.drawn++
	if s.faults.only != nil && !s.faults.only[n] {
		return false
	}
	s.faults.happened = append(s.faults.happened, Fault{Number: n, At: s.now, Name: name})
	s.logf("fault %d: %s", n, name)
	s.note(hash([]byte(name)))
	return true
}

// Int is a number from least to most that the seed draws for the name, such as
// how many clients there are. [Options.Set] may say another one.
func (s *Scheduler) Int(name string, least, most int) int {
	if most < least {
		s.Failf("%s is from %d to %d", name, least, most)
	}
	n := least + stream(s.seed, "int "+name).IntN(most-least+1)
	if v, ok := s.opts.Set[name]; ok {
		n = min(max(v, least), most)
	}
	s.result.Drawn[name] = Drawn{Value: n, Least: least}
	return n
}

// Drawn is a number that Scheduler.Int gave.
type Drawn struct{ Value, Least int }
