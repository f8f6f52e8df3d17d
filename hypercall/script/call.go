package script

import (
	"fmt"

	"go.starlark.net/starlark"
)

// Function is a function of the script by its name.
func (s *Script) Function(name string) (*starlark.Function, error) {
	f, ok := s.globals[name].(*starlark.Function)
	if !ok {
		return nil, fmt.Errorf("script %s: it has no function %s", s.name, name)
	}
	return f, nil
}

// Call calls a function of the script, or one that such a function gave to a
// builtin of Options.Predeclared. It may take MaxCall steps. An error is an
// *Error. A call that makes an error does not end the script.
//
// Functions run one at a time: a builtin that waits for something, or that has
// a kernel do something which might be an event of the script, does so by
// [Outside].
func (s *Script) Call(f starlark.Callable, args starlark.Tuple) (v starlark.Value, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.run(MaxCall, func(t *starlark.Thread, _ *run) (err error) {
		v, err = starlark.Call(t, f, args, nil)
		return err
	})
	if err != nil {
		return nil, s.errorOf(err, nil)
	}
	return v, nil
}

// Outside runs f while other functions of the script may run. It is for
// builtins; t is their thread.
func Outside(t *starlark.Thread, f func()) {
	s := runOf(t).s
	s.mu.Unlock()
	defer s.mu.Lock() // also where f ends the goroutine
	f()
}

// Take counts n bytes that a builtin makes, and fails where a script would hold
// too much. t is the builtin's thread.
func Take(t *starlark.Thread, n int) error { return runOf(t).take(n) }
