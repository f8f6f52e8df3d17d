package script

import (
	"fmt"
	"unsafe"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// What a script has made is counted in bytes, roughly: what one event makes is
// counted as kept until it ends, and what is kept by what can be reached is
// looked up when the sum of it all exceeds the bound.
const (
	stepBytes  = 32 // that a step makes, and the entry of a list
	entryBytes = 64 // of a dict or set
)

type memory struct {
	kept   int // when it was looked up last, and what events have made since
	making int // by the events under way
}

// A run is the work on one event, or the loading of a script. It holds s.mu,
// except while it waits for the host.
type run struct {
	s    *Script
	made int
}

const runKey = "run"

func runOf(t *starlark.Thread) *run { return t.Local(runKey).(*run) }

// take counts n bytes, and fails where that is too much.
func (r *run) take(n int) error {
	m := &r.s.memory
	if n < 0 || n > MaxMemory || m.kept+m.making+n > MaxMemory {
		return fmt.Errorf("the script would hold more than %d MiB", MaxMemory>>20)
	}
	r.made += n
	m.making += n
	return nil
}

// end counts what the event made as kept, and looks up what is kept where that
// is too much.
func (r *run) end(steps int) error {
	m := &r.s.memory
	m.making -= r.made
	m.kept += r.made + steps*stepBytes
	if m.kept+m.making <= MaxMemory/2 {
		return nil
	}
	m.kept = r.s.reach()
	if m.kept > MaxMemory/2 {
		return fmt.Errorf("the script keeps %d MiB: it may keep %d", m.kept>>20, MaxMemory>>21)
	}
	return nil
}

// reach is the size of all that the script can reach between events.
func (s *Script) reach() int {
	r := reach{seen: map[unsafe.Pointer]bool{}}
	for _, v := range s.globals {
		r.value(v)
	}
	for _, v := range s.state.fields {
		r.value(v)
	}
	r.value(s.counts)
	return r.bytes
}

// A reach is what values reach, each counted once.
type reach struct {
	seen  map[unsafe.Pointer]bool
	bytes int
}

func (r *reach) value(v starlark.Value) {
	r.bytes += shallow(v)
	switch v := v.(type) {
	case *starlark.List:
		if r.first(unsafe.Pointer(v)) {
			r.elements(v)
		}
	case *starlark.Set:
		if r.first(unsafe.Pointer(v)) {
			r.elements(v)
		}
	case *starlark.Dict:
		if r.first(unsafe.Pointer(v)) {
			for _, kv := range v.Items() {
				r.value(kv[0])
				r.value(kv[1])
			}
		}
	case starlark.Tuple:
		if len(v) > 0 && r.first(unsafe.Pointer(unsafe.SliceData(v))) {
			r.elements(v)
		}
	}
}

func (r *reach) first(p unsafe.Pointer) bool {
	if r.seen[p] {
		return false
	}
	r.seen[p] = true
	return true
}

func (r *reach) elements(list starlark.Iterable) {
	for v := range starlark.Elements(list) {
		r.value(v)
	}
}

// shallow is the size of a value without what it refers to.
func shallow(v starlark.Value) int {
	switch v := v.(type) {
	case starlark.String:
		return len(v)
	case starlark.Bytes:
		return len(v)
	case starlark.Int:
		if _, small := v.Int64(); small {
			return 0
		}
		return v.BigInt().BitLen() / 8
	case *starlark.Dict:
		return v.Len() * entryBytes
	case *starlark.Set:
		return v.Len() * entryBytes
	case starlark.Sequence:
		return v.Len() * stepBytes
	}
	return 0
}

// printed bounds the size of a value's text, which may be far larger than the
// value: what it refers to twice is there twice. It stops counting at the
// bound.
func printed(v starlark.Value, sum int) int {
	sum += 32 + shallow(v)*4 // escapes
	if sum > MaxMemory {
		return sum
	}
	switch v := v.(type) {
	case *starlark.Dict:
		for _, kv := range v.Items() {
			sum = printed(kv[1], printed(kv[0], sum))
		}
	case *starlark.List, starlark.Tuple, *starlark.Set:
		for e := range starlark.Elements(v.(starlark.Iterable)) {
			if sum = printed(e, sum); sum > MaxMemory {
				return sum
			}
		}
	}
	return sum
}

// bounded is the functions that a script is rewritten to call, and those of
// Starlark that make something large.
var bounded = func() starlark.StringDict {
	d := starlark.StringDict{}
	for name, fn := range map[string]func(r *run, x, y starlark.Value) (starlark.Value, error){
		add: boundedAdd, times: boundedTimes, shift: boundedShift, format: boundedFormat, union: boundedUnion, attr: boundedAttr,
	} {
		d[name] = starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return fn(runOf(t), args[0], args[1])
		})
	}
	d["int"] = counted("int", starlark.Universe["int"], func(_ starlark.Value, args starlark.Tuple) int {
		if shallowAll(args) > maxBits/8 {
			return MaxMemory + 1
		}
		return 0
	})
	d[whole] = starlark.NewBuiltin(whole, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return args[0], runOf(t).take(shallow(args[0]))
	})
	for _, name := range []string{"list", "tuple", "dict", "set", "sorted", "reversed", "zip", "enumerate", "bytes"} {
		d[name] = counted(name, starlark.Universe[name], func(_ starlark.Value, args starlark.Tuple) int { return 4 * shallowAll(args) })
	}
	for _, name := range []string{"str", "repr", "print"} {
		d[name] = counted(name, starlark.Universe[name], func(_ starlark.Value, args starlark.Tuple) int { return printed(args, 0) })
	}
	return d
}()

