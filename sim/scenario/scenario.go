package scenario

import (
	"fmt"
	"io"
	"os"
	"strings"

	"go.starlark.net/starlark"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/script"
	"github.com/anykernel/anykernel/sim"
)

// entry is the function that is the scenario.
const entry = "scenario"

// A Scenario is a program that was read.
type Scenario struct{ name, text string }

// Open reads a scenario from a file.
func Open(path string) (*Scenario, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Load(path, f)
}

// Load reads a scenario and looks for mistakes in it. The name is what errors
// call it.
func Load(name string, source io.Reader) (*Scenario, error) {
	text, err := io.ReadAll(io.LimitReader(source, script.MaxSource+1))
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", name, err)
	}
	s := &Scenario{name, string(text)}
	_, err = s.load(0, nil)
	return s, err
}

// load makes a program of its own for a run.
func (s *Scenario) load(seed uint64, print func(string)) (*script.Script, error) {
	return script.Load(s.name, strings.NewReader(s.text), script.Options{
		Seed: seed, Print: print, Entry: entry, EntryParams: 1,
		Predeclared: starlark.StringDict{"attempt": starlark.NewBuiltin("attempt", attempt)},
	})
}

// Run runs the scenario in a world. Print receives what it prints, line by
// line. nil: it is dropped.
func (s *Scenario) Run(c sim.Case, o sim.Options, print func(text string)) sim.Result {
	p, err := s.load(c.Seed, print)
	if err != nil {
		return sim.Result{Seed: c.Seed, Err: err}
	}
	configure := o.Configure
	o.Configure = func(kernel string, cfg *backends.Config) {
		if configure != nil {
			configure(kernel, cfg)
		}
		switch {
		case !p.HasHandlers():
		case cfg.Hooks == nil:
			cfg.Hooks = hypercall.NewHooks(kernel, p.Hook())
		default:
			cfg.Hooks.Add(p.Hook())
		}
	}
	return sim.Run(c.Seed, c.Options(o), func(w *sim.World) {
		f, err := p.Function(entry)
		w.Check(err)
		_, err = p.Call(f, starlark.Tuple{newWorld(w, p)})
		w.Check(err)
		w.Check(p.Err())
	})
}
