// Package ringtest is the back end's side of a ring, and an event channel
// within a process, for tests of front ends.
package ringtest

import (
	"sync"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

const (
	requestProduced  = 0
	requestEvent     = 4
	responseProduced = 8
	responseEvent    = 12
	header           = 64
)

// A Back is the back end of a ring.
type Back struct {
	Page                shm.Region
	size, entry         int
	consumed, responded uint32
	published           uint32 // responses
}

// NewBack looks at a page that a front end made a ring of.
func NewBack(page shm.Region, entry int) *Back {
	n := (len(page.Bytes) - header) / entry
	for n&(n-1) != 0 {
		n &= n - 1
	}
	return &Back{Page: page, size: n, entry: entry}
}

// Request is the next request's entry.
func (b *Back) Request() (r shm.Region, ok bool) {
	if b.Page.Load32(requestProduced) == b.consumed {
		b.Page.Store32(requestEvent, b.consumed+1)
		if b.Page.Load32(requestProduced) == b.consumed {
			return shm.Region{}, false
		}
	}
	b.consumed++
	return b.at(b.consumed - 1), true
}

// Response is the entry for the next response; Publish makes it known.
func (b *Back) Response() shm.Region {
	b.responded++
	return b.at(b.responded - 1)
}

// Publish makes responses known, and reports whether the front end wants to be
// notified of them.
func (b *Back) Publish() (notify bool) {
	old := b.published
	b.published = b.responded
	b.Page.Store32(responseProduced, b.responded)
	return b.responded-b.Page.Load32(responseEvent) < b.responded-old
}

// Claim sets the index of responses to anything.
func (b *Back) Claim(index uint32) { b.Page.Store32(responseProduced, index) }

func (b *Back) at(i uint32) shm.Region {
	return b.Page.Slice(header+int(i)%b.size*b.entry, b.entry)
}

// A Port is an event channel whose other side is a function, called in the
// goroutine that notifies.
type Port struct {
	Other func() // nil: nobody

	mu      sync.Mutex
	closed  bool
	pending chan struct{}
}

// NewPort is a port that is pending.
func NewPort() *Port {
	p := &Port{pending: make(chan struct{}, 1)}
	p.Raise()
	return p
}

// Notify calls the other side.
func (p *Port) Notify() error {
	if p.Other != nil {
		p.Other()
	}
	return nil
}

// Raise notifies this side.
func (p *Port) Raise() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	select {
	case p.pending <- struct{}{}:
	default:
	}
}

// Pending receives after Raise.
func (p *Port) Pending() <-chan struct{} { return p.pending }

// Close closes Pending.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		close(p.pending)
	}
	return nil
}
