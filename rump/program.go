//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"fmt"
	"strings"
	"sync"

	"github.com/anykernel/anykernel/hypercall/rumpuser"
	"github.com/anykernel/anykernel/rump/kit"
	"github.com/anykernel/anykernel/rump/loader"
)

// programs keeps what was linked, by kit and components: the next kernel of
// the same components only has to be copied.
var programs sync.Map // string → *loader.Program

// link is the program of the components that are named, and their names in
// link order.
func link(dir string, names []string) (*loader.Program, []string, error) {
	k, err := kit.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	components, err := k.Resolve(names...)
	if err != nil {
		return nil, nil, err
	}
	var libs []*loader.Library
	var order []string
	for _, c := range components {
		libs = append(libs, c.Library)
		order = append(order, c.Name)
	}
	key := dir + "\x00" + strings.Join(order, ",")
	if p, ok := programs.Load(key); ok {
		return p.(*loader.Program), order, nil
	}
	p, err := loader.Link(libs, loader.Options{
		Host: rumpuser.Symbol, Trap: rumpuser.Trap(), TLSModule: 1,
	})
	if err != nil {
		return nil, nil, err
	}
	if p.TLSSize() > rumpuser.TLSSize {
		return nil, nil, fmt.Errorf("the components have %d bytes of thread-local variables; only the current LWP is supported", p.TLSSize())
	}
	programs.Store(key, p)
	return p, order, nil
}

// image is a loaded program as its host side wants to see it.
type image struct{ *loader.Image }

func (im image) LinkSet(name string) [][2]uintptr {
	var list [][2]uintptr
	for _, s := range im.LinkSets(name) {
		list = append(list, [2]uintptr{s.Start, s.End})
	}
	return list
}
