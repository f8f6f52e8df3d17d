package scenario

import (
	"errors"
	"fmt"
	"slices"

	"go.starlark.net/starlark"

	"github.com/anykernel/anykernel/hypercall/script"
)

// An object is something of a world as Starlark sees it: methods, and
// attributes that do not change.
type object struct {
	kind    string
	attrs   starlark.StringDict
	methods map[string]method
}

// A method is a builtin that the package's own types have.
type method func(c *call) (starlark.Value, error)

// A call is one call of a method.
type call struct {
	thread *starlark.Thread
	name   string
	args   starlark.Tuple
	kwargs []starlark.Tuple
}

// unpack is starlark.UnpackArgs.
func (c *call) unpack(pairs ...any) error {
	return starlark.UnpackArgs(c.name, c.args, c.kwargs, pairs...)
}

// do has a kernel or the world do something. Meanwhile other functions run.
func (c *call) do(f func() error) error {
	var err error
	script.Outside(c.thread, func() { err = f() })
	if err != nil {
		return &refusal{err}
	}
	return nil
}

// bytes is data as a value, counted.
func (c *call) bytes(b []byte) (starlark.Value, error) {
	if err := script.Take(c.thread, len(b)); err != nil {
		return nil, err
	}
	return starlark.Bytes(b), nil
}

var _ starlark.HasAttrs = (*object)(nil)

func (o *object) String() string        { return "<" + o.kind + ">" }
func (o *object) Type() string          { return o.kind }
func (o *object) Freeze()               {}
func (o *object) Truth() starlark.Bool  { return true }
func (o *object) Hash() (uint32, error) { return 0, fmt.Errorf("a %s is not hashable", o.kind) }

// AttrNames implements starlark.HasAttrs.
func (o *object) AttrNames() []string {
	names := o.attrs.Keys()
	for name := range o.methods {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Attr implements starlark.HasAttrs.
func (o *object) Attr(name string) (starlark.Value, error) {
	if v, ok := o.attrs[name]; ok {
		return v, nil
	}
	m, ok := o.methods[name]
	if !ok {
		return nil, nil
	}
	return starlark.NewBuiltin(name, func(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return m(&call{t, o.kind + "." + name, args, kwargs})
	}), nil
}

// data is a parameter that is bytes or a string.
type data []byte

// Unpack implements starlark.Unpacker.
func (d *data) Unpack(v starlark.Value) error {
	switch v := v.(type) {
	case starlark.Bytes:
		*d = data(v)
	case starlark.String:
		*d = data(v)
	default:
		return fmt.Errorf("want bytes or a string, not a %s", v.Type())
	}
	return nil
}

// A refusal is an error of a kernel, which attempt gives to the scenario.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// attempt is the builtin of that name.
func attempt(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) == 0 {
		return nil, errors.New("attempt: which function?")
	}
	v, err := starlark.Call(t, args[0], args[1:], kwargs)
	var r *refusal
	switch {
	case err == nil:
		return starlark.Tuple{v, starlark.None}, nil
	case errors.As(err, &r):
		return starlark.Tuple{starlark.None, errorName(r.err)}, nil
	}
	return nil, err
}

// errorName is what a scenario knows an error by.
func errorName(err error) starlark.String {
	var named interface{ Name() string }
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return "ETIMEDOUT"
	case errors.As(err, &named):
		return starlark.String(named.Name())
	}
	return starlark.String(err.Error())
}
