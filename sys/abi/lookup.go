package abi

import (
	"cmp"
	"sync"
)

// New makes an ABI of tables.
func New(a ABI, d *Data) *ABI {
	a.Data = d
	return &a
}

// Call is the number of a system call such as "openat", false where the OS has
// none of that name. A call that changed over NetBSD's versions goes by its
// kernel's name, such as "__stat50", and the newest one by its plain name too.
func (a *ABI) Call(name string) (num uintptr, ok bool) {
	for d := a.Data; d != nil; d = d.Base {
		if i, ok := find(d.Calls, name, numberName); ok {
			return uintptr(d.Calls[i].Value), true
		}
	}
	return 0, false
}

// Const is the value of a constant, false where the OS has none of that name.
func (a *ABI) Const(name string) (value int64, ok bool) {
	for d := a.Data; d != nil; d = d.Base {
		if i, ok := find(d.Consts, name, numberName); ok {
			return d.Consts[i].Value, true
		}
	}
	return 0, false
}

// Errno describes an error number, false where the OS has no such number.
func (a *ABI) Errno(e Errno) (ErrnoInfo, bool) {
	for d := a.Data; d != nil; d = d.Base {
		if i, ok := find(d.Errnos, e, errnoNumber); ok {
			return d.Errnos[i], true
		}
	}
	return ErrnoInfo{}, false
}

// Signal describes a signal, false where the OS has none of that number or no
// name for it, as for those between SIGRTMIN and SIGRTMAX.
func (a *ABI) Signal(signal int) (SignalInfo, bool) {
	for d := a.Data; d != nil; d = d.Base {
		if i, ok := find(d.Signals, signal, signalNumber); ok {
			return d.Signals[i], true
		}
	}
	return SignalInfo{}, false
}

// Layout is the layout of a structure, nil where the OS has none of that
// name.
func (a *ABI) Layout(name string) *Layout {
	for d := a.Data; d != nil; d = d.Base {
		if i, ok := find(d.Layouts, name, layoutName); ok {
			return &d.Layouts[i]
		}
	}
	return nil
}

// Field is a field of l, false where it has none of that name.
func (l *Layout) Field(name string) (Field, bool) {
	for i := range l.Fields {
		if l.Fields[i].Name == name {
			return l.Fields[i], true
		}
	}
	return Field{}, false
}

// Calls is every system call, sorted by name. The caller may not change it.
func (a *ABI) Calls() []Number { return a.merged().calls }

// Consts is every constant, sorted by name. The caller may not change it.
func (a *ABI) Consts() []Number { return a.merged().consts }

// Errnos is every error number, sorted by number. A number that goes by two
// names is here once, under the one that the OS's messages use; the other
// name is a constant. The caller may not change it.
func (a *ABI) Errnos() []ErrnoInfo { return a.merged().errnos }

// Signals is every signal that has a name, sorted by number. One that goes by
// two names is here once; the other name is a constant. The caller may not
// change it.
func (a *ABI) Signals() []SignalInfo { return a.merged().signals }

// Layouts is every structure, sorted by name. The caller may not change it.
func (a *ABI) Layouts() []Layout { return a.merged().layouts }

// merged is the tables of a Data and of its Base as one, made when somebody
// asks for all of them: single look-ups do without.
type merged struct {
	once    sync.Once
	calls   []Number
	consts  []Number
	errnos  []ErrnoInfo
	signals []SignalInfo
	layouts []Layout
}

func (a *ABI) merged() *merged {
	m := &a.Data.all
	m.once.Do(func() {
		for d := a.Data; d != nil; d = d.Base {
			m.calls = overlay(m.calls, d.Calls, numberName)
			m.consts = overlay(m.consts, d.Consts, numberName)
			m.errnos = overlay(m.errnos, d.Errnos, errnoNumber)
			m.signals = overlay(m.signals, d.Signals, signalNumber)
			m.layouts = overlay(m.layouts, d.Layouts, layoutName)
		}
	})
	return m
}

func numberName(n *Number) string    { return n.Name }
func layoutName(l *Layout) string    { return l.Name }
func errnoNumber(e *ErrnoInfo) Errno { return e.Errno }
func signalNumber(s *SignalInfo) int { return s.Signal }

func find[E any, K cmp.Ordered](list []E, key K, of func(*E) K) (int, bool) {
	lo, hi := 0, len(list)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if of(&list[mid]) < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(list) && of(&list[lo]) == key
}

// overlay is the entries of two sorted lists, sorted; where both have one it is
// that of the upper list.
func overlay[E any, K cmp.Ordered](upper, lower []E, of func(*E) K) []E {
	if len(upper) == 0 {
		return lower
	}
	out := make([]E, 0, len(upper)+len(lower))
	for len(upper) > 0 && len(lower) > 0 {
		order := cmp.Compare(of(&upper[0]), of(&lower[0]))
		if order > 0 {
			out = append(out, lower[0])
			lower = lower[1:]
			continue
		}
		if order == 0 {
			lower = lower[1:]
		}
		out = append(out, upper[0])
		upper = upper[1:]
	}
	return append(append(out, upper...), lower...)
}
