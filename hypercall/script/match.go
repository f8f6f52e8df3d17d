package script

import (
	"bytes"
	"fmt"
	"path"

	"go.starlark.net/starlark"

	"github.com/anykernel/anykernel/hypercall"
)

func eventMatch(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	e, err := receiver(b)
	if err != nil {
		return nil, err
	}
	if len(args) > 0 {
		return nil, fmt.Errorf("match: conditions are given by name, such as device=\"*disk*\"")
	}
	for _, kv := range kwargs {
		ok, err := e.holds(string(kv[0].(starlark.String)), kv[1])
		if err != nil {
			return nil, fmt.Errorf("match: %s: %w", kv[0], err)
		}
		if !ok {
			return starlark.False, nil
		}
	}
	return starlark.True, nil
}

// holds reports whether one condition does.
func (e *event) holds(name string, want starlark.Value) (bool, error) {
	if list, ok := want.(*starlark.List); ok {
		for i := range list.Len() {
			if ok, err := e.holds(name, list.Index(i)); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}
	switch name {
	case "offset":
		if r, ok := want.(starlark.Tuple); ok {
			return e.touches(r)
		}
	case "port":
		src, dst := e.packetAttr("sport"), e.packetAttr("dport")
		return same(src, want) || same(dst, want), nil
	case "payload":
		return e.carries(want)
	}
	got, err := e.Attr(name)
	if err != nil {
		return false, err
	}
	if got == nil && e.ev.Name == hypercall.EventFrame {
		got = e.packetAttr(name)
	}
	if got == nil {
		return false, fmt.Errorf("a %s has no such attribute; it has %q", e.ev.Name, e.AttrNames())
	}
	if pattern, ok := want.(starlark.String); ok {
		if text, ok := got.(starlark.String); ok {
			return glob(string(pattern), string(text))
		}
	}
	return same(got, want), nil
}

// same is equality, where None equals nothing.
func same(got, want starlark.Value) bool {
	if got == nil || got == starlark.None {
		return false
	}
	eq, err := starlark.Equal(got, want)
	return eq && err == nil
}

// glob matches as a shell does, but * takes slashes too.
func glob(pattern, text string) (bool, error) {
	const slash = "\x01" // no path has it, and to path.Match it is a letter
	replace := func(s string) string { return string(bytes.ReplaceAll([]byte(s), []byte("/"), []byte(slash))) }
	return path.Match(replace(pattern), replace(text))
}

// touches reports whether a transfer has a byte from r[0] to r[1]-1.
func (e *event) touches(r starlark.Tuple) (bool, error) {
	var low, high int64
	if len(r) != 2 || starlark.AsInt(r[0], &low) != nil || starlark.AsInt(r[1], &high) != nil {
		return false, fmt.Errorf("%s is no range: it is (first, behind the last)", r)
	}
	off, length := e.ev.Args.Int("offset"), e.ev.Args.Int("length")
	return off < high && low < off+length, nil
}

// carries reports whether the payload has a part.
func (e *event) carries(want starlark.Value) (bool, error) {
	var part string
	switch v := want.(type) {
	case starlark.String:
		part = string(v)
	case starlark.Bytes:
		part = string(v)
	default:
		return false, fmt.Errorf("want text or bytes, not a %s", want.Type())
	}
	if e.ev.Name != hypercall.EventFrame {
		return false, fmt.Errorf("a %s has no payload", e.ev.Name)
	}
	return bytes.Contains(e.packet().payload, []byte(part)), nil
}
