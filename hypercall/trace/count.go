package trace

import (
	"cmp"
	"slices"
	"time"
)

// A Count is how often something was done.
type Count struct {
	Name   string
	Calls  int
	Errors int
	Time   time.Duration // of this machine's, in all
}

// count counts an event. mu is held.
func (t *Tracer) count(name string, failed bool, took time.Duration) {
	c := t.counts[name]
	if c == nil {
		c = &Count{Name: name}
		t.counts[name] = c
	}
	c.Calls++
	c.Time += took
	if failed {
		c.Errors++
	}
}

// Summary is all counts, what took the most time first.
func (t *Tracer) Summary() []Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []Count
	for _, c := range t.counts {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b Count) int { return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Name, b.Name)) })
	return list
}
