package turns

import (
	"fmt"
	"strings"
	"time"
)

// A StuckError is a run that could not go on, or that took too long.
type StuckError struct {
	Reason  string
	At      time.Duration // when, by the world's clock
	Waiting []string      // who waited for what
}

func (e *StuckError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, at %v", e.Reason, e.At)
	for _, line := range e.Waiting {
		b.WriteString("\n\t")
		b.WriteString(line)
	}
	return b.String()
}

// waiting says who waits for what.
func (s *Scheduler) waiting() []string {
	var list []string
	for _, t := range s.tasks {
		what := "its turn"
		if t.wait != nil {
			what = t.wait.what()
		}
		list = append(list, fmt.Sprintf("goroutine %s waits for %s", t.name, what))
	}
	for _, m := range s.machines {
		for _, line := range m.Waiting() {
			list = append(list, fmt.Sprintf("%s: thread %s", m.name, line))
		}
	}
	return list
}
