// Package ring is the front end's side of Xen's I/O rings (public/io/ring.h):
// requests go out and responses come back in one page that is shared with the
// back end.
//
// The back end is not trusted: its index may move only over what was asked
// for.
//
// What may be in this room: indices and notification. What may not: what
// requests mean.
package ring

import (
	"fmt"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

// Layout of a shared ring.
const (
	requestProduced  = 0
	requestEvent     = 4
	responseProduced = 8
	responseEvent    = 12
	header           = 64
)

// A Front is the front end of a ring. Its methods are called by one goroutine
// at a time.
type Front struct {
	page  shm.Region
	size  int // entries, a power of two
	entry int // bytes

	produced  uint32 // requests, free-running; ours
	published uint32 // of those, what the back end knows of
	consumed  uint32 // responses
}

// New is an empty ring in a page, with entries of a size in bytes.
func New(page shm.Region, entry int) *Front {
	n := (len(page.Bytes) - header) / entry
	for n&(n-1) != 0 {
		n &= n - 1
	}
	clear(page.Bytes[:header])
	page.Store32(requestEvent, 1)
	page.Store32(responseEvent, 1)
	return &Front{page: page, size: n, entry: entry}
}

// Size is the number of entries.
func (f *Front) Size() int { return f.size }

// Full reports whether every entry waits for its response.
func (f *Front) Full() bool { return int(f.produced-f.consumed) >= f.size }

// Request is the entry for the next request. It may be called when the ring is
// not full, and counts: Publish makes it known.
func (f *Front) Request() shm.Region {
	r := f.at(f.produced)
	f.produced++
	return r
}

// Publish makes requests known to the back end, and reports whether it wants
// to be notified of them.
func (f *Front) Publish() (notify bool) {
	old := f.published
	f.published = f.produced
	f.page.Store32(requestProduced, f.produced)
	event := f.page.Load32(requestEvent)
	return f.produced-event < f.produced-old
}

// Response is the next response; ok is false where there is none. It is to be
// read once, and is gone with the next call. The error says how the back end
// broke the rules.
func (f *Front) Response() (r shm.Region, ok bool, err error) {
	ready := f.page.Load32(responseProduced) - f.consumed
	if ready == 0 {
		return shm.Region{}, false, nil
	}
	if waiting := f.published - f.consumed; ready > waiting {
		return shm.Region{}, false, fmt.Errorf("%d responses to %d requests", ready, waiting)
	}
	r = f.at(f.consumed)
	f.consumed++
	return r, true, nil
}

// WantResponses asks to be notified of the next response, and reports whether
// one has come already.
func (f *Front) WantResponses() (ready bool) { return f.WantMany(1) }

// WantMany is WantResponses that waits for n responses: they are to be looked
// for before, too, where that costs nothing.
func (f *Front) WantMany(n int) (ready bool) {
	f.page.Store32(responseEvent, f.consumed+uint32(n))
	return int32(f.page.Load32(responseProduced)-f.consumed) >= int32(n)
}

func (f *Front) at(index uint32) shm.Region {
	return f.page.Slice(header+int(index)%f.size*f.entry, f.entry)
}
