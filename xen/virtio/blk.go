package virtio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

const (
	featureBlkReadOnly  = 1 << 5
	featureBlkBlockSize = 1 << 6
	featureBlkFlush     = 1 << 9
	featureBlkDiscard   = 1 << 13

	// SectorSize is the unit of a disk's size and of discarding, in bytes.
	SectorSize = 512

	// struct virtio_blk_config (section 5.2.4)
	blkCapacity   = 0
	blkBlockSize  = 20
	blkMaxDiscard = 36

	// Types of requests, and what they end with (section 5.2.6).
	blkRead    = 0
	blkWrite   = 1
	blkFlush   = 4
	blkDiscard = 11
	blkOK      = 0
	blkUnsupp  = 2

	blkHeader = 16
	blkSlots  = 8
	// a request's header, data and status
	blkSegments = 3
	blkData     = 64 << 10 // in a request
	blkStatus   = blkHeader + blkData
	blkSlot     = (blkStatus + 1 + 4095) &^ 4095
)

// Blk is a disk (section 5.2). Its methods may be called concurrently; up to 8
// requests are under way at a time.
type Blk struct {
	driver
	q        *queue
	features uint64
	size     int64
	block    int

	maxDiscard uint32 // sectors in a request
	slots      []shm.Region
	idle       []int
	finished   [blkSlots]bool
}

// ErrReadOnly is the error of a write to a disk that cannot be written.
var ErrReadOnly = errors.New("the disk is read-only")

// NewBlk starts a disk.
func NewBlk(t Transport, mem shm.Allocator) (*Blk, error) {
	b := &Blk{}
	b.init("virtio-blk", t)
	if err := b.start(mem); err != nil {
		return nil, fmt.Errorf("virtio-blk: %w", err)
	}
	go b.serve(b.collect)
	return b, nil
}

func (b *Blk) start(mem shm.Allocator) (err error) {
	if b.features, err = negotiate(b.t, featureBlkReadOnly|featureBlkBlockSize|featureBlkFlush|featureBlkDiscard); err != nil {
		return err
	}
	if err := b.readConfig(); err != nil {
		return err
	}
	if b.q, err = newQueue(b.t, mem, 0); err != nil {
		return err
	}
	slots := min(blkSlots, b.q.size/blkSegments)
	if slots == 0 {
		return fmt.Errorf("the queue has room for %d descriptors, and a request takes %d", b.q.size, blkSegments)
	}
	all, err := mem.Alloc(slots * blkSlot)
	if err != nil {
		return err
	}
	for i := range slots {
		b.slots = append(b.slots, all.Slice(i*blkSlot, blkSlot))
		b.idle = append(b.idle, i)
	}
	ready(b.t)
	return nil
}

func (b *Blk) readConfig() error {
	var c [60]byte
	b.t.Config(0, c[:])
	sectors := binary.LittleEndian.Uint64(c[blkCapacity:])
	if sectors > 1<<63/SectorSize-1 {
		return fmt.Errorf("a disk of %d sectors", sectors)
	}
	b.size = int64(sectors) * SectorSize
	b.block = SectorSize
	if b.features&featureBlkBlockSize != 0 {
		b.block = int(binary.LittleEndian.Uint32(c[blkBlockSize:]))
	}
	if b.block < SectorSize || b.block > blkData || b.block&(b.block-1) != 0 {
		return fmt.Errorf("a disk with blocks of %d bytes", b.block)
	}
	b.maxDiscard = binary.LittleEndian.Uint32(c[blkMaxDiscard:])
	return nil
}

func (b *Blk) collect() error {
	for {
		c, ok, err := b.q.take()
		if err != nil || !ok {
			return err
		}
		b.finished[c.token] = true
	}
}

// Size is the disk's size in bytes.
func (b *Blk) Size() int64 { return b.size }

// BlockSize is the size of the disk's blocks, in bytes: the unit of what it
// does well.
func (b *Blk) BlockSize() int { return b.block }

// ReadOnly reports whether the disk cannot be written.
func (b *Blk) ReadOnly() bool { return b.features&featureBlkReadOnly != 0 }

// ReadAt reads from the disk at any offset. At the end it returns io.EOF.
func (b *Blk) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("virtio-blk: negative offset %d", off)
	}
	if off >= b.size {
		return 0, io.EOF
	}
	want := len(p)
	p = p[:min(int64(len(p)), b.size-off)]
	n, err := b.pieces(p, off, b.readPiece)
	if err == nil && n < want {
		err = io.EOF
	}
	return n, err
}

