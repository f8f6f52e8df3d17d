package sim_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/hypercall/turns"
	"github.com/anykernel/anykernel/sim"
)

func TestCase(t *testing.T) {
	for text, want := range map[string]sim.Case{
		"42":                          {Seed: 42},
		"0 only=":                     {Only: []int{}},
		"18446744073709551615 only=3": {Seed: 1<<64 - 1, Only: []int{3}},
		"7 only=1,22 a=1 b=-5":        {Seed: 7, Only: []int{1, 22}, Set: map[string]int{"a": 1, "b": -5}},
	} {
		c, err := sim.ParseCase(text)
		if err != nil || !reflect.DeepEqual(c, want) || c.String() != text {
			t.Errorf("%q is %+v, %q, %v, want %+v", text, c, c, err, want)
		}
	}
	for text, want := range map[string]string{
		"":         "want a seed",
		"-1":       `"-1" is no seed`,
		"1 only":   `"only": want only=NUMBER`,
		"1 only=x": `"x" is no number of a fault`,
		"1 a=b":    "a=b: not a number",
		"1 =2":     `"=2": want`,
	} {
		if _, err := sim.ParseCase(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzCase(f *testing.F) {
	f.Add("42 only=1,2 a=3")
	f.Add("0 only=")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := sim.ParseCase(text)
		if err != nil {
			return
		}
		again, err := sim.ParseCase(c.String())
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Errorf("%q is %+v, and again %+v, %v", text, c, again, err)
		}
	})
}

func TestSeeds(t *testing.T) {
	for text, want := range map[string][2]uint64{"5": {5, 5}, "0..9": {0, 9}, "3..3": {3, 3}} {
		if a, b, err := sim.ParseSeeds(text); a != want[0] || b != want[1] || err != nil {
			t.Errorf("%q is %d to %d, %v", text, a, b, err)
		}
	}
	for _, text := range []string{"", "..", "2..1", "1..", "0..18446744073709551615"} {
		if _, _, err := sim.ParseSeeds(text); err == nil {
			t.Errorf("%q are seeds", text)
		}
	}
}

// unlucky fails when the faults "b" and then "d" have happened, if there are
// three clients.
func unlucky(s *turns.Scheduler) {
	clients := s.Int("clients", 1, 10)
	armed := false
	for range 50 {
		for _, name := range []string{"a", "b", "c", "d"} {
			if !s.Fault(name, 0.3) {
				continue
			}
			armed = armed || name == "b"
			if name == "d" && armed && clients >= 3 {
				s.Failf("%d clients are out of luck", clients)
			}
		}
	}
}

func TestShrink(t *testing.T) {
	runs := 0
	run := func(c sim.Case) (sim.Record, error) {
		runs++
		return sim.NewRecord(c, turns.Run(c.Seed, c.Options(sim.Options{}).Options, unlucky), 0), nil
	}
	shrunk := 0
	for seed := range uint64(30) {
		failed, _ := run(sim.Case{Seed: seed})
		if !failed.Failed {
			continue
		}
		got, err := sim.Shrink(failed, run, nil)
		if err != nil || len(got.Faults) != 2 || got.Faults[0].Name != "b" || got.Faults[1].Name != "d" || got.Drawn["clients"].Value != 3 {
			t.Errorf("%s was shrunk to %+v, %v", failed.Case, got, err)
		}
		c, err := sim.ParseCase(got.Case)
		if again, _ := run(c); err != nil || !again.Failed || again.Trace != got.Trace {
			t.Errorf("%s: %v, again %+v", got.Case, err, again)
		}
		shrunk++
	}
	if shrunk < 10 {
		t.Errorf("only %d of 30 seeds failed", shrunk)
	}
	t.Logf("%d runs for %d seeds", runs, shrunk)
	broken := errors.New("broken")
	if _, err := sim.Shrink(sim.Record{Case: "1", Failed: true}, func(sim.Case) (sim.Record, error) { return sim.Record{}, broken }, nil); !errors.Is(err, broken) {
		t.Errorf("a search whose runs cannot be made: %v", err)
	}
}
