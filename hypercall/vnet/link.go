package vnet

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
)

// A Link is a cable between two nodes.
type Link struct {
	n    *Network
	ways [2]*way
}

// Link connects two nodes, which are interfaces or switches of this network. An
// interface has one link. Switches that are connected already, if only through
// others, cannot be connected again.
func (n *Network) Link(a, b Node) (*Link, error) {
	if a == nil || b == nil {
		return nil, errors.New("a link needs two nodes")
	}
	x, y := a.self(), b.self()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, ErrClosed
	}
	for _, end := range []node{x, y} {
		if n.nodes[end.Name()] != end {
			return nil, fmt.Errorf("node %q is none of this network", end.Name())
		}
	}
	if x == y {
		return nil, fmt.Errorf("a link from %q to itself", x.Name())
	}
	if isSwitch(x) && isSwitch(y) && n.connected(x, y) {
		return nil, fmt.Errorf("switches %q and %q are connected already: frames would go round for ever", x.Name(), y.Name())
	}
	l := &Link{n: n}
	l.ways = [2]*way{n.newWay(x, y), n.newWay(y, x)}
	var err error
	if l.ways[1].port, err = x.connect(l.ways[0]); err != nil {
		return nil, err
	}
	if l.ways[0].port, err = y.connect(l.ways[1]); err != nil {
		x.disconnect(l.ways[0])
		return nil, err
	}
	n.links = append(n.links, l)
	return l, nil
}

func isSwitch(x node) bool {
	_, ok := x.(*Switch)
	return ok
}

// connected reports whether frames get from x to y. n.mu is held.
func (n *Network) connected(x, y node) bool {
	seen, todo := map[node]bool{x: true}, []node{x}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		for _, l := range n.links {
			for i, w := range l.ways {
				if from := l.ways[1-i].to; from == at && !seen[w.to] {
					seen[w.to] = true
					todo = append(todo, w.to)
				}
			}
		}
	}
	return seen[y]
}

func (n *Network) newWay(from, to node) *way {
	w := &way{n: n, from: from, to: to}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s>%s", from.Name(), to.Name())
	w.random = rand.New(rand.NewPCG(n.seed, h.Sum64()))
	return w
}

// Ends are the nodes that the link connects.
func (l *Link) Ends() (a, b Node) { return l.ways[1].to, l.ways[0].to }

// String is the link as a topology has it, without its conditions.
func (l *Link) String() string { return l.ways[1].to.Name() + "--" + l.ways[0].to.Name() }

// Set changes the conditions of both ways. They hold for frames that are sent
// from now on.
func (l *Link) Set(c Conditions) error { return l.set(c, l.ways[:]...) }

// SetFrom changes the conditions of the way that begins at a node.
func (l *Link) SetFrom(from Node, c Conditions) error {
	w, err := l.from(from)
	if err != nil {
		return err
	}
	return l.set(c, w)
}

// Change changes the conditions of both ways in place.
func (l *Link) Change(f func(*Conditions)) error {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	var changed [2]Conditions
	for i, w := range l.ways {
		changed[i] = w.conditions
		f(&changed[i])
		if err := changed[i].check(); err != nil {
			return err
		}
	}
	for i, w := range l.ways {
		w.conditions = changed[i]
	}
	return nil
}

// Partition cuts the link, both ways; Heal mends it. Other conditions stay.
func (l *Link) Partition() error { return l.Change(func(c *Conditions) { c.Down = true }) }

// Heal ends a Partition.
func (l *Link) Heal() error { return l.Change(func(c *Conditions) { c.Down = false }) }

func (l *Link) set(c Conditions, ways ...*way) error {
	if err := c.check(); err != nil {
		return err
	}
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	for _, w := range ways {
		w.conditions = c
	}
	return nil
}

// from is the way that begins at a node.
func (l *Link) from(from Node) (*way, error) {
	for _, w := range l.ways {
		if from != nil && w.from == from.self() {
			return w, nil
		}
	}
	return nil, fmt.Errorf("link %v has no end at that node", l)
}

// Conditions are those of the way that begins at a node.
func (l *Link) Conditions(from Node) (Conditions, error) {
	w, err := l.from(from)
	if err != nil {
		return Conditions{}, err
	}
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	return w.conditions, nil
}

// Stats is what became of the frames that were sent from a node.
func (l *Link) Stats(from Node) (Stats, error) {
	w, err := l.from(from)
	if err != nil {
		return Stats{}, err
	}
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	return w.stats, nil
}

// Stats counts the frames of one way of a link.
type Stats struct {
	Sent, SentBytes uint64 // by the node
	Arrived         uint64 // at the other end, duplicates too
	Lost            uint64 // by chance, or because the link is down
	Dropped         uint64 // because the queue is full
	Duplicated      uint64
	Reordered       uint64
	Corrupted       uint64
}
