package linux

import (
	"sync"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// A perABI keeps what was looked up in an ABI.
type perABI[T any] struct {
	make func(abi.Layout) T
	name string // of the layout
	m    sync.Map
}

func layoutOf[T any](name string, make func(abi.Layout) T) *perABI[T] {
	return &perABI[T]{name: name, make: make}
}

// of is the layout in the ABI of p's kernel. Where that has none it is made of
// an empty one, and the call that needs it fails.
func (c *perABI[T]) of(p *sys.Process) T {
	a := p.Kernel().ABI()
	if v, ok := c.m.Load(a); ok {
		return v.(T)
	}
	var l abi.Layout
	if found := a.Layout(c.name); found != nil {
		l = *found
	}
	v, _ := c.m.LoadOrStore(a, c.make(l))
	return v.(T)
}

// field is a field of a layout; one that it lacks reads as 0.
func field(l *abi.Layout, name string) abi.Field {
	f, _ := l.Field(name)
	return f
}
