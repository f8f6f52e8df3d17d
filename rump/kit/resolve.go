//go:build linux

package kit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// exclusive are components of which a kernel has at most one.
var exclusive = []string{"net_net", "net_sockin"}

// never are components that are taken only by name, not because another one
// needs what they have.
var never = map[string]bool{"net_sockin": true}

// factions are the components that most others need, tried first.
var factions = []string{base, "vfs", "net", "dev", "net_net"}

// Resolve is the components of those names and all that they need, in link
// order: what needs another component stands before it. The names are as Find
// takes them, in any order.
func (k *Kit) Resolve(names ...string) ([]*Component, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := resolution{kit: k, have: map[string]*Component{}}
	if err := r.add(base); err != nil {
		return nil, err
	}
	for _, n := range names {
		found, err := k.Find(n)
		if err != nil {
			return nil, err
		}
		if err := r.add(found); err != nil {
			return nil, err
		}
	}
	if err := r.complete(); err != nil {
		return nil, err
	}
	var both []string
	for _, name := range exclusive {
		if r.have[name] != nil {
			both = append(both, name)
		}
	}
	if len(both) > 1 {
		return nil, fmt.Errorf("components %s exclude each other", strings.Join(both, " and "))
	}
	return r.order(), nil
}

// A resolution is a set of components that grows until it needs nothing.
type resolution struct {
	kit  *Kit
	have map[string]*Component
	todo []*Component // not looked at yet
}

func (r *resolution) add(name string) error {
	if r.have[name] != nil {
		return nil
	}
	c, err := r.kit.read(name)
	if err != nil {
		return err
	}
	r.have[name] = c
	r.todo = append(r.todo, c)
	return nil
}

// complete adds who has what is wanted. What nobody in the kit has stays
// missing: it may never be called.
func (r *resolution) complete() error {
	for len(r.todo) > 0 {
		c := r.todo[0]
		r.todo = r.todo[1:]
		for _, s := range c.wants {
			if s.Weak || r.provider(s.Name) != nil || isHost(s.Name) {
				continue
			}
			p, err := r.kit.provider(s.Name)
			if err != nil {
				return err
			}
			if p != nil {
				if err := r.add(p.Name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// isHost reports whether a symbol is one that the host of a kernel answers.
func isHost(name string) bool {
	return strings.HasPrefix(name, "rumpuser_") || strings.HasPrefix(name, "rumpcomp_") || name == "__tls_get_addr"
}

// provider is a component of the set that defines a symbol.
func (r *resolution) provider(symbol string) *Component {
	for _, c := range r.have {
		if _, ok := c.defines[symbol]; ok {
			return c
		}
	}
	return nil
}

// provider is the component of the kit that defines a symbol, nil for none.
// The factions are read first: with them, most kernels need not read the whole
// kit. k.mu is held.
func (k *Kit) provider(symbol string) (*Component, error) {
	for _, name := range factions {
		if _, ok := k.files[name]; !ok {
			continue
		}
		c, err := k.read(name)
		if err != nil {
			return nil, err
		}
		if _, ok := c.defines[symbol]; ok {
			return c, nil
		}
	}
	if !strings.HasPrefix(symbol, "rump") {
		return nil, nil // a symbol of libc, in the host half of a component
	}
	if k.providers == nil {
		k.index()
	}
	if list := k.providers[symbol]; len(list) > 0 {
		return list[0], nil
	}
	return nil, nil
}

// index reads every library. One that is damaged provides nothing; it is an
// error only for who names it.
func (k *Kit) index() {
	k.providers = map[string][]*Component{}
	for _, name := range k.Names() {
		if never[name] {
			continue
		}
		c, err := k.read(name)
		if err != nil {
			continue
		}
		for s, weak := range c.defines {
			if !weak {
				k.providers[s] = append(k.providers[s], c)
			}
		}
	}
	for _, list := range k.providers {
		slices.SortFunc(list, func(a, b *Component) int {
			return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), strings.Compare(a.Name, b.Name))
		})
	}
}

// order sorts the set so that who needs stands before who is needed, and the
// factions, which have weak stand-ins for what others do properly, come last.
func (r *resolution) order() []*Component {
	all := make([]*Component, 0, len(r.have))
	for _, c := range r.have {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *Component) int {
		return cmp.Or(cmp.Compare(rank(b.Name), rank(a.Name)), strings.Compare(a.Name, b.Name))
	})
	// Depth first, lowest rank first, each component after those that it
	// needs; then turned round.
	var list []*Component
	seen := map[*Component]bool{}
	var visit func(c *Component)
	visit = func(c *Component) {
		if seen[c] {
			return
		}
		seen[c] = true
		for _, p := range all {
			if p != c && rank(p.Name) >= rank(c.Name) && c.needs(p) {
				visit(p)
			}
		}
		list = append(list, c)
	}
	for _, c := range all {
		visit(c)
	}
	slices.Reverse(list)
	return list
}

func (c *Component) needs(p *Component) bool {
	for _, s := range c.wants {
		if _, ok := p.defines[s.Name]; ok {
			return true
		}
	}
	return false
}

// rank is how far down a component belongs.
func rank(name string) int {
	switch {
	case name == base:
		return 2
	case !strings.Contains(name, "_"):
		return 1
	}
	return 0
}
