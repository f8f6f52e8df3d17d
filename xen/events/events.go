// Package events is Xen's event channels in a guest (public/event_channel.h),
// with the 2-level layout: one bit for each port in the page that Xen shares
// with the domain, and an interrupt when one is set.
//
// What may be in this room: ports, and the scan that finds which ones are
// pending. What may not: how the page and the interrupt are had.
package events

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"sync"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

// Layout of struct shared_info.
const (
	pendingSelector = 8    // of the first virtual CPU
	pendingBits     = 2048 // 64 words of 64 bits
	maskBits        = 2560
	words           = 64

	// MaxPorts is the number of event channels that a domain can have.
	MaxPorts = words * 64
	// SharedInfoSize is the size of the page.
	SharedInfoSize = 4096
)

// A Hypervisor is the hypercalls about event channels.
type Hypervisor interface {
	// AllocUnbound makes a port that the domain remote may bind to.
	AllocUnbound(remote uint16) (port uint32, err error)
	Send(port uint32) error
	Unmask(port uint32) error
	ClosePort(port uint32) error
}

// Channels is all event channels of this domain.
type Channels struct {
	hv     Hypervisor
	shared shm.Region
	upcall io.ReadCloser

	mu    sync.Mutex // also held while the page is looked at
	ports map[uint32]*Port
	ended bool
	done  chan struct{}
}

// Open takes over the domain's event channels. upcall is read 8 bytes at a
// time and gives them when Xen has interrupted.
func Open(hv Hypervisor, shared shm.Region, upcall io.ReadCloser) *Channels {
	c := &Channels{hv: hv, shared: shared, upcall: upcall, ports: map[uint32]*Port{}, done: make(chan struct{})}
	go c.listen()
	return c
}

// Close ends all ports.
func (c *Channels) Close() error {
	err := c.upcall.Close()
	<-c.done
	return err
}

func (c *Channels) listen() {
	defer close(c.done)
	var count [8]byte
	for {
		if _, err := io.ReadFull(c.upcall, count[:]); err != nil {
			c.end()
			return
		}
		if binary.LittleEndian.Uint64(count[:]) > 0 {
			c.scan()
		}
	}
}

// scan signals the ports that are pending. Xen sets a port's bit, then its
// word's in the selector; we take them in the other order.
func (c *Channels) scan() {
	c.mu.Lock()
	defer c.mu.Unlock()
	selected := c.shared.Swap64(pendingSelector, 0)
	for selected != 0 {
		w := bits.TrailingZeros64(selected)
		selected &^= 1 << w
		set := c.shared.Load64(pendingBits+8*w) &^ c.shared.Load64(maskBits+8*w)
		c.shared.And64(pendingBits+8*w, ^set)
		for set != 0 {
			bit := bits.TrailingZeros64(set)
			set &^= 1 << bit
			if p := c.ports[uint32(w*64+bit)]; p != nil {
				p.signal()
			}
		}
	}
}

func (c *Channels) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.forgetAll()
}

func (c *Channels) forgetAll() {
	for n, p := range c.ports {
		close(p.pending)
		delete(c.ports, n)
	}
}

// Suspend stops everything until Resume.
func (c *Channels) Suspend() { c.mu.Lock() }

// Resume goes on after Suspend. In a new domain all ports are gone: their
// Pending channels are closed.
func (c *Channels) Resume(renewed bool) {
	defer c.mu.Unlock()
	if renewed {
		c.forgetAll()
	}
}

// Alloc makes a port that a domain may bind to.
func (c *Channels) Alloc(remote uint16) (*Port, error) {
	n, err := c.hv.AllocUnbound(remote)
	if err != nil {
		return nil, fmt.Errorf("event channel to domain %d: %w", remote, err)
	}
	return c.Adopt(n)
}

// Adopt takes over a port that is there already, such as xenstore's. It is
// pending at first, because something may have come before.
func (c *Channels) Adopt(port uint32) (*Port, error) {
	if port == 0 || port >= MaxPorts {
		return nil, fmt.Errorf("event channel %d: there are 1 to %d", port, MaxPorts-1)
	}
	p := &Port{c: c, number: port, pending: make(chan struct{}, 1)}
	c.mu.Lock()
	if c.ended || c.ports[port] != nil {
		c.mu.Unlock()
		return nil, fmt.Errorf("event channel %d: taken, or all are closed", port)
	}
	c.ports[port] = p
	p.signal()
	c.mu.Unlock()
	return p, c.hv.Unmask(port)
}

// A Port is one end of an event channel.
type Port struct {
	c       *Channels
	number  uint32
	pending chan struct{} // holds one: many events may come as one
}

// Number is the port's number in this domain, to be told to the other.
func (p *Port) Number() uint32 { return p.number }

// Pending receives when the other side has notified since the last receive.
// It is closed with the port.
func (p *Port) Pending() <-chan struct{} { return p.pending }

// Notify notifies the other side.
func (p *Port) Notify() error { return p.c.hv.Send(p.number) }

// Close closes the port.
func (p *Port) Close() error {
	p.c.mu.Lock()
	if p.c.ports[p.number] != p {
		p.c.mu.Unlock()
		return nil
	}
	delete(p.c.ports, p.number)
	close(p.pending)
	p.c.mu.Unlock()
	return p.c.hv.ClosePort(p.number)
}

// signal is called with the lock held.
func (p *Port) signal() {
	select {
	case p.pending <- struct{}{}:
	default:
	}
}
