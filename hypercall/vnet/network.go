package vnet

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/anykernel/anykernel/hypercall"
)

// Limits of a network. They bound what a topology or a guest can make of it.
const (
	MaxNICs     = 4096
	MaxSwitches = 256
	MaxPorts    = 1024  // of a switch
	MaxInFlight = 16384 // frames on one way of a link
	MaxFrame    = 14 + 4 + 65535
)

// ErrClosed is the error of what is done to a network that was closed.
var ErrClosed = errors.New("the network is closed")

// A Config says what a network is like. The zero Config is valid.
type Config struct {
	// Seed decides everything that is left to chance.
	Seed uint64
	// Clock is where the network takes its time from. nil is this machine's,
	// and the network moves by itself. With a clock the network stands still
	// until [Network.Step] is called.
	Clock hypercall.Clock
	// Wake is called, where there is a Clock, when a frame was sent that is due
	// before everything else that is on its way: the answer of [Network.Next]
	// has changed. It is called on the sender's goroutine, inside of a kernel,
	// and must neither block nor call the network or a kernel. nil: nobody
	// wants to know.
	Wake func()
	// Chance decides whether a link does to a frame what has this share of the
	// cases, such as "loss on a>b", in the place of the network's seed. The
	// network's lock is held: it must not call the network. nil: the seed.
	Chance func(what string, share float64) bool
}

// A Network is nodes, links between them and the frames on their way. All
// methods are safe for concurrent use.
type Network struct {
	seed  uint64
	clock hypercall.Clock
	wake  func()
	draw  func(what string, share float64) bool // Config.Chance
	loop  *loop                                 // nil: somebody else calls Step

	mu       sync.Mutex
	closed   bool
	nodes    map[string]node
	nics     int
	switches int
	links    []*Link
	queue    queue
	taps     taps // of all links

	step sync.Mutex // held by who works the queue off; taken before mu
}

// A node is what links have their ends in. Its methods are called with the
// network's lock held.
type node interface {
	Node
	// connect makes a port for a link, and is its number.
	connect(out *way) (port int, err error)
	// disconnect takes it back.
	disconnect(out *way)
	// arrive is a frame that has come to a port. The frame's reference is the
	// node's to give back. It is a delivery where the frame has left the
	// network.
	arrive(f *frame, port int) (delivery, bool)
}

// New makes a network without nodes.
func New(c Config) *Network {
	n := &Network{seed: c.Seed, clock: c.Clock, wake: c.Wake, draw: c.Chance, nodes: map[string]node{}}
	if n.clock == nil {
		n.clock = newMachineClock()
		n.loop = newLoop(n)
		n.wake = n.loop.wake
	}
	return n
}

// machineClock is the clock of this machine.
type machineClock struct{ start time.Time }

func newMachineClock() machineClock             { return machineClock{time.Now()} }
func (machineClock) Now() time.Time             { return time.Now() }
func (c machineClock) Monotonic() time.Duration { return time.Since(c.start) }

// add gives a node its name. n.mu is held.
func (n *Network) add(x node) error {
	name := x.Name()
	switch {
	case n.closed:
		return ErrClosed
	case !isName(name):
		return fmt.Errorf("%q is no name for a node: want 1 to %d letters, digits, '_' and '.'", name, maxName)
	case n.nodes[name] != nil:
		return fmt.Errorf("there is a node %q already", name)
	}
	n.nodes[name] = x
	return nil
}

// maxName bounds the name of a node.
const maxName = 63

func isName(s string) bool {
	for _, r := range s {
		if !isNameRune(r) {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

func isNameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.'
}

// mac is the address of the i-th interface: locally administered, and other
// ones in networks of other seeds, which may be joined outside of this process.
func (n *Network) mac(i int) net.HardwareAddr {
	return net.HardwareAddr{0x02, byte(n.seed >> 8), byte(n.seed), byte(i >> 16), byte(i >> 8), byte(i)}
}

// Links is all links, in the order in which they were made.
func (n *Network) Links() []*Link {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]*Link(nil), n.links...)
}

// Next is how long it is, by the network's clock, until the first frame is due;
// false where none is on its way. What is overdue is 0.
func (n *Network) Next() (time.Duration, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, ok := n.queue.first()
	return max(0, at-n.clock.Monotonic()), ok
}

// Step does the first thing that is due: a frame arrives at a switch or at an
// interface, whose kernel has taken it when Step returns. It is false where
// nothing is due at this time of the network's clock. Steps that are called
// concurrently are done one after the other.
//
// A network without a clock of its own takes its steps by itself.
func (n *Network) Step() bool {
	n.step.Lock()
	defer n.step.Unlock()
	n.mu.Lock()
	d, leaves, any := n.advance(n.clock.Monotonic())
	n.mu.Unlock()
	if leaves {
		d.do()
	}
	return any
}

// advance takes the first event that is due from the queue. n.mu is held.
func (n *Network) advance(now time.Duration) (d delivery, leaves, any bool) {
	e, ok := n.queue.pop(now)
	if !ok {
		return delivery{}, false, false
	}
	d, leaves = e.way.arrived(e.frame)
	return d, leaves, true
}

// Close ends the network: frames on their way are lost, and nobody receives
// anything when it has returned. Links and interfaces of a closed network drop
// what is sent. Close must not be called from inside of a receive function.
func (n *Network) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	n.queue.clear()
	n.mu.Unlock()
	if n.loop != nil {
		n.loop.stop()
	}
	n.step.Lock() // the step that is under way is the last
	defer n.step.Unlock()
	return nil
}
