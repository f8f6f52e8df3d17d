package sim

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// A Record is a run and its result, as a line of JSON.
type Record struct {
	Seed uint64 `json:"seed"`
	// Case repeats the run.
	Case string `json:"case"`
	// Failed is whether the run failed; Error is why.
	Failed bool   `json:"failed"`
	Error  string `json:"error,omitempty"`
	// Trace is the hash over everything that happened.
	Trace string `json:"trace"`
	// Elapsed is how long the run took by the world's clock, in seconds; Real
	// by that of the machine.
	Elapsed float64 `json:"elapsed"`
	Real    float64 `json:"real"`
	Turns   int     `json:"turns"`
	// Faults is what went wrong, and when.
	Faults []FaultRecord `json:"faults,omitempty"`
	// Drawn are the values of World.Int, and the least that each could have
	// had.
	Drawn map[string]DrawnRecord `json:"drawn,omitempty"`
}

// Kind is what two failures of the same kind have in common: the first line of
// the error without its numbers.
func (r Record) Kind() string {
	line, _, _ := strings.Cut(r.Error, "\n")
	return strings.Map(func(c rune) rune {
		if unicode.IsDigit(c) {
			return -1
		}
		return c
	}, line)
}

// A FaultRecord is a turns.Fault in a Record.
type FaultRecord struct {
	Number int     `json:"number"`
	Name   string  `json:"name"`
	At     float64 `json:"at"` // seconds
}

// A DrawnRecord is a turns.Drawn in a Record.
type DrawnRecord struct {
	Value int `json:"value"`
	Least int `json:"least"`
}

// NewRecord is the record of a case's run, which took so long.
func NewRecord(c Case, r Result, took time.Duration) Record {
	rec := Record{
		Seed: c.Seed, Case: c.String(), Failed: r.Err != nil, Trace: fmt.Sprintf("%016x", r.Trace),
		Elapsed: r.Elapsed.Seconds(), Real: took.Seconds(), Turns: r.Steps,
	}
	if r.Err != nil {
		rec.Error = r.Err.Error()
	}
	for _, f := range r.Faults {
		rec.Faults = append(rec.Faults, FaultRecord{f.Number, f.Name, f.At.Seconds()})
	}
	for name, d := range r.Drawn {
		if rec.Drawn == nil {
			rec.Drawn = map[string]DrawnRecord{}
		}
		rec.Drawn[name] = DrawnRecord(d)
	}
	return rec
}
