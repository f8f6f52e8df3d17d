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
// the same components only has to be copied. It has them by the names that
// were given as well.
var programs sync.Map // string → *program

type program struct {
	*loader.Program
	order []string // the components, in link order
}

func programKey(dir string, names []string) string { return dir + "\x00" + strings.Join(names, ",") }

// link is the program of the components that are named.
func link(dir string, names []string) (*program, error) {
	given := programKey(dir, names)
	if p, ok := programs.Load(given); ok {
		return p.(*program), nil
	}
	p, err := resolve(dir, names)
	if err == nil {
		programs.Store(given, p)
	}
	return p, err
}

// resolve is link for names that were not given yet.
func resolve(dir string, names []string) (*program, error) {
	k, err := kit.Open(dir)
	if err != nil {
		return nil, err
	}
	components, err := k.Resolve(names...)
	if err != nil {
		return nil, err
	}
	var libs []*loader.Library
	var order []string
	for _, c := range components {
		libs = append(libs, c.Library)
		order = append(order, c.Name)
	}
	key := programKey(dir, order)
	if p, ok := programs.Load(key); ok {
		return p.(*program), nil
	}
	linked, err := loader.Link(libs, loader.Options{
		Host: rumpuser.Symbol, Trap: rumpuser.Trap(), TLSModule: 1,
	})
	if err != nil {
		return nil, err
	}
	if linked.TLSSize() > rumpuser.TLSSize {
		return nil, fmt.Errorf("the components have %d bytes of thread-local variables; only the current LWP is supported", linked.TLSSize())
	}
	p := &program{linked, order}
	programs.Store(key, p)
	return p, nil
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
