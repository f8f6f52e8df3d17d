package vnet

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/anykernel/anykernel/hypercall"
)

// A Node is a *NIC or a *Switch, or what has one embedded.
type Node interface {
	// Name is the node's name in its network.
	Name() string
	self() node
}

// A NIC is where the network interface of a kernel, or anything else that sends
// and receives frames, is plugged in: one at a time. Frames that arrive while
// there is none are lost.
type NIC struct {
	n    *Network
	name string
	addr net.HardwareAddr
	out  *way // nil: no link

	// receiving is held while the owner takes a frame, so that a plug is
	// pulled only between two of them. It is taken without n.mu.
	receiving sync.Mutex
	plug      *plug // nil: nothing is plugged in; under receiving
}

var _ hypercall.Net = (*NIC)(nil)
var _ node = (*NIC)(nil)

// NIC makes an interface.
func (n *Network) NIC(name string) (*NIC, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.nics >= MaxNICs {
		return nil, fmt.Errorf("a network has at most %d interfaces", MaxNICs)
	}
	x := &NIC{n: n, name: name, addr: n.mac(n.nics + 1)}
	if err := n.add(x); err != nil {
		return nil, err
	}
	n.nics++
	return x, nil
}

func (x *NIC) self() node { return x }

// Name is the interface's name in its network.
func (x *NIC) Name() string { return x.name }

// HardwareAddr is the address that a kernel plugged in here has.
func (x *NIC) HardwareAddr() net.HardwareAddr { return append(net.HardwareAddr(nil), x.addr...) }

// Attach plugs in a network interface, which is given this one's address.
func (x *NIC) Attach(nic hypercall.NIC, receive func(frame []byte)) (hypercall.Link, error) {
	if receive == nil {
		return nil, errors.New("an interface needs a function that receives")
	}
	x.receiving.Lock()
	defer x.receiving.Unlock()
	if x.plug != nil {
		return nil, fmt.Errorf("something is plugged in at %q already", x.name)
	}
	x.plug = &plug{x, receive, nic.Segments}
	return x.plug, nil
}

// A plug is the hypercall.Link of who is plugged in.
type plug struct {
	nic      *NIC
	receive  func([]byte)
	segments func([]byte, int) // nil: they are received one by one
}

var _ hypercall.Segmenter = (*plug)(nil)

// HardwareAddr is the address of the interface; see [hypercall.Addressed].
func (p *plug) HardwareAddr() net.HardwareAddr { return p.nic.HardwareAddr() }

// Send copies the frame and puts it on the link.
func (p *plug) Send(b []byte) { p.SendSegments(b, 0) }

// SendSegments implements [hypercall.Segmenter]. The segments stay together
// where links do nothing to them and nobody looks.
func (p *plug) SendSegments(b []byte, size int) {
	if len(b) < headerSize || len(b) > MaxFrame || size < 0 {
		return
	}
	f := newFrame(len(b))
	f.segment = size
	copy(f.data, b)
	p.nic.send(f)
}

func (x *NIC) send(f *frame) {
	n := x.n
	n.mu.Lock()
	if n.closed || x.out == nil {
		n.mu.Unlock()
		f.release()
		return
	}
	earlier := x.out.send(f, n.clock.Monotonic())
	n.mu.Unlock()
	if earlier && n.wake != nil {
		n.wake()
	}
}

// Close pulls the plug. It waits for a frame that is being received.
func (p *plug) Close() error {
	p.nic.receiving.Lock()
	defer p.nic.receiving.Unlock()
	if p.nic.plug == p {
		p.nic.plug = nil
	}
	return nil
}

func (x *NIC) connect(out *way) (int, error) {
	if x.out != nil {
		return 0, fmt.Errorf("interface %q has a link already", x.name)
	}
	x.out = out
	return 0, nil
}

func (x *NIC) disconnect(*way) { x.out = nil }

func (x *NIC) arrive(f *frame, _ int) (delivery, bool) { return delivery{x, f}, true }

// A delivery is a frame that leaves the network at an interface.
type delivery struct {
	to    *NIC
	frame *frame
}

// do hands the frame over. No lock of the network is held but step.
func (d delivery) do() {
	d.to.receiving.Lock()
	defer d.to.receiving.Unlock()
	if d.to.plug != nil {
		d.to.plug.take(d.frame)
	} else {
		d.frame.release()
	}
}

// take receives a frame, whose reference it takes over.
func (p *plug) take(f *frame) {
	switch {
	case f.segment == 0:
		p.receive(f.data)
	case p.segments != nil:
		p.segments(f.data, f.segment)
	default:
		for _, s := range f.cut() {
			p.receive(s.data)
			s.release()
		}
		return
	}
	f.release()
}
