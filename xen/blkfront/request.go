package blkfront

import (
	"encoding/binary"
	"fmt"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

const (
	entry          = 112 // struct blkif_request on x86-64
	directSegments = 11  // in a request, of up to a page each
	// maxSegments is the most with an indirect descriptor: a part of what its
	// page of 512 holds, so that several requests have room at a time.
	maxSegments = 32

	opRead     = 0
	opWrite    = 1
	opFlush    = 3
	opDiscard  = 5
	opIndirect = 6

	statusOK          = 0
	statusUnsupported = -2
)

// A request carries p out, or brings it. The disk's lock guards it.
type request struct {
	op      uint8
	sector  uint64
	sectors uint64 // to discard
	p       []byte
	skip    int // bytes before p in its first sector
	pages   []int

	finished bool
	status   int16
}

// piece is the request for the beginning of p, as much of it as fits.
func piece(op uint8, p []byte, off int64, segments int) *request {
	skip := int(off % sectorSize)
	return &request{op: op, sector: uint64(off / sectorSize), skip: skip, p: p[:min(len(p), segments*pageSize-skip)]}
}

// size is that of whole sectors.
func (r *request) size() int { return (r.skip + len(r.p) + sectorSize - 1) &^ (sectorSize - 1) }

// segments is how many pages hold the data.
func (r *request) segments() int {
	if len(r.p) == 0 {
		return 0
	}
	return (r.size() + pageSize - 1) / pageSize
}

// needs is how many pages the request takes: one more where its segments are
// described in a page of their own.
func (r *request) needs() int {
	n := r.segments()
	if n > directSegments {
		n++
	}
	return n
}

// write lays the request out in an entry of the ring, and what it writes in
// its pages: struct blkif_request, or struct blkif_request_discard, or struct
// blkif_request_indirect.
func (d *Disk) write(r *request, e shm.Region, id uint64) {
	n := r.segments()
	clear(e.Bytes)
	binary.LittleEndian.PutUint64(e.Bytes[8:], id)
	binary.LittleEndian.PutUint64(e.Bytes[16:], r.sector)
	e.Bytes[0] = r.op
	switch {
	case r.op == opDiscard:
		binary.LittleEndian.PutUint64(e.Bytes[24:], r.sectors)
	case n > directSegments:
		e.Bytes[0], e.Bytes[1] = opIndirect, r.op
		binary.LittleEndian.PutUint16(e.Bytes[2:], uint16(n))
		binary.LittleEndian.PutUint32(e.Bytes[28:], uint32(d.page[r.pages[n]].ref))
		d.describe(r, d.page[r.pages[n]].Bytes)
	default:
		e.Bytes[1] = uint8(n)
		d.describe(r, e.Bytes[24:])
	}
	if r.op == opWrite {
		d.copyPages(r, func(data, p []byte) { copy(data, p) })
	}
}

// describe writes a struct blkif_request_segment for each page: grant of 4
// bytes, first and last sector of 1.
func (d *Disk) describe(r *request, to []byte) {
	for i := range r.segments() {
		at := to[8*i : 8*i+8]
		last := min(r.size()-i*pageSize, pageSize)/sectorSize - 1
		binary.LittleEndian.PutUint32(at, uint32(d.page[r.pages[i]].ref))
		at[4], at[5] = 0, uint8(last)
	}
}

// copyPages gives f each piece of p with its place in the pages.
func (d *Disk) copyPages(r *request, f func(data, p []byte)) {
	p, at := r.p, r.skip
	for i := 0; len(p) > 0; i++ {
		data := d.page[r.pages[i]].Bytes[at:]
		n := min(len(data), len(p))
		f(data[:n], p[:n])
		p, at = p[n:], 0
	}
}

// collect takes struct blkif_response: id of 8 bytes, operation, and status at
// 10.
func (d *Disk) collect() error {
	for {
		e, ok, err := d.ring.Response()
		if err != nil {
			return err
		}
		if !ok {
			if d.ring.WantResponses() {
				continue
			}
			return nil
		}
		id, rest := e.Load64(0), e.Load32(8)
		if err := d.finish(id, uint8(rest), int16(rest>>16)); err != nil {
			return err
		}
	}
}

// finish ends a request. Its pages are free from here on, whether somebody
// waits for it already or not: so nobody keeps pages while waiting for others.
func (d *Disk) finish(id uint64, op uint8, status int16) error {
	if id >= uint64(len(d.slot)) || d.slot[id] == nil {
		return fmt.Errorf("a response to request %d, which it had not", id)
	}
	r := d.slot[id]
	indirect := op == opIndirect && r.segments() > directSegments // back ends differ in this
	if op != r.op && !indirect {
		return fmt.Errorf("a response to operation %d, asked was %d", op, r.op)
	}
	if r.op == opRead && status == statusOK {
		d.copyPages(r, func(data, p []byte) { copy(p, data) })
	}
	r.finished, r.status = true, status
	d.slot[id] = nil
	d.idle = append(d.idle, int(id))
	d.free = append(d.free, r.pages...)
	return nil
}

// do makes a request and waits for its answer.
func (d *Disk) do(r *request) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.submit(func() *request { return r }); err != nil {
		return err
	}
	return d.await(r)
}

// transfer does p by pieces, some of them at a time, and returns how much of
// its beginning is done.
func (d *Disk) transfer(op uint8, p []byte, off int64) (done int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var under []*request
	for (len(p) > 0 && err == nil) || len(under) > 0 {
		if len(p) > 0 && err == nil && len(under) < maxPieces {
			r, serr := d.submit(func() *request { return piece(op, p, off, d.segments) })
			if err = serr; err == nil {
				under = append(under, r)
				p, off = p[len(r.p):], off+int64(len(r.p))
			}
			continue
		}
		r := under[0]
		under = under[1:]
		if aerr := d.await(r); err == nil {
			err = aerr
		}
		if err == nil {
			done += len(r.p)
		}
	}
	return done, err
}

// submit gives the request that next makes to the back end, when it is its
// turn and there is room.
func (d *Disk) submit(next func() *request) (*request, error) {
	turn := d.queue.next
	d.queue.next++
	var r *request
	for d.err == nil {
		if d.queue.now == turn && !d.paused && len(d.idle) > 0 {
			if r = next(); r.needs() <= len(d.free) {
				break
			}
		}
		d.cond.Wait()
	}
	if d.err != nil {
		return nil, d.err
	}
	d.queue.now++
	d.cond.Broadcast()
	id := d.idle[len(d.idle)-1]
	d.idle = d.idle[:len(d.idle)-1]
	left := len(d.free) - r.needs()
	r.pages = append(r.pages, d.free[left:]...)
	d.free = d.free[:left]
	d.slot[id] = r
	d.write(r, d.ring.Request(), uint64(id)) // there are as many entries as ids
	if d.ring.Publish() {
		if err := d.port.Notify(); err != nil {
			d.fail(err)
		}
	}
	return r, nil
}

// await waits for the answer to a request. Without one, its pages stay the
// back end's, and its memory is not touched any more.
func (d *Disk) await(r *request) error {
	for !r.finished && d.err == nil {
		d.cond.Wait()
	}
	switch {
	case !r.finished:
		return d.err
	case r.status == statusOK:
		return nil
	case r.status == statusUnsupported:
		return fmt.Errorf("blkfront: operation %d is not supported by the back end", r.op)
	}
	return fmt.Errorf("blkfront: operation %d at sector %d failed with status %d", r.op, r.sector, r.status)
}
