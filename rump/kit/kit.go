//go:build linux

package kit

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/anykernel/anykernel/rump/loader"
)

// A Kit is a folder of components. It is safe for concurrent use. Libraries
// are read when they are first needed, and stay.
type Kit struct {
	dir   string
	files map[string]string // by component

	mu        sync.Mutex
	libs      map[string]*Component
	providers map[string][]*Component // by symbol; nil until every library was read
}

// A Component is one library of a kit.
type Component struct {
	Name    string // such as "net_netinet"
	Library *loader.Library

	defines map[string]bool // by symbol, whether it is weak
	wants   []loader.Symbol
}

var kits sync.Map // dir → *Kit

// Open is the kit in a folder. The same folder gives the same Kit, as long as
// the process lives: kernels share the libraries' pages.
func Open(dir string) (*Kit, error) {
	if k, ok := kits.Load(dir); ok {
		return k.(*Kit), nil
	}
	if err := Present(dir); err != nil {
		return nil, err
	}
	files, err := list(dir)
	if err != nil {
		return nil, err
	}
	k, _ := kits.LoadOrStore(dir, &Kit{dir: dir, files: files, libs: map[string]*Component{}})
	return k.(*Kit), nil
}

// Dir is the kit's folder.
func (k *Kit) Dir() string { return k.dir }

// Names is the components that the kit has, sorted.
func (k *Kit) Names() []string { return slices.Sorted(maps.Keys(k.files)) }

// Component is the component of a name as Names has it.
func (k *Kit) Component(name string) (*Component, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.read(name)
}

// read reads a library, once. k.mu is held.
func (k *Kit) read(name string) (*Component, error) {
	if c := k.libs[name]; c != nil {
		return c, nil
	}
	file, ok := k.files[name]
	if !ok {
		return nil, fmt.Errorf("the kit in %s has no component %q", k.dir, name)
	}
	l, err := loader.Open(filepath.Join(k.dir, file))
	if err != nil {
		return nil, err
	}
	c := &Component{Name: name, Library: l, defines: map[string]bool{}, wants: l.Wants()}
	for _, s := range l.Defines() {
		c.defines[s.Name] = s.Weak
	}
	k.libs[name] = c
	return c, nil
}

// A NameError says that the kit has no component of a name, or several.
type NameError struct {
	Name  string
	Dir   string   // the kit's folder
	Match []string // components that it may have meant
}

func (e *NameError) Error() string {
	if len(e.Match) > 1 {
		return fmt.Sprintf("component %q may be %s", e.Name, strings.Join(e.Match, " or "))
	}
	hint := ""
	if len(e.Match) == 1 {
		hint = fmt.Sprintf("; it has %s", e.Match[0])
	}
	return fmt.Sprintf("the kit in %s has no component %q%s", e.Dir, e.Name, hint)
}

// Find is the component that people mean by a name: "net_netinet",
// "rumpnet_netinet", "librumpnet_netinet.so" or just "netinet". The error is
// a [*NameError].
func (k *Kit) Find(name string) (string, error) {
	short := Normalize(name)
	if _, ok := k.files[short]; ok {
		return short, nil
	}
	var match, like []string
	for _, c := range k.Names() {
		if _, tail, ok := strings.Cut(c, "_"); ok && tail == short {
			match = append(match, c)
		} else if strings.Contains(c, short) || strings.Contains(short, c) && c != base {
			like = append(like, c)
		}
	}
	switch {
	case len(match) == 1:
		return match[0], nil
	case len(match) > 1:
		return "", &NameError{name, k.dir, match}
	}
	return "", &NameError{name, k.dir, like[:min(len(like), 1)]}
}
