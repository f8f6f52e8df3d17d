package sys

import (
	"sync"

	"github.com/anykernel/anykernel/sys/abi"
)

// FlagNames is a type of flags by name: what the packages of single OSes make
// their flags with, as this package does. It is safe for concurrent use.
type FlagNames struct {
	table  flagTable
	native sync.Map // *abi.ABI → *bitTranslation
}

// A FlagName is one name of a FlagNames. Names that share bits, of which one
// excludes the others, have all of those in Mask.
type FlagName struct {
	Name  string // of the constant, without its prefix
	Value uint64
	Mask  uint64 // 0: the bits of Value
}

// NewFlagNames describes flags: what they are called in the plural, such as
// "open flags", the prefix of their constants, such as "O_", and their names.
func NewFlagNames(name, prefix string, names ...FlagName) *FlagNames {
	n := &FlagNames{table: flagTable{name: name, prefix: prefix}}
	for _, f := range names {
		n.table.flags = append(n.table.flags, flag{f.Name, f.Value, f.Mask})
	}
	return n
}

// Parse reads names separated by commas, bars or spaces, in any case, with or
// without the prefix. A name behind "~" removes its bits; a number stands for
// itself. The error is a [*NameError].
func (n *FlagNames) Parse(text string) (uint64, error) { return n.table.parse(text) }

// Format is the names of the flags, joined by "|", and a number for what has
// none.
func (n *FlagNames) Format(v uint64) string { return n.table.format(v) }

// Native is the flags in an ABI. The error, [ErrNotSupported], names those
// that it lacks.
func (n *FlagNames) Native(a *abi.ABI, v uint64) (uint64, error) {
	return n.translation(a).native(v)
}

// Portable is what flags of an ABI are by name. Bits without one are dropped.
func (n *FlagNames) Portable(a *abi.ABI, native uint64) uint64 {
	return n.translation(a).portable(native)
}

func (n *FlagNames) translation(a *abi.ABI) *bitTranslation {
	if tr, ok := n.native.Load(a); ok {
		return tr.(*bitTranslation)
	}
	tr := n.table.translation(a)
	stored, _ := n.native.LoadOrStore(a, &tr)
	return stored.(*bitTranslation)
}
