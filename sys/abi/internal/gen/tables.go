package main

import (
	"errors"
	"fmt"
	"go/constant"
	"go/types"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/anykernel/anykernel/sys/abi"
)

// tables is an ABI as it is written out, by C's names.
func (s *source) tables(n *names) (*abi.Data, error) {
	d := &abi.Data{}
	calls, consts := map[string]int64{}, map[string]int64{}
	for name, v := range s.consts {
		if call, ok := strings.CutPrefix(name, "SYS_"); ok && s.inFile(name, "zsysnum") {
			calls[strings.ToLower(call)] = bits(v)
			if alias, ok := s.aliases[name]; ok {
				calls[alias] = bits(v)
			}
		} else if c := n.constant(s.constName(name)); c != "" {
			consts[c] = bits(v)
		}
	}
	if err := errors.Join(
		addNumbers(s.target, s.extras, "call", calls),
		addNumbers(s.target, s.extras, "const", consts),
	); err != nil {
		return nil, err
	}
	d.Calls, d.Consts = numberList(calls), numberList(consts)
	for _, m := range s.errnos {
		d.Errnos = append(d.Errnos, abi.ErrnoInfo{Errno: abi.Errno(m.num), Name: n.errno(m.name), Message: sentence(m.desc)})
	}
	for _, e := range s.extras {
		if e.kind == "errno" {
			d.Errnos = append(d.Errnos, abi.ErrnoInfo{Errno: abi.Errno(e.value), Name: e.name, Message: e.message})
		}
	}
	slices.SortFunc(d.Errnos, func(a, b abi.ErrnoInfo) int { return int(a.Errno) - int(b.Errno) })
	for _, m := range s.signals {
		if _, ok := s.consts[m.name]; !ok {
			continue // a size, which x/sys takes for a signal by its name
		}
		d.Signals = append(d.Signals, abi.SignalInfo{Signal: int(m.num), Name: n.errno(m.name), Message: sentence(m.desc)})
	}
	layouts, err := s.layouts(n)
	if err != nil {
		return nil, err
	}
	d.Layouts = layouts
	return d, nil
}

// numberList is a table of numbers sorted by name.
func numberList(m map[string]int64) []abi.Number {
	list := make([]abi.Number, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, abi.Number{Name: name, Value: m[name]})
	}
	return list
}

// bits is a constant as 64 bits.
func bits(v constant.Value) int64 {
	if i, ok := constant.Int64Val(v); ok {
		return i
	}
	u, _ := constant.Uint64Val(v)
	return int64(u)
}

// constName is the name in C of a constant of x/sys, "" for what C does not
// have. The names in zerrors files are C's.
func (s *source) constName(name string) string {
	if s.inFile(name, "zerrors") {
		return name
	}
	c := s.native[name]
	if strings.HasPrefix(c, "sizeof") || strings.HasPrefix(c, "BITFIELD_MASK_") {
		return ""
	}
	return c
}

// sentence undoes the lower case that x/sys gives to the first letter of a
// message.
func sentence(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// layouts is every structure that C has too.
func (s *source) layouts(n *names) ([]abi.Layout, error) {
	byName := map[string]abi.Layout{}
	for goName, st := range s.structs {
		c := s.native[goName]
		if c == "" {
			continue
		}
		name := n.structure(c, s.target.goarch)
		if name == "" || st.NumFields() == 0 {
			continue
		}
		fields, err := s.fields(n, name, st)
		if err != nil {
			return nil, err
		}
		align := s.target.align(st)
		if typ, ok := n.align(name, s.target.goarch); ok {
			if _, align, _, err = s.target.basic(typ); err != nil {
				return nil, fmt.Errorf("alignment of %s: %w", name, err)
			}
		}
		// Go pads to its own alignment, which may be less than C's.
		size := roundUp(int(s.sizes.Sizeof(st)), align)
		byName[name] = abi.Layout{Name: name, Size: size, Align: align, Fields: fields}
	}
	if err := layoutExtras(s.target, s.extras, byName); err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(byName))
	list := make([]abi.Layout, len(names))
	for i, name := range names {
		list[i] = byName[name]
	}
	return list, nil
}

// fields is the fields of a structure and of the structures in it.
func (s *source) fields(n *names, structure string, st *types.Struct) ([]abi.Field, error) {
	var list []abi.Field
	for i, offset := range s.offsets(st) {
		v := st.Field(i)
		name, err := n.field(structure, v.Name())
		if err != nil {
			return nil, err
		}
		for _, c := range name.names {
			f := abi.Field{Name: c, Offset: offset, Size: int(s.sizes.Sizeof(v.Type())), Signed: signed(v.Type())}
			if name.size != 0 {
				f.Size, f.Signed = name.size, false
			}
			list = append(list, f)
			inner, err := s.inner(n, f, v.Type())
			if err != nil {
				return nil, err
			}
			list = append(list, inner...)
		}
	}
	return list, nil
}

// inner is the fields of a field that is a structure.
func (s *source) inner(n *names, outer abi.Field, t types.Type) ([]abi.Field, error) {
	st, ok := t.Underlying().(*types.Struct)
	if !ok {
		return nil, nil
	}
	name := n.structure(s.nativeType(n, s.named[st]), s.target.goarch)
	if name == "" {
		return nil, fmt.Errorf("field %s is a structure without a name", outer.Name)
	}
	list, err := s.fields(n, name, st)
	for i := range list {
		list[i].Name = outer.Name + "." + list[i].Name
		list[i].Offset += outer.Offset
	}
	return list, err
}

// nativeType is the name in x/sys's input of a Go type. The table of names has
// those that x/sys made up.
func (s *source) nativeType(n *names, goName string) string {
	if c, ok := s.native[goName]; ok {
		return c
	}
	if _, ok := n.types[goName]; ok {
		return goName
	}
	return ""
}

func (s *source) offsets(st *types.Struct) []int {
	vars := make([]*types.Var, st.NumFields())
	for i := range vars {
		vars[i] = st.Field(i)
	}
	var list []int
	for _, o := range s.sizes.Offsetsof(vars) {
		list = append(list, int(o))
	}
	return list
}

func signed(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsInteger != 0 && b.Info()&types.IsUnsigned == 0
}

// align is the alignment of a type in C. Go's differs for 64-bit integers: C
// aligns them to 8 bytes on all 32-bit architectures here but 386.
func (t target) align(typ types.Type) int {
	switch u := typ.Underlying().(type) {
	case *types.Struct:
		a := 1
		for i := range u.NumFields() {
			a = max(a, t.align(u.Field(i).Type()))
		}
		return a
	case *types.Array:
		return t.align(u.Elem())
	default:
		return t.alignOf(int(t.sizes().Sizeof(typ)))
	}
}

// alignOf is the alignment of an integer.
func (t target) alignOf(size int) int {
	if t.goarch == "386" {
		return min(size, 4)
	}
	return size
}