// WriteAt writes to the disk, whole sectors at offsets of whole sectors.
func (b *Blk) WriteAt(p []byte, off int64) (int, error) {
	if b.ReadOnly() {
		return 0, ErrReadOnly
	}
	if off < 0 || off > b.size || int64(len(p)) > b.size-off {
		return 0, fmt.Errorf("virtio-blk: write of %d bytes at %d of a disk of %d: %w", len(p), off, b.size, io.ErrShortWrite)
	}
	if off%SectorSize != 0 || len(p)%SectorSize != 0 {
		return 0, fmt.Errorf("virtio-blk: write of %d bytes at %d: a disk is written by sectors of %d", len(p), off, SectorSize)
	}
	return b.pieces(p, off, func(p []byte, off int64) error {
		return b.do(blkRequest{kind: blkWrite, sector: off / SectorSize, out: p})
	})
}

// Flush waits until everything that was written is on stable storage.
func (b *Blk) Flush() error {
	if b.features&featureBlkFlush == 0 {
		return nil // the device has no cache
	}
	return b.do(blkRequest{kind: blkFlush})
}

// Discard tells the disk that size bytes at off are not needed any more, whole
// sectors. What is read there afterwards is undefined. Where the disk cannot do
// it, nothing happens.
func (b *Blk) Discard(off, size int64) error {
	if b.ReadOnly() {
		return ErrReadOnly
	}
	if off < 0 || size < 0 || off > b.size || size > b.size-off || off%SectorSize != 0 || size%SectorSize != 0 {
		return fmt.Errorf("virtio-blk: discard of %d bytes at %d of a disk of %d", size, off, b.size)
	}
	if b.features&featureBlkDiscard == 0 || b.maxDiscard == 0 {
		return nil
	}
	for size > 0 {
		sectors := min(size/SectorSize, int64(b.maxDiscard))
		var segment [16]byte // struct virtio_blk_discard_write_zeroes
		binary.LittleEndian.PutUint64(segment[:], uint64(off/SectorSize))
		binary.LittleEndian.PutUint32(segment[8:], uint32(sectors))
		if err := b.do(blkRequest{kind: blkDiscard, out: segment[:]}); err != nil {
			return err
		}
		off += sectors * SectorSize
		size -= sectors * SectorSize
	}
	return nil
}

// pieces does p by parts that fit in a request.
func (b *Blk) pieces(p []byte, off int64, do func([]byte, int64) error) (int, error) {
	done := 0
	for done < len(p) {
		// One sector less, for a part that begins within one.
		n := min(len(p)-done, blkData-SectorSize)
		if err := do(p[done:done+n], off+int64(done)); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// readPiece reads what may begin and end within a sector.
func (b *Blk) readPiece(p []byte, off int64) error {
	skip := int(off % SectorSize)
	whole := (skip + len(p) + SectorSize - 1) / SectorSize * SectorSize
	return b.do(blkRequest{
		kind: blkRead, sector: off / SectorSize,
		size: whole, in: func(data []byte) { copy(p, data[skip:]) },
	})
}

// A blkRequest carries out, or brings size bytes, which in is given.
type blkRequest struct {
	kind   uint32
	sector int64
	out    []byte
	size   int
	in     func([]byte)
}

// segments lays the request out in a slot: header, data, status.
func (r *blkRequest) segments(slot shm.Region) []segment {
	slot.Store64(0, uint64(r.kind))
	slot.Store64(8, uint64(r.sector))
	slot.Bytes[blkStatus] = 0xff
	s := []segment{{slot.Slice(0, blkHeader), false}}
	switch {
	case r.size > 0:
		s = append(s, segment{slot.Slice(blkHeader, r.size), true})
	case len(r.out) > 0:
		copy(slot.Bytes[blkHeader:], r.out)
		s = append(s, segment{slot.Slice(blkHeader, len(r.out)), false})
	}
	return append(s, segment{slot.Slice(blkStatus, 1), true})
}

// do makes a request and waits for its answer.
func (b *Blk) do(r blkRequest) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.idle) == 0 && b.err == nil {
		b.cond.Wait()
	}
	if b.err != nil {
		return b.err
	}
	i := b.idle[len(b.idle)-1]
	slot := b.slots[i]
	b.q.add(i, r.segments(slot)...) // there is room for as many as there are slots
	b.idle = b.idle[:len(b.idle)-1]
	b.finished[i] = false
	b.q.notify()
	for !b.finished[i] && b.err == nil {
		b.cond.Wait()
	}
	if b.err != nil {
		return b.err // the slot stays the device's, which may still write to it
	}
	status := slot.Bytes[blkStatus]
	if status == blkOK && r.in != nil {
		r.in(slot.Bytes[blkHeader : blkHeader+r.size])
	}
	b.idle = append(b.idle, i)
	b.cond.Broadcast()
	return r.failure(status)
}

func (r *blkRequest) failure(status byte) error {
	switch status {
	case blkOK:
		return nil
	case blkUnsupp:
		return fmt.Errorf("virtio-blk: request %d is not supported by the device", r.kind)
	}
	return fmt.Errorf("virtio-blk: request %d at sector %d failed with status %d", r.kind, r.sector, status)
}
