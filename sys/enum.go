package sys

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// An enumTable describes one type of numbers that exclude each other, such as
// address families: the names, the values in this package, and the constants
// that they are in an ABI.
type enumTable struct {
	name   string // in the plural, such as "address families"
	prefix string // of the constants, such as "AF_"
	values []enumValue
}

// An enumValue is one name. Of several names for one value the first is the
// one that is printed.
type enumValue struct {
	name  string // without the prefix
	value uint32
}

// inOrder is the names of the values 0, 1, 2 and so on; "" where there is none.
func inOrder(names ...string) []enumValue {
	var values []enumValue
	for i, name := range names {
		if name != "" {
			values = append(values, enumValue{name, uint32(i)})
		}
	}
	return values
}

// parse reads a name, in any case, with or without the prefix. A number
// stands for itself.
func (t *enumTable) parse(text string) (uint32, error) {
	name := strings.TrimSpace(text)
	short := name
	if len(name) > len(t.prefix) && strings.EqualFold(name[:len(t.prefix)], t.prefix) {
		short = name[len(t.prefix):]
	}
	for _, v := range t.values {
		if strings.EqualFold(v.name, short) {
			return v.value, nil
		}
	}
	if n, err := strconv.ParseUint(name, 0, 32); err == nil {
		return uint32(n), nil
	}
	var known []string
	for _, v := range t.values {
		known = append(known, strings.ToLower(v.name))
	}
	return 0, &NameError{Table: t.name, Name: name, Known: known}
}

// format is the name, or the number of what has none.
func (t *enumTable) format(value uint32) string {
	for _, v := range t.values {
		if v.value == value {
			return t.prefix + v.name
		}
	}
	return strconv.FormatUint(uint64(value), 10)
}

// An enumTranslation turns the values of a table into those of an ABI and
// back.
type enumTranslation struct {
	table      *enumTable
	toNative   map[uint32]uint32
	toPortable map[uint32]uint32
}

func (t *enumTable) translation(a *abi.ABI) enumTranslation {
	tr := enumTranslation{table: t, toNative: map[uint32]uint32{}, toPortable: map[uint32]uint32{}}
	for _, v := range t.values {
		native, ok := constant(a, t.prefix+v.name)
		if !ok {
			continue
		}
		if _, dup := tr.toNative[v.value]; !dup {
			tr.toNative[v.value] = uint32(native)
		}
		if _, dup := tr.toPortable[uint32(native)]; !dup {
			tr.toPortable[uint32(native)] = v.value
		}
	}
	return tr
}

// native is value in the ABI. The error names a value that the ABI lacks.
func (tr *enumTranslation) native(value uint32) (uint32, error) {
	n, ok := tr.toNative[value]
	if !ok {
		return 0, fmt.Errorf("%s: %w", tr.table.format(value), backends.ErrNotSupported)
	}
	return n, nil
}

// portable is what a number of the ABI is in this package, false where it has
// no name here.
func (tr *enumTranslation) portable(native uint32) (value uint32, known bool) {
	value, known = tr.toPortable[native]
	return value, known
}