// counted is fn, whose result's size is bounded by a function of its receiver
// and arguments.
func counted(name string, fn starlark.Value, size func(receiver starlark.Value, args starlark.Tuple) int) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		all := args
		for _, kv := range kwargs {
			all = append(all[:len(all):len(all)], kv[1])
		}
		if err := runOf(t).take(size(b.Receiver(), all)); err != nil {
			return nil, err
		}
		return starlark.Call(t, fn, args, kwargs)
	})
}

func shallowAll(args starlark.Tuple) int {
	n := 0
	for _, a := range args {
		n += shallow(a)
	}
	return n
}

func boundedAdd(r *run, x, y starlark.Value) (starlark.Value, error) {
	if err := r.take(shallow(x) + shallow(y)); err != nil {
		return nil, err
	}
	return starlark.Binary(syntax.PLUS, x, y)
}

func boundedUnion(r *run, x, y starlark.Value) (starlark.Value, error) {
	if err := r.take(shallow(x) + shallow(y)); err != nil {
		return nil, err
	}
	return starlark.Binary(syntax.PIPE, x, y)
}

// maxBits bounds the integers that are multiplied and shifted.
const maxBits = 1 << 16

func bits(v starlark.Value) int {
	i, ok := v.(starlark.Int)
	if !ok {
		return 0
	}
	return i.BigInt().BitLen()
}

var errBits = fmt.Errorf("an int of more than %d bits", maxBits)

func boundedShift(r *run, x, y starlark.Value) (starlark.Value, error) {
	if bits(x) > maxBits {
		return nil, errBits
	}
	return starlark.Binary(syntax.LTLT, x, y) // by less than 512 bits
}

func boundedTimes(r *run, x, y starlark.Value) (starlark.Value, error) {
	n := shallow(x) + shallow(y)
	if n > maxBits/8 && bits(x)+bits(y) > maxBits {
		return nil, errBits
	}
	if i, ok := x.(starlark.Int); ok {
		x, y = y, i
	}
	if i, ok := y.(starlark.Int); ok {
		if _, sequence := x.(starlark.Indexable); sequence {
			times, _ := i.Int64()
			if times > MaxMemory {
				return nil, fmt.Errorf("the script would hold more than %d MiB", MaxMemory>>20)
			}
			n = shallow(x) * int(max(times, 0))
		}
	}
	if err := r.take(n); err != nil {
		return nil, err
	}
	return starlark.Binary(syntax.STAR, x, y)
}

func boundedFormat(r *run, x, y starlark.Value) (starlark.Value, error) {
	n := shallow(x) + shallow(y)
	if _, text := x.(starlark.String); text {
		n = printed(y, shallow(x))
	}
	if err := r.take(n); err != nil {
		return nil, err
	}
	return starlark.Binary(syntax.PERCENT, x, y)
}

// boundedAttr is x.name. What methods make is counted when they are called.
func boundedAttr(r *run, x, name starlark.Value) (starlark.Value, error) {
	key := string(name.(starlark.String))
	v, err := attribute(x, key)
	if err != nil {
		return nil, err
	}
	method, ok := v.(*starlark.Builtin)
	if !ok {
		return v, nil
	}
	var size func(starlark.Value, starlark.Tuple) int
	switch x.(type) {
	case starlark.String, starlark.Bytes:
		size = sizeOfText[key]
		if size == nil {
			size = func(x starlark.Value, _ starlark.Tuple) int { return stepBytes * shallow(x) }
		}
	case *starlark.List, *starlark.Dict, *starlark.Set:
		size = func(x starlark.Value, args starlark.Tuple) int { return shallowAll(args) }
		if key == "keys" || key == "values" || key == "items" || key == "union" || key == "difference" || key == "intersection" || key == "symmetric_difference" {
			size = func(x starlark.Value, args starlark.Tuple) int { return 2*shallow(x) + shallowAll(args) }
		}
	default:
		return v, nil
	}
	return counted(key, method, size).BindReceiver(x), nil
}

// sizeOfText is for the methods of texts whose result may be much larger than
// the text.
var sizeOfText = map[string]func(x starlark.Value, args starlark.Tuple) int{
	"join": func(x starlark.Value, args starlark.Tuple) int {
		n := 0
		if len(args) == 1 {
			if list, ok := args[0].(starlark.Iterable); ok {
				for v := range starlark.Elements(list) {
					n += shallow(x) + shallow(v)
				}
			}
		}
		return n
	},
	"replace": func(x starlark.Value, args starlark.Tuple) int {
		n := shallow(x)
		if len(args) >= 2 {
			// At most one replacement before each byte and behind the last.
			return n + (n+1)*shallow(args[1])
		}
		return n
	},
	"format": func(x starlark.Value, args starlark.Tuple) int {
		// At most every second byte begins a field.
		return shallow(x) + (shallow(x)/2+1)*printed(args, 0)
	},
}

func attribute(x starlark.Value, name string) (starlark.Value, error) {
	has, ok := x.(starlark.HasAttrs)
	if ok {
		v, err := has.Attr(name)
		if v != nil || err != nil {
			return v, err
		}
		return nil, fmt.Errorf("%s has no .%s; it has %q", x.Type(), name, has.AttrNames())
	}
	return nil, fmt.Errorf("%s has no .%s", x.Type(), name)
}
