package vnet

import (
	"fmt"
	"slices"
	"strings"
)

// Limits of the text of a topology.
const (
	MaxTopology      = 1 << 20 // bytes
	MaxTopologyNodes = 1024
)

// A Topology is what a network is to be like: nodes and links. Its text is a
// list of lines, or of statements between semicolons, with comments from # to
// the end of the line. A line is one of three:
//
//	a--sw--b loss=1% delay=20ms
//
// links nodes in a chain; what stands behind holds for each link, both ways, in
// the form of [ParseConditions].
//
//	a->sw rate=1mbit
//
// changes the conditions of one way of a link that was made before.
//
//	a: rump mtu=9000 ip=10.0.0.1/24
//
// says what a node is: the first word its kind, the others its options, which
// package netlab describes. Where nothing is said, a node whose name begins with
// "sw" is a switch, and all others have the kind "".
type Topology struct {
	Nodes []TopologyNode
	Links []TopologyLink
}

// KindSwitch is the kind of nodes that are switches.
const KindSwitch = "switch"

// A TopologyNode is a node in the text of a topology.
type TopologyNode struct {
	Name string
	// Kind is what was said that the node is; "" where nothing was.
	Kind string
	// Options are words such as mtu=9000, in order.
	Options []TopologyOption
	// Links are the numbers of the links that the node has an end of.
	Links []int
}

// A TopologyOption is one word behind a node's kind. A word mtu@sw=9000 is
// about the interface on the link to sw.
type TopologyOption struct{ Key, Peer, Value string }

// String is the option as it stands in the text.
func (o TopologyOption) String() string {
	if o.Peer == "" {
		return o.Key + "=" + o.Value
	}
	return o.Key + "@" + o.Peer + "=" + o.Value
}

// A TopologyLink is a link in the text of a topology.
type TopologyLink struct {
	A, B string
	// To and From are the conditions from A to B and back.
	To, From Conditions
}

// A TopologyError says what is wrong with the text of a topology, and where.
type TopologyError struct {
	Line int    // from 1
	Text string // the statement
	Err  error
}

func (e *TopologyError) Error() string {
	return fmt.Sprintf("topology, line %d, %q: %v", e.Line, e.Text, e.Err)
}

func (e *TopologyError) Unwrap() error { return e.Err }

// ParseTopology reads the text of a topology.
func ParseTopology(text string) (*Topology, error) {
	if len(text) > MaxTopology {
		return nil, fmt.Errorf("a topology of %d bytes: at most %d", len(text), MaxTopology)
	}
	t := &Topology{}
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		for statement := range strings.SplitSeq(line, ";") {
			statement = strings.TrimSpace(statement)
			if statement == "" {
				continue
			}
			if err := t.add(statement); err != nil {
				return nil, &TopologyError{i + 1, statement, err}
			}
		}
	}
	if len(t.Nodes) == 0 {
		return nil, fmt.Errorf("a topology without nodes: want links such as a--sw--b")
	}
	return t, nil
}

func (t *Topology) add(statement string) error {
	first, rest, _ := strings.Cut(statement, " ")
	first = strings.TrimSpace(first)
	switch {
	case strings.HasSuffix(first, ":"):
		return t.addNode(strings.TrimSuffix(first, ":"), rest)
	case strings.Contains(first, "->"):
		return t.changeWay(first, rest)
	case strings.Contains(first, "--"):
		return t.addChain(strings.Split(first, "--"), rest)
	}
	return fmt.Errorf("neither a link such as a--b, nor one way of it such as a->b, nor a node such as a: rump")
}

// node finds a node or makes it.
func (t *Topology) node(name string) (*TopologyNode, error) {
	if i := t.index(name); i >= 0 {
		return &t.Nodes[i], nil
	}
	if !isName(name) {
		return nil, fmt.Errorf("%q is no name for a node: want 1 to %d letters, digits, '_' and '.'", name, maxName)
	}
	if len(t.Nodes) >= MaxTopologyNodes {
		return nil, fmt.Errorf("more than %d nodes", MaxTopologyNodes)
	}
	t.Nodes = append(t.Nodes, TopologyNode{Name: name})
	return &t.Nodes[len(t.Nodes)-1], nil
}

