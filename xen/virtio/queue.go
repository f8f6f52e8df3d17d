package virtio

import (
	"fmt"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

// Layout of a split virtqueue (section 2.7): descriptors of 16 bytes; the
// driver's ring of 2-byte numbers and the device's of 8-byte entries, each
// behind 2 bytes of flags and a 2-byte index.
const (
	descriptorSize = 16
	ringHeader     = 4
	usedEntry      = 8

	descriptorNext  = 1
	descriptorWrite = 2 // the device writes

	availNoInterrupt = 1

	maxQueueSize = 256
)

// A queue is one split virtqueue. Its methods are called by one goroutine at a
// time.
//
// The device sees descriptors, avail and used, and may write to all of them.
// Nothing is read back but the device's index and its entries, and those are
// checked against chains, which is ours alone.
type queue struct {
	t      Transport
	number int
	size   int

	descriptors, avail, used shm.Region
	nextAvail, nextUsed      uint16 // free-running
	flags                    uint16

	free   []uint16         // descriptors that the device does not have
	chains map[uint16]chain // by first descriptor: what it has
}

// A chain is what was given to the device in one piece.
type chain struct {
	descriptors []uint16
	writable    int // how many bytes the device may write
	token       int // the driver's
}

// A segment is one part of a chain.
type segment struct {
	shm.Region
	write bool // the device writes
}

func newQueue(t Transport, mem shm.Allocator, number int) (*queue, error) {
	size := min(t.MaxQueueSize(number), maxQueueSize)
	for size&(size-1) != 0 { // to a power of two
		size &= size - 1
	}
	if size < 2 {
		return nil, fmt.Errorf("queue %d has room for %d descriptors", number, size)
	}
	driver := size * descriptorSize
	device := (driver + ringHeader + 2*size + 2 + 3) &^ 3
	r, err := mem.Alloc(device + ringHeader + usedEntry*size + 2)
	if err != nil {
		return nil, err
	}
	q := &queue{
		t: t, number: number, size: size,
		descriptors: r.Slice(0, driver),
		avail:       r.Slice(driver, device-driver),
		used:        r.Slice(device, ringHeader+usedEntry*size),
		chains:      map[uint16]chain{},
	}
	for i := range size {
		q.free = append(q.free, uint16(size-1-i))
	}
	t.SetQueue(number, size, q.descriptors.Address, q.avail.Address, q.used.Address)
	return q, nil
}

// add gives a chain to the device; false where there are too few descriptors.
// Segments that the device writes come last.
func (q *queue) add(token int, segments ...segment) bool {
	if len(segments) > len(q.free) {
		return false
	}
	c := chain{token: token, descriptors: make([]uint16, len(segments))}
	copy(c.descriptors, q.free[len(q.free)-len(segments):])
	q.free = q.free[:len(q.free)-len(segments)]
	for i, s := range segments {
		flags, next := uint32(0), uint32(0)
		if i+1 < len(segments) {
			flags |= descriptorNext
			next = uint32(c.descriptors[i+1])
		}
		if s.write {
			flags |= descriptorWrite
			c.writable += len(s.Bytes)
		}
		at := int(c.descriptors[i]) * descriptorSize
		q.descriptors.Store64(at, s.Address)
		q.descriptors.Store64(at+8, uint64(len(s.Bytes))|uint64(flags|next<<16)<<32)
	}
	head := c.descriptors[0]
	q.chains[head] = c
	q.avail.Store16(ringHeader+2*(int(q.nextAvail)%q.size), head)
	q.nextAvail++
	q.publish()
	return true
}

// publish tells the device the flags and the index of our ring, which share a
// word.
func (q *queue) publish() { q.avail.Store32(0, uint32(q.flags)|uint32(q.nextAvail)<<16) }

// wantInterrupts asks the device to interrupt when it has done with a chain,
// or not to. It may do so all the same.
func (q *queue) wantInterrupts(yes bool) {
	q.flags = availNoInterrupt
	if yes {
		q.flags = 0
	}
	q.publish()
}

// notify tells the device of what was added.
func (q *queue) notify() { q.t.Notify(q.number) }

// pending is how many chains the device has.
func (q *queue) pending() int { return len(q.chains) }

// A completion is a chain that the device has done with.
type completion struct {
	token   int
	written int // bytes, at most what the device was allowed
}

// take takes back one chain; ok is false where there is none. The error says
// how the device broke the rules.
func (q *queue) take() (c completion, ok bool, err error) {
	ahead := q.used.Load16(2) - q.nextUsed
	if ahead == 0 {
		return completion{}, false, nil
	}
	if int(ahead) > q.pending() {
		return completion{}, false, fmt.Errorf("queue %d: it returns %d chains, and had %d", q.number, ahead, q.pending())
	}
	at := ringHeader + usedEntry*(int(q.nextUsed)%q.size)
	head, written := q.used.Load32(at), q.used.Load32(at+4)
	ch, mine := q.chains[uint16(head)]
	if head >= uint32(q.size) || !mine {
		return completion{}, false, fmt.Errorf("queue %d: it returns descriptor %d, which it had not", q.number, head)
	}
	if uint64(written) > uint64(ch.writable) {
		return completion{}, false, fmt.Errorf("queue %d: it wrote %d bytes into %d", q.number, written, ch.writable)
	}
	delete(q.chains, uint16(head))
	q.free = append(q.free, ch.descriptors...)
	q.nextUsed++
	return completion{ch.token, int(written)}, true, nil
}
