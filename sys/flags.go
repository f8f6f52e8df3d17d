package sys

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// A flagTable describes one type of flags: the names, the values in this
// package, and the constants that they are in an ABI.
type flagTable struct {
	name   string // in the plural, such as "open flags"
	prefix string // of the constants, such as "O_"
	other  string // the prefix of those of other ABIs; "" where they have the same
	flags  []flag

	cache atomic.Pointer[map[string]uint64] // texts parsed before
	mu    sync.Mutex                        // held to replace cache
}

// A flag is one name. Several flags may share bits, as the access modes of
// open do; then mask has all of them.
type flag struct {
	name  string // without the prefix
	value uint64
	mask  uint64 // the bits that decide; 0: those of value
}

func (f *flag) bits() uint64 {
	if f.mask != 0 {
		return f.mask
	}
	return f.value
}

// maxFlagCache bounds the texts that a table remembers: programs use a few,
// and input from outside must not fill memory.
const maxFlagCache = 256

// parse reads names separated by commas, bars or spaces, in any case, with or
// without the prefix. A name behind "~" removes its bits; a number stands for
// itself. Texts seen before cost a look-up.
func (t *flagTable) parse(text string) (uint64, error) {
	if m := t.cache.Load(); m != nil {
		if v, ok := (*m)[text]; ok {
			return v, nil
		}
	}
	var v uint64
	for _, word := range strings.FieldsFunc(text, isFlagSeparator) {
		name, remove := strings.CutPrefix(word, "~")
		f, err := t.find(name)
		if err != nil {
			return 0, err
		}
		v &^= f.bits()
		if !remove {
			v |= f.value
		}
	}
	t.remember(text, v)
	return v, nil
}

func isFlagSeparator(r rune) bool {
	return r == ',' || r == '|' || r == ' ' || r == '\t' || r == '\n'
}

func (t *flagTable) find(name string) (flag, error) {
	short := name
	if len(name) > len(t.prefix) && strings.EqualFold(name[:len(t.prefix)], t.prefix) {
		short = name[len(t.prefix):]
	}
	for _, f := range t.flags {
		if strings.EqualFold(f.name, short) {
			return f, nil
		}
	}
	if n, err := strconv.ParseUint(name, 0, 64); err == nil {
		return flag{value: n}, nil
	}
	var known []string
	for _, f := range t.flags {
		known = append(known, strings.ToLower(f.name))
	}
	return flag{}, &NameError{Table: t.name, Name: name, Known: known}
}

func (t *flagTable) remember(text string, v uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := map[string]uint64{}
	if m := t.cache.Load(); m != nil {
		if len(*m) >= maxFlagCache {
			return
		}
		for k, v := range *m {
			next[k] = v
		}
	}
	next[strings.Clone(text)] = v
	t.cache.Store(&next)
}

// format is the text form: names in the order of the table, joined by "|",
// and what no name covers as a number.
func (t *flagTable) format(v uint64) string {
	var names []string
	all := v
	for _, f := range t.flags {
		if f.mask != 0 && all&f.mask == f.value || f.value != 0 && v&f.bits() == f.value {
			names = append(names, t.prefix+f.name)
			v &^= f.bits()
		}
	}
	if v != 0 || len(names) == 0 {
		names = append(names, fmt.Sprintf("%#x", v))
	}
	return strings.Join(names, "|")
}

// A bitTranslation turns the flags of a table into those of an ABI and back.
type bitTranslation struct {
	table *flagTable
	same  uint64        // bits that mean the same in the ABI
	pairs []flagMapping // of all flags that the ABI has, those with the most bits first
}

type flagMapping struct {
	flag
	native, nativeBits uint64
}

func (t *flagTable) translation(a *abi.ABI) bitTranslation {
	tr := bitTranslation{table: t}
	var differ uint64
	for _, f := range t.flags {
		native, ok := constant(a, t.prefix+f.name)
		if !ok && t.other != "" {
			native, ok = constant(a, t.other+f.name)
		}
		if !ok {
			continue
		}
		m := flagMapping{flag: f, native: uint64(native), nativeBits: uint64(native)}
		if f.mask != 0 {
			m.nativeBits = f.mask // shared bits, such as access modes, are so everywhere
		}
		if m.native == f.value {
			tr.same |= f.value
		} else {
			differ |= f.bits()
		}
		tr.pairs = append(tr.pairs, m)
	}
	tr.same &^= differ
	// A flag may include another one, as O_SYNC does O_DSYNC on Linux: the
	// wider one is looked for first.
	slices.SortStableFunc(tr.pairs, func(a, b flagMapping) int {
		return bits.OnesCount64(b.bits()) - bits.OnesCount64(a.bits())
	})
	return tr
}

// native is v in the ABI. The error names the flags that the ABI lacks.
func (tr *bitTranslation) native(v uint64) (uint64, error) {
	out := v & tr.same
	rest := v &^ tr.same
	if rest == 0 {
		return v, nil
	}
	for i := range tr.pairs {
		m := &tr.pairs[i]
		if m.value != 0 && rest&m.bits() == m.value {
			out |= m.native
			rest &^= m.bits()
		}
	}
	if rest != 0 {
		return 0, fmt.Errorf("%s: %w", tr.table.format(rest), backends.ErrNotSupported)
	}
	return out, nil
}

// portable is what an ABI's flags are in this package. Bits that this package
// has no name for are dropped.
func (tr *bitTranslation) portable(native uint64) uint64 {
	out := native & tr.same
	rest := native &^ tr.same
	for i := range tr.pairs {
		m := &tr.pairs[i]
		if m.native != 0 && rest&m.nativeBits == m.native {
			out |= m.value
			rest &^= m.nativeBits
		}
	}
	return out
}
