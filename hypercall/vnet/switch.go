package vnet

import (
	"fmt"
	"time"
)

// Limits of a switch.
const (
	// MaxAddresses bounds the table of a switch. When it is full, frames to
	// further stations go to all ports.
	MaxAddresses = 8192
	// AddressAge is how long a switch remembers where a station was heard.
	AddressAge = 5 * time.Minute
)

// A Switch forwards frames to the port behind which it heard the station that
// they are for, and to all ports where it does not know it.
type Switch struct {
	n         *Network
	name      string
	ports     []*way // out of each port; nil where the link is gone
	addresses map[mac]heard
	sweep     time.Duration // when forgotten addresses are removed next
}

var _ node = (*Switch)(nil)

// heard is where and when a station was heard.
type heard struct {
	port int
	at   time.Duration
}

// Switch makes a switch.
func (n *Network) Switch(name string) (*Switch, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.switches >= MaxSwitches {
		return nil, fmt.Errorf("a network has at most %d switches", MaxSwitches)
	}
	s := &Switch{n: n, name: name, addresses: map[mac]heard{}}
	if err := n.add(s); err != nil {
		return nil, err
	}
	n.switches++
	return s, nil
}

func (s *Switch) self() node { return s }

// Name is the switch's name in its network.
func (s *Switch) Name() string { return s.name }

func (s *Switch) connect(out *way) (int, error) {
	if len(s.ports) >= MaxPorts {
		return 0, fmt.Errorf("switch %q has no more ports than %d", s.name, MaxPorts)
	}
	s.ports = append(s.ports, out)
	return len(s.ports) - 1, nil
}

func (s *Switch) disconnect(out *way) {
	for i, w := range s.ports {
		if w == out {
			s.ports[i] = nil
		}
	}
}

// arrive sends a frame on, at once. The network's lock is held.
func (s *Switch) arrive(f *frame, port int) (delivery, bool) {
	defer f.release()
	now := s.n.clock.Monotonic()
	s.learn(f.source(), port, now)
	if to, ok := s.find(f.destination(), now); ok {
		if to != port {
			s.forward(f, to, now)
		}
		return delivery{}, false
	}
	for to := range s.ports {
		if to != port {
			s.forward(f, to, now)
		}
	}
	return delivery{}, false
}

// forward sends a frame out of a port. What the network has to do earlier for
// it is seen by who works off the queue, which is us.
func (s *Switch) forward(f *frame, port int, now time.Duration) {
	if out := s.ports[port]; out != nil {
		out.send(f.ref(), now)
	}
}

func (s *Switch) learn(from mac, port int, now time.Duration) {
	if from.isGroup() {
		return // no station has such an address
	}
	if _, known := s.addresses[from]; !known && len(s.addresses) >= MaxAddresses {
		s.forget(now)
		if len(s.addresses) >= MaxAddresses {
			return
		}
	}
	s.addresses[from] = heard{port, now}
}

// find is the port behind which a station was heard.
func (s *Switch) find(to mac, now time.Duration) (port int, ok bool) {
	if to.isGroup() {
		return 0, false
	}
	h, ok := s.addresses[to]
	return h.port, ok && now-h.at < AddressAge
}

// forget removes what is too old, at most once a second.
func (s *Switch) forget(now time.Duration) {
	if now < s.sweep {
		return
	}
	s.sweep = now + time.Second
	for m, h := range s.addresses {
		if now-h.at >= AddressAge {
			delete(s.addresses, m)
		}
	}
}
