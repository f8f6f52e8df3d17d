package vnet

import "fmt"

// A Wiring is a network that was made of a topology.
type Wiring struct {
	*Network
	Topology *Topology
	// Cables are the links, by their numbers in the topology.
	Cables []*Link

	ports map[port]*NIC
}

// A port is the end that a node has of a link.
type port struct {
	node string
	link int
}

// Build makes the network of a topology. The interfaces of nodes that are not
// switches are not plugged in yet.
func (t *Topology) Build(c Config) (*Wiring, error) {
	w := &Wiring{Network: New(c), Topology: t, ports: map[port]*NIC{}}
	if err := w.build(); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *Wiring) build() error {
	switches := map[string]*Switch{}
	for i := range w.Topology.Nodes {
		n := &w.Topology.Nodes[i]
		if n.IsSwitch() {
			s, err := w.Switch(n.Name)
			if err != nil {
				return err
			}
			switches[n.Name] = s
			continue
		}
		for _, link := range n.Links {
			x, err := w.Network.NIC(n.portName(w.Topology, link))
			if err != nil {
				return err
			}
			w.ports[port{n.Name, link}] = x
		}
	}
	end := func(node string, link int) Node {
		if s := switches[node]; s != nil {
			return s
		}
		return w.ports[port{node, link}]
	}
	for i, l := range w.Topology.Links {
		a, b := end(l.A, i), end(l.B, i)
		cable, err := w.Network.Link(a, b)
		if err != nil {
			return err
		}
		if err := cable.SetFrom(a, l.To); err != nil {
			return err
		}
		if err := cable.SetFrom(b, l.From); err != nil {
			return err
		}
		w.Cables = append(w.Cables, cable)
	}
	return nil
}

// portName is the name of an interface: the node's, and where it has several,
// behind it that of the node that the link leads to.
func (n *TopologyNode) portName(t *Topology, link int) string {
	if len(n.Links) == 1 {
		return n.Name
	}
	return n.Name + "." + t.Links[link].other(n.Name)
}

func (l *TopologyLink) other(node string) string {
	if l.A == node {
		return l.B
	}
	return l.A
}

// Peer is the node that a link of this one leads to.
func (n *TopologyNode) Peer(t *Topology, link int) string { return t.Links[link].other(n.Name) }

// Port is the interface that a node has on one of its links.
func (w *Wiring) Port(node string, link int) *NIC { return w.ports[port{node, link}] }

// Way is the link between two nodes, and its end at the first: where the way to
// the second begins.
func (w *Wiring) Way(from, to string) (*Link, Node, error) {
	l, err := w.Cable(from, to)
	if err != nil {
		return nil, nil, err
	}
	a, b := l.Ends()
	if w.Topology.Links[w.Topology.link(from, to)].A == from {
		return l, a, nil
	}
	return l, b, nil
}

// Cable is the link between two nodes.
func (w *Wiring) Cable(a, b string) (*Link, error) {
	i := w.Topology.link(a, b)
	if i < 0 {
		return nil, fmt.Errorf("there is no link between %q and %q", a, b)
	}
	return w.Cables[i], nil
}
