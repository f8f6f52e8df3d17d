package sim

import (
	"maps"
	"slices"
)

// Shrink finds a smaller case that fails as a record does: with fewer faults,
// and with smaller values of World.Int. run makes the run of a case; what it
// fails to run ends the search. Each failing run that is smaller is given to
// progress, if that is not nil. The last one is returned.
//
// The search is ddmin over the faults, then a descent for each value, again and
// again until nothing gets smaller.
func Shrink(failed Record, run func(Case) (Record, error), progress func(Record)) (Record, error) {
	c, err := ParseCase(failed.Case)
	if err != nil {
		return failed, err
	}
	s := &shrinker{best: failed, at: c, run: run, progress: progress, like: failed.Kind()}
	for smaller := true; smaller && s.err == nil; {
		smaller = s.dropFaults()
		smaller = s.lowerValues() || smaller
	}
	return s.best, s.err
}

type shrinker struct {
	best     Record
	at       Case // of best
	like     string
	run      func(Case) (Record, error)
	progress func(Record)
	err      error
}

// try runs a case, and goes on from there where it fails in the same way.
func (s *shrinker) try(c Case) bool {
	if s.err != nil {
		return false
	}
	r, err := s.run(c)
	if err != nil {
		s.err = err
		return false
	}
	if !r.Failed || r.Kind() != s.like {
		return false
	}
	s.best, s.at = r, c
	if s.progress != nil {
		s.progress(r)
	}
	return true
}

func (s *shrinker) only(faults []int) Case {
	c := s.at
	c.Only = append([]int{}, faults...)
	return c
}

func (s *shrinker) faults() []int {
	var list []int
	for _, f := range s.best.Faults {
		list = append(list, f.Number)
	}
	return list
}

// dropFaults leaves out as many faults as it can: halves first, then ever
// smaller pieces.
func (s *shrinker) dropFaults() (smaller bool) {
	before := len(s.best.Faults)
	if s.at.Only == nil {
		s.try(s.only(s.faults())) // what happened after the failure does not count
	}
	for pieces := 2; s.err == nil; {
		all := s.faults()
		pieces = min(pieces, len(all))
		switch {
		case pieces == 0:
			return before > 0
		case s.withoutOne(all, pieces):
			pieces = max(pieces-1, 2)
		case pieces == len(all):
			return len(all) < before
		default:
			pieces *= 2
		}
	}
	return false
}

// withoutOne tries to leave out one of so many pieces of the faults.
func (s *shrinker) withoutOne(all []int, pieces int) bool {
	for i := range pieces {
		from, to := i*len(all)/pieces, (i+1)*len(all)/pieces
		if s.try(s.only(slices.Concat(all[:from], all[to:]))) {
			return true
		}
	}
	return false
}

// lowerValues makes what was drawn as small as it can.
func (s *shrinker) lowerValues() (smaller bool) {
	for _, name := range sortedNames(s.best.Drawn) {
		low := s.best.Drawn[name].Least
		for s.err == nil {
			high := s.best.Drawn[name].Value
			if low >= high {
				break
			}
			middle := low + (high-low)/2
			if s.try(s.with(name, middle)) {
				smaller = true
			} else {
				low = middle + 1
			}
		}
	}
	return smaller
}

func (s *shrinker) with(name string, value int) Case {
	c := s.at
	c.Set = maps.Clone(c.Set)
	if c.Set == nil {
		c.Set = map[string]int{}
	}
	c.Set[name] = value
	return c
}
