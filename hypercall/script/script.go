package script

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/anykernel/anykernel/hypercall"
)

// Bounds of a script.
const (
	MaxSource = 64 << 10 // bytes of its text
	MaxSteps  = 1 << 20  // steps of Starlark for one event, and for loading
	MaxCall   = 1 << 26  // steps for one Call
	MaxMemory = 64 << 20
)

// Options say how a script runs. The zero Options are valid.
type Options struct {
	// Seed is where the script's randomness comes from.
	Seed uint64
	// Print receives what the script prints, line by line. nil: it is dropped.
	Print func(text string)
	// Predeclared are names that the script finds besides the library.
	Predeclared starlark.StringDict
	// Entry is a function of that many parameters which the script has for
	// [Script.Call]. Without one, a script has a function for an event.
	Entry       string
	EntryParams int
}

// A Script is a loaded program. It may watch several kernels at a time.
type Script struct {
	name     string
	print    func(string)
	handlers map[string]*starlark.Function // by event
	globals  starlark.StringDict

	mu     sync.Mutex // held while Starlark runs
	rng    *rand.Rand
	state  *state
	counts *starlark.Dict
	memory memory
	failed error // the first; under mu
}

// Open loads a script from a file.
func Open(path string, o Options) (*Script, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Load(path, f, o)
}

// Load reads a script and runs its top level. The name is what errors call it.
func Load(name string, source io.Reader, o Options) (*Script, error) {
	text, err := io.ReadAll(io.LimitReader(source, MaxSource+1))
	if err != nil {
		return nil, fmt.Errorf("script %s: %w", name, err)
	}
	if len(text) > MaxSource {
		return nil, fmt.Errorf("script %s: longer than %d bytes", name, MaxSource)
	}
	s := &Script{
		name: name, print: o.Print, handlers: map[string]*starlark.Function{},
		rng: rand.New(rand.NewPCG(o.Seed, 0)), state: &state{}, counts: new(starlark.Dict),
	}
	if s.print == nil {
		s.print = func(string) {}
	}
	predeclared := s.library()
	maps.Copy(predeclared, o.Predeclared)
	prog, err := compile(name, text, predeclared)
	if err != nil {
		return nil, err
	}
	err = s.run(MaxSteps, func(t *starlark.Thread, _ *run) (err error) {
		s.globals, err = prog.Init(t, predeclared)
		return err
	})
	if err != nil {
		return nil, s.errorOf(err, nil)
	}
	if err := s.findHandlers(); err != nil {
		return nil, err
	}
	if err := s.findEntry(o); err != nil {
		return nil, err
	}
	return s, nil
}

// compile parses and resolves a script.
func compile(name string, text []byte, predeclared starlark.StringDict) (*starlark.Program, error) {
	dialect := &syntax.FileOptions{Set: true, TopLevelControl: true, GlobalReassign: true}
	f, err := dialect.Parse(name, text, 0)
	if err != nil {
		return nil, err
	}
	if err := bound(f); err != nil {
		return nil, err
	}
	return starlark.FileProgram(f, predeclared.Has)
}

// findHandlers takes the functions that are named after events.
func (s *Script) findHandlers() error {
	var names []string
	for _, k := range hypercall.Kinds() {
		names = append(names, "on_"+k.Name)
	}
	for _, name := range s.globals.Keys() {
		if !strings.HasPrefix(name, "on_") {
			continue
		}
		f, ok := s.globals[name].(*starlark.Function)
		switch {
		case !slices.Contains(names, name):
			return fmt.Errorf("script %s: no event is called %q; there are %s", s.name, name, strings.Join(names, ", "))
		case !ok || f.NumParams() != 1:
			return fmt.Errorf("script %s: %s is not a function of one event", s.name, name)
		}
		s.handlers[strings.TrimPrefix(name, "on_")] = f
	}
	return nil
}

