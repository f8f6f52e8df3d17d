package turns

import (
	"time"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/vnet"
)

// Network is an empty network of this world: its frames arrive in turns, and
// by the world's clock.
func (s *Scheduler) Network() *vnet.Network {
	id := s.seats
	s.seats++
	s.names = append(s.names, "network")
	n := vnet.New(vnet.Config{Seed: s.chance.Uint64(), Clock: s, Wake: func() {}})
	m := &wires{s: s, n: n}
	n.Tap(m.passed)
	s.Join(hypercall.Seat{ID: id}, m)
	s.Cleanup(func() { n.Close() })
	return n
}

// wires is a network as a machine: it is ready when a frame is due.
type wires struct {
	s     *Scheduler
	n     *vnet.Network
	trace uint64
}

func (m *wires) passed(p vnet.Passage) {
	m.trace = mix(mix(m.trace, hash(p.Frame)), uint64(p.Fate.Arrives))
	if m.s.opts.Log != nil {
		m.s.logf("frame %s>%s of %d bytes %s", p.From, p.To, len(p.Frame), p.Fate)
	}
}

func (m *wires) Ready() bool {
	in, ok := m.n.Next()
	return ok && in == 0
}

func (m *wires) Run(n int) {
	for ; n > 0 && m.n.Step(); n-- {
	}
}

func (m *wires) Next() (time.Duration, bool) {
	in, ok := m.n.Next()
	return m.s.now + in, ok
}

func (m *wires) SetTime(time.Duration) {}
func (m *wires) Trace() uint64         { return m.trace }
func (m *wires) Waiting() []string     { return nil }
