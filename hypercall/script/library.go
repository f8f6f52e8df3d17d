package script

import (
	"errors"
	"fmt"
	"sort"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// library is what a script finds besides Starlark itself.
func (s *Script) library() starlark.StringDict {
	d := starlark.StringDict{
		"state":    s.state,
		"counts":   s.counts,
		"count":    starlark.NewBuiltin("count", count),
		"check":    starlark.NewBuiltin("check", check),
		"duration": starlark.NewBuiltin("duration", duration),
		"flip":     starlark.NewBuiltin("flip", flip),
		"random": &starlarkstruct.Module{Name: "random", Members: starlark.StringDict{
			"chance": starlark.NewBuiltin("random.chance", randomChance),
			"int":    starlark.NewBuiltin("random.int", randomInt),
			"float":  starlark.NewBuiltin("random.float", randomFloat),
			"bytes":  starlark.NewBuiltin("random.bytes", randomBytes),
			"choice": starlark.NewBuiltin("random.choice", randomChoice),
		}},
	}
	for name, n := range map[string]int{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "us": 1e3, "ms": 1e6, "s": 1e9} {
		d[name] = starlark.MakeInt(n)
	}
	for name, v := range bounded {
		d[name] = v
	}
	return d
}

func count(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var key starlark.Value
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "key", &key); err != nil {
		return nil, err
	}
	s := runOf(t).s
	if err := runOf(t).take(stepBytes); err != nil {
		return nil, err
	}
	old, found, err := s.counts.Get(key)
	if err != nil {
		return nil, err
	}
	n := 0
	if found {
		if err := starlark.AsInt(old, &n); err != nil {
			return nil, fmt.Errorf("counts[%s]: %w", key, err)
		}
	}
	v := starlark.MakeInt(n + 1)
	return v, s.counts.SetKey(key, v)
}

func check(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var cond starlark.Value
	why := "the check does not hold"
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "cond", &cond, "why?", &why); err != nil {
		return nil, err
	}
	if !cond.Truth() {
		return nil, errors.New(why)
	}
	return starlark.None, nil
}

func duration(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var d Duration
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "duration", &d); err != nil {
		return nil, err
	}
	return starlark.MakeInt64(int64(d)), nil
}

func flip(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var data starlark.Bytes
	var i int
	mask := 1
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "data", &data, "i", &i, "mask?", &mask); err != nil {
		return nil, err
	}
	if i < 0 || i >= len(data) {
		return nil, fmt.Errorf("flip: byte %d of %d bytes", i, len(data))
	}
	if err := runOf(t).take(len(data)); err != nil {
		return nil, err
	}
	out := []byte(data)
	out[i] ^= byte(mask)
	return starlark.Bytes(out), nil
}

func randomChance(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var p float64
	var v starlark.Value
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "p", &v); err != nil {
		return nil, err
	}
	p, ok := starlark.AsFloat(v)
	if !ok || p < 0 || p > 1 {
		return nil, fmt.Errorf("random.chance: %s is no probability from 0 to 1", v)
	}
	return starlark.Bool(runOf(t).s.rng.Float64() < p), nil
}

func randomInt(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var n int64
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "n", &n); err != nil {
		return nil, err
	}
	if n <= 0 {
		return nil, fmt.Errorf("random.int: there is no number from 0 to %d", n-1)
	}
	return starlark.MakeInt64(runOf(t).s.rng.Int64N(n)), nil
}

func randomFloat(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := starlark.UnpackArgs(b.Name(), args, kwargs); err != nil {
		return nil, err
	}
	return starlark.Float(runOf(t).s.rng.Float64()), nil
}

func randomBytes(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var n int
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "n", &n); err != nil {
		return nil, err
	}
	if n < 0 || n > maxField {
		return nil, fmt.Errorf("random.bytes: %d bytes; it gives 0 to %d", n, maxField)
	}
	if err := runOf(t).take(n); err != nil {
		return nil, err
	}
	rng := runOf(t).s.rng
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(rng.Uint32())
	}
	return starlark.Bytes(out), nil
}

func randomChoice(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var list starlark.Indexable
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "list", &list); err != nil {
		return nil, err
	}
	if list.Len() == 0 {
		return nil, errors.New("random.choice: the list is empty")
	}
	return list.Index(runOf(t).s.rng.IntN(list.Len())), nil
}

// A state is an object with whatever attributes a script gives it.
type state struct{ fields starlark.StringDict }

var _ starlark.HasSetField = (*state)(nil)

func (st *state) String() string        { return "state" }
func (st *state) Type() string          { return "state" }
func (st *state) Freeze()               {}
func (st *state) Truth() starlark.Bool  { return true }
func (st *state) Hash() (uint32, error) { return 0, errors.New("state is not hashable") }

// AttrNames implements starlark.HasAttrs.
func (st *state) AttrNames() []string {
	names := st.fields.Keys()
	sort.Strings(names)
	return names
}

// Attr implements starlark.HasAttrs.
func (st *state) Attr(name string) (starlark.Value, error) { return st.fields[name], nil }

// SetField implements starlark.HasSetField.
func (st *state) SetField(name string, v starlark.Value) error {
	if st.fields == nil {
		st.fields = starlark.StringDict{}
	}
	st.fields[name] = v
	return nil
}
