package vnet

import (
	"sync"
	"sync/atomic"
)

// headerSize is the size of an Ethernet header.
const headerSize = 14

// A frame is an Ethernet frame on its way, shared by all that still have it.
// Nobody writes to it. Who has a reference gives it back by release, or passes
// it on.
type frame struct {
	data    []byte
	segment int // what the payload of each of its segments has, in bytes; 0: it is one
	refs    atomic.Int32
	size    *sync.Pool
	buf     []byte // the whole buffer of a pool
}

// sizes are the buffers there are: for common frames, jumbo frames, and those of
// links that take as much as a loopback.
var sizes = [...]struct {
	n    int
	pool sync.Pool
}{{n: 2048}, {n: 10 << 10}, {n: MaxFrame}}

// newFrame is a frame with the content that is put into data, with one
// reference.
func newFrame(n int) *frame {
	for i := range sizes {
		s := &sizes[i]
		if n > s.n {
			continue
		}
		f, _ := s.pool.Get().(*frame)
		if f == nil {
			f = &frame{buf: make([]byte, s.n), size: &s.pool}
		}
		f.data, f.segment = f.buf[:n], 0
		f.refs.Store(1)
		return f
	}
	panic("vnet: a frame that is too long was not refused")
}

// clone is a copy that may be written to until it is passed on.
func (f *frame) clone() *frame {
	c := newFrame(len(f.data))
	copy(c.data, f.data)
	return c
}

// ref is one more reference.
func (f *frame) ref() *frame {
	f.refs.Add(1)
	return f
}

func (f *frame) release() {
	if f.refs.Add(-1) == 0 {
		f.size.Put(f)
	}
}

// A mac is an address as a key of tables.
type mac [6]byte

func (f *frame) destination() mac { return mac(f.data[0:6]) }
func (f *frame) source() mac      { return mac(f.data[6:12]) }

// isGroup reports whether an address is that of several stations, or all.
func (m mac) isGroup() bool { return m[0]&1 != 0 }