// findEntry looks for what the script must have.
func (s *Script) findEntry(o Options) error {
	if o.Entry == "" {
		if len(s.handlers) == 0 {
			return fmt.Errorf("script %s: it has no function for an event, such as on_bio", s.name)
		}
		return nil
	}
	f, ok := s.globals[o.Entry].(*starlark.Function)
	if !ok || f.NumParams() != o.EntryParams {
		return fmt.Errorf("script %s: it has no function %s of %d parameters", s.name, o.Entry, o.EntryParams)
	}
	return nil
}

// Hook is the script as a hook for the events that it has functions for.
func (s *Script) Hook() hypercall.Hook {
	var events []string
	for name := range s.handlers {
		events = append(events, name)
	}
	return hypercall.Intercept(s.handle, events...)
}

// HasHandlers reports whether the script has a function for an event.
func (s *Script) HasHandlers() bool { return len(s.handlers) > 0 }

// Err is the script's first error, nil while it has none.
func (s *Script) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// handle runs the function for an event.
func (s *Script) handle(ev *hypercall.Event, next func()) {
	e := &event{s: s, ev: ev, next: next}
	s.mu.Lock()
	err := s.call(e)
	if err != nil && s.failed == nil {
		s.failed = err
	}
	s.mu.Unlock()
	e.ended = true
	switch {
	case err != nil:
		ev.Stop(err)
		if !e.asked {
			ev.Err = err
		}
	case !e.done:
		next()
	}
}

// call runs the function with s.mu held.
func (s *Script) call(e *event) error {
	if s.failed != nil {
		return s.failed // of another kernel
	}
	err := s.run(MaxSteps, func(t *starlark.Thread, r *run) error {
		e.run = r
		_, err := starlark.Call(t, s.handlers[e.ev.Name], starlark.Tuple{e}, nil)
		return err
	})
	if err != nil {
		return s.errorOf(err, e.ev)
	}
	return nil
}

// run runs Starlark within the bounds, with s.mu held.
func (s *Script) run(steps uint64, f func(*starlark.Thread, *run) error) error {
	r := &run{s: s}
	t := &starlark.Thread{
		Name:  s.name,
		Print: func(_ *starlark.Thread, text string) { s.print(text) },
		Load: func(*starlark.Thread, string) (starlark.StringDict, error) {
			return nil, errors.New("a script is one file")
		},
	}
	t.SetMaxExecutionSteps(steps)
	t.OnMaxSteps = func(t *starlark.Thread) { t.Cancel(fmt.Sprintf("more than %d steps", steps)) }
	t.SetLocal(runKey, r)
	err := f(t, r)
	if bounds := r.end(int(t.ExecutionSteps())); err == nil {
		err = bounds
	}
	return err
}

// An Error says what went wrong in a script, and where.
type Error struct {
	Script string // the file
	Line   int32
	Col    int32
	Event  string // the name of the event; "" where the script was being loaded
	Seq    uint64 // its number
	Kernel string
	Reason string
	Trace  string // the calls that led there, of several lines
	Err    error  // as Starlark gave it
}

// Unwrap is the error as Starlark gave it.
func (e *Error) Unwrap() error { return e.Err }

// Error is one line.
func (e *Error) Error() string {
	where := fmt.Sprintf("%s:%d:%d", e.Script, e.Line, e.Col)
	if e.Event == "" {
		return fmt.Sprintf("%s: %s", where, e.Reason)
	}
	return fmt.Sprintf("%s: on_%s (event %d of %s): %s", where, e.Event, e.Seq, e.Kernel, e.Reason)
}

func (s *Script) errorOf(err error, ev *hypercall.Event) error {
	e := &Error{Script: s.name, Reason: err.Error(), Err: err}
	if ev != nil {
		e.Event, e.Seq, e.Kernel = ev.Name, ev.Seq, ev.Kernel
	}
	var eval *starlark.EvalError
	if errors.As(err, &eval) {
		e.Trace = eval.Backtrace()
		for _, frame := range slices.Backward(eval.CallStack) {
			if frame.Pos.Filename() == s.name {
				e.Line, e.Col = frame.Pos.Line, frame.Pos.Col
				break
			}
		}
	}
	return e
}
