package netbsd

import (
	"fmt"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// want is an error where p's kernel is no NetBSD.
func want(p *sys.Process, op string) error {
	if p.Kernel().ABI().OS != "netbsd" {
		return p.Fail(op, "", fmt.Errorf("only NetBSD has it: %w", sys.ErrNotSupported))
	}
	return nil
}

// A record is a structure of an ABI: its members are read and written by name,
// and one that the ABI lacks reads as 0.
type record struct {
	layout *abi.Layout
	order  abi.ByteOrder
	b      []byte
}

var empty abi.Layout

func layoutOf(a *abi.ABI, name string) *abi.Layout {
	if l := a.Layout(name); l != nil {
		return l
	}
	return &empty
}

func newRecord(a *abi.ABI, name string) record {
	l := layoutOf(a, name)
	return record{l, a.Order, make([]byte, l.Size)}
}

func (r *record) field(name string) abi.Field {
	f, _ := r.layout.Field(name)
	return f
}

func (r *record) get(name string) int64 { return r.field(name).Int(r.b, r.order) }

func (r *record) put(name string, v int64) { r.field(name).PutInt(r.b, r.order, v) }

func (r *record) bytes(name string) []byte { return r.field(name).Bytes(r.b) }
