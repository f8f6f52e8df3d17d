package script

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.starlark.net/starlark"

	"github.com/anykernel/anykernel/hypercall"
)

// An event is a hypercall.Event in a script.
type event struct {
	s    *Script
	run  *run
	ev   *hypercall.Event
	next func()

	done    bool // it was answered, or gone on with
	asked   bool // it was gone on with
	ended   bool // its function has returned
	headers *packet
}

var (
	_ starlark.HasSetField = (*event)(nil)
	_ starlark.HasAttrs    = (*event)(nil)
)

func (e *event) String() string        { return fmt.Sprintf("<event %d: %s>", e.ev.Seq, e.ev.Name) }
func (e *event) Type() string          { return "event" }
func (e *event) Freeze()               {}
func (e *event) Truth() starlark.Bool  { return true }
func (e *event) Hash() (uint32, error) { return 0, errors.New("an event is not hashable") }

// methods are what can be done with an event.
var methods map[string]*starlark.Builtin

func init() { // match looks attributes up
	methods = map[string]*starlark.Builtin{
		"next":   starlark.NewBuiltin("next", eventNext),
		"fail":   starlark.NewBuiltin("fail", eventFail),
		"answer": starlark.NewBuiltin("answer", eventAnswer),
		"drop":   starlark.NewBuiltin("drop", eventDrop),
		"delay":  starlark.NewBuiltin("delay", eventDelay),
		"match":  starlark.NewBuiltin("match", eventMatch),
		"stop":   starlark.NewBuiltin("stop", eventStop),
	}
}

// AttrNames implements starlark.HasAttrs.
func (e *event) AttrNames() []string {
	names := []string{"name", "kernel", "seq", "time", "pid", "error"}
	for name := range methods {
		names = append(names, name)
	}
	kind, _ := hypercall.KindOf(e.ev.Name)
	names = append(append(names, kind.Args...), kind.Results...)
	if e.ev.Name == hypercall.EventFrame {
		names = append(names, "packet")
	}
	for _, f := range e.ev.Args {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Attr implements starlark.HasAttrs.
func (e *event) Attr(name string) (starlark.Value, error) {
	if m, ok := methods[name]; ok {
		return m.BindReceiver(e), nil
	}
	if e.ended {
		return nil, errors.New("an event is gone when its function returns: copy what is needed later")
	}
	switch name {
	case "name":
		return starlark.String(e.ev.Name), nil
	case "kernel":
		return starlark.String(e.ev.Kernel), nil
	case "seq":
		return starlark.MakeUint64(e.ev.Seq), nil
	case "time":
		return starlark.MakeInt64(int64(e.ev.Time)), nil
	case "error":
		return errorName(e.ev.Err), nil
	case "packet":
		if e.ev.Name == hypercall.EventFrame {
			return e.packet(), nil
		}
	}
	if v := e.get(name); v != nil {
		return e.toStarlark(v)
	}
	if name == "pid" {
		return starlark.MakeInt(e.ev.PID), nil
	}
	if slices.Contains(e.AttrNames(), name) {
		return starlark.None, nil // a result that is not there yet
	}
	return nil, nil
}

// get is a field: a result once there are results, and else an argument.
func (e *event) get(name string) any {
	if v := e.ev.Result.Get(name); v != nil {
		return v
	}
	return e.ev.Args.Get(name)
}

// SetField implements starlark.HasSetField.
func (e *event) SetField(name string, value starlark.Value) error {
	if e.ended {
		return errors.New("an event is gone when its function returns")
	}
	kind, _ := hypercall.KindOf(e.ev.Name)
	isArg := e.ev.Args.Get(name) != nil
	isResult := slices.Contains(kind.Results, name)
	if !isArg && !isResult {
		return starlark.NoSuchAttrError(fmt.Sprintf("%s has no field .%s that can be set", e.ev.Name, name))
	}
	v, err := fromStarlark(value, e.get(name))
	if err != nil {
		return fmt.Errorf("%s of %s: %w", name, e.ev.Name, err)
	}
	if isResult && (e.asked || !isArg) {
		e.ev.Result.Set(name, v)
		return nil
	}
	e.ev.Args.Set(name, v)
	e.headers = nil
	return nil
}

func receiver(b *starlark.Builtin) (*event, error) {
	e := b.Receiver().(*event)
	if e.ended {
		return nil, fmt.Errorf("%s: an event is gone when its function returns", b.Name())
	}
	return e, nil
}

func eventNext(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	e, err := receiver(b)
	if err != nil {
		return nil, err
	}
	if err := starlark.UnpackArgs(b.Name(), args, kwargs); err != nil {
		return nil, err
	}
	if e.asked && e.ev.Name != hypercall.EventFrame {
		return nil, fmt.Errorf("next: only a frame can be sent twice, and this is a %s", e.ev.Name)
	}
	e.done, e.asked = true, true
	e.s.mu.Unlock()
	e.next()
	e.s.mu.Lock()
	return errorName(e.ev.Err), nil
}

func eventFail(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	e, err := receiver(b)
	if err != nil {
		return nil, err
	}
	var name string
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "error", &name); err != nil {
		return nil, err
	}
	e.ev.Err, err = errorNamed(name)
	e.done = true
	return starlark.None, err
}

func eventAnswer(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	e, err := receiver(b)
	if err != nil {
		return nil, err
	}
	if len(args) > 0 {
		return nil, errors.New("answer: results are given by name, such as data=…")
	}
	kind, _ := hypercall.KindOf(e.ev.Name)
	for _, kv := range kwargs {
		name := string(kv[0].(starlark.String))
		if !slices.Contains(kind.Results, name) {
			return nil, fmt.Errorf("answer: %s has no result %q; it has %q", e.ev.Name, name, kind.Results)
		}
		v, err := fromStarlark(kv[1], e.ev.Result.Get(name))
		if err != nil {
			return nil, fmt.Errorf("answer: %s: %w", name, err)
		}
		e.ev.Result.Set(name, v)
	}
	e.done = true
	return starlark.None, nil
}

func eventDrop(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	e, err := receiver(b)
	if err != nil {
		return nil, err
	}
	e.done = true
	return starlark.None, starlark.UnpackArgs(b.Name(), args, kwargs)
}

func eventDelay(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	e, err := receiver(b)
	if err != nil {
		return nil, err
	}
	var d Duration
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "duration", &d); err != nil {
		return nil, err
	}
	e.ev.Delay = time.Duration(d)
	return starlark.None, nil
}

func eventStop(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var why string
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "why", &why); err != nil {
		return nil, err
	}
	return nil, errors.New(why)
}