func (t *Topology) index(name string) int {
	return slices.IndexFunc(t.Nodes, func(n TopologyNode) bool { return n.Name == name })
}

// Node is the node of that name.
func (t *Topology) Node(name string) (*TopologyNode, bool) {
	i := t.index(name)
	if i < 0 {
		return nil, false
	}
	return &t.Nodes[i], true
}

// IsSwitch reports whether the node is a switch.
func (n *TopologyNode) IsSwitch() bool {
	return n.Kind == KindSwitch || n.Kind == "" && strings.HasPrefix(n.Name, "sw")
}

func (t *Topology) addChain(names []string, conditions string) error {
	c, err := ParseConditions(conditions)
	if err != nil {
		return err
	}
	for i, name := range names {
		if _, err := t.node(name); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		if err := t.addLink(names[i-1], name, c); err != nil {
			return err
		}
	}
	return nil
}

func (t *Topology) addLink(a, b string, c Conditions) error {
	if a == b {
		return fmt.Errorf("a link from %q to itself", a)
	}
	if i := t.link(a, b); i >= 0 {
		return fmt.Errorf("%q and %q are linked already", a, b)
	}
	n := len(t.Links)
	for _, name := range []string{a, b} {
		x := &t.Nodes[t.index(name)]
		x.Links = append(x.Links, n)
	}
	t.Links = append(t.Links, TopologyLink{A: a, B: b, To: c, From: c})
	return nil
}

// link is the number of the link between two nodes, -1 where there is none.
func (t *Topology) link(a, b string) int {
	return slices.IndexFunc(t.Links, func(l TopologyLink) bool { return l.A == a && l.B == b || l.A == b && l.B == a })
}

func (t *Topology) changeWay(way, conditions string) error {
	from, to, _ := strings.Cut(way, "->")
	i := t.link(from, to)
	if i < 0 {
		return fmt.Errorf("there is no link between %q and %q yet", from, to)
	}
	if t.Links[i].A == from {
		return t.Links[i].To.Apply(conditions)
	}
	return t.Links[i].From.Apply(conditions)
}

func (t *Topology) addNode(name, rest string) error {
	n, err := t.node(name)
	if err != nil {
		return err
	}
	if n.Kind != "" || len(n.Options) > 0 {
		return fmt.Errorf("it was said before what %q is", name)
	}
	for i, word := range strings.Fields(rest) {
		o, ok := parseOption(word)
		switch {
		case ok:
			n.Options = append(n.Options, o)
		case i == 0:
			n.Kind = word
		default:
			return fmt.Errorf("%q is no option: want one such as mtu=9000", word)
		}
	}
	return nil
}

// parseOption reads key=value or key@peer=value. What has a ':' in its key is
// none: it is the specification of a kernel.
func parseOption(word string) (TopologyOption, bool) {
	key, value, ok := strings.Cut(word, "=")
	key, peer, at := strings.Cut(key, "@")
	if !ok || !isName(key) || at && !isName(peer) {
		return TopologyOption{}, false
	}
	return TopologyOption{key, peer, value}, true
}

// String is the topology as ParseTopology reads it: the nodes, which keeps
// their order, and then the links.
func (t *Topology) String() string {
	var b strings.Builder
	for _, n := range t.Nodes {
		fmt.Fprintf(&b, "%s:", n.Name)
		if n.Kind != "" {
			fmt.Fprintf(&b, " %s", n.Kind)
		}
		for _, o := range n.Options {
			fmt.Fprintf(&b, " %v", o)
		}
		fmt.Fprintln(&b)
	}
	for _, l := range t.Links {
		if l.From == l.To {
			fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%s--%s %v", l.A, l.B, l.To)))
			continue
		}
		fmt.Fprintf(&b, "%s--%s\n", l.A, l.B)
		fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%s->%s %v", l.A, l.B, l.To)))
		fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%s->%s %v", l.B, l.A, l.From)))
	}
	return b.String()
}
