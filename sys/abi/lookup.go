package abi

import (
	"cmp"
	"slices"
)

// New makes an ABI of generated data. It is for the packages below this one;
// programs use their variables.
func New(a ABI, d *Data) *ABI {
	a.data = d
	return &a
}

// Call is the number of a system call, false where the OS has none of that
// name.
func (a *ABI) Call(name string) (num uintptr, ok bool) {
	v, ok := find(a.data.Calls, name)
	return uintptr(v), ok
}

// Const is the value of a constant, false where the OS has none of that name.
func (a *ABI) Const(name string) (value int64, ok bool) {
	return find(a.data.Consts, name)
}

// Calls is every system call, sorted by name. The caller may not change it.
func (a *ABI) Calls() []Number { return a.data.Calls }

// Consts is every constant, sorted by name. The caller may not change it.
func (a *ABI) Consts() []Number { return a.data.Consts }

// Errnos is every error number, sorted by number. The caller may not change
// it.
func (a *ABI) Errnos() []ErrnoInfo { return a.data.Errnos }

// Layouts is every structure, sorted by name. The caller may not change it.
func (a *ABI) Layouts() []Layout { return a.data.Layouts }

// Errno describes an error number, false where the OS has no such number.
func (a *ABI) Errno(e Errno) (ErrnoInfo, bool) {
	i, ok := slices.BinarySearchFunc(a.data.Errnos, e, func(x ErrnoInfo, e Errno) int { return cmp.Compare(x.Errno, e) })
	if !ok {
		return ErrnoInfo{}, false
	}
	return a.data.Errnos[i], true
}

// Layout is the layout of a structure, nil where the OS has none of that
// name.
func (a *ABI) Layout(name string) *Layout {
	i, ok := slices.BinarySearchFunc(a.data.Layouts, name, func(l Layout, n string) int { return cmp.Compare(l.Name, n) })
	if !ok {
		return nil
	}
	return &a.data.Layouts[i]
}

// Field is a field of l, false where it has none of that name.
func (l *Layout) Field(name string) (Field, bool) {
	i := slices.IndexFunc(l.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return l.Fields[i], true
}

func find(l []Number, name string) (int64, bool) {
	i, ok := slices.BinarySearchFunc(l, name, func(n Number, name string) int { return cmp.Compare(n.Name, name) })
	if !ok {
		return 0, false
	}
	return l[i].Value, true
}
