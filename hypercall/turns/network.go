package turns

import (
	"time"

	"github.com/anykernel/anykernel/hypercall/vnet"
)

// NetworkConfig is that of a network of this world: its frames arrive by the
// world's clock, and what its links do to them are faults of the run.
func (s *Scheduler) NetworkConfig() vnet.Config {
	return vnet.Config{Seed: s.chance.Uint64(), Clock: s, Wake: func() {}, Chance: s.Fault}
}

// Connect gives the frames of a network turns, which was made with
// NetworkConfig, until the network is closed or the run ends.
func (s *Scheduler) Connect(n *vnet.Network) {
	m := &wires{s: s, n: n}
	n.Tap(m.passed)
	s.Join(s.seat("network"), m)
}

// Network is an empty network of this world. It is closed at the end of the
// run.
func (s *Scheduler) Network() *vnet.Network {
	n := vnet.New(s.NetworkConfig())
	s.Connect(n)
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
