// Package blkfront is a disk of a domain of Xen (public/io/blkif.h), with
// flush and discard, and, where the back end has them, indirect descriptors
// (large requests), rings of several pages (many requests) and persistent
// grants.
//
// The back end is not trusted; see package ring. One that breaks the rules is
// not used any more.
//
// What may be in this room: the front end of "vbd" devices.
package blkfront

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/anykernel/anykernel/xen/events"
	"github.com/anykernel/anykernel/xen/grants"
	"github.com/anykernel/anykernel/xen/internal/shm"
	"github.com/anykernel/anykernel/xen/ring"
	"github.com/anykernel/anykernel/xen/xenbus"
)

const (
	pageSize = 4096
	// sectorSize is the unit of the protocol, whatever the disk's blocks are.
	sectorSize = 512

	// What is shared with the back end: a ring, then pages that requests take
	// and give back. Both together are a power of two, as the allocator has it.
	maxRingOrder = 2
	ringPages    = 1 << maxRingOrder
	dataPages    = 256 - ringPages
	memory       = (ringPages + dataPages) * pageSize

	// maxPieces of one call are under way at a time.
	maxPieces = 8

	maxSectors = 1<<63/sectorSize - 1
)

// ErrReadOnly is the error of a write to a disk that cannot be written.
var ErrReadOnly = errors.New("the disk is read-only")

// A Port is the event channel to the back end.
type Port interface {
	Notify() error
	Pending() <-chan struct{}
	Close() error
}

var _ Port = (*events.Port)(nil)

// An info is what the back end says of a disk.
type info struct {
	sectors        uint64
	block          int
	readOnly       bool
	flush, discard bool
}

// Disk is a disk. Its methods may be called concurrently; as many requests are
// under way at a time as its ring has entries, 32 to 128.
type Disk struct {
	info
	device *xenbus.Device // nil in tests
	all    shm.Region

	mu       sync.Mutex // guards all below
	cond     sync.Cond
	err      error
	paused   bool // the domain is being suspended
	port     Port
	ring     *ring.Front
	segments int        // the most pages of a request
	page     []page     // of data
	free     []int      // pages that no request has
	slot     []*request // what the back end has, by id; nil: free
	idle     []int      // ids
	queue    turns

	serving sync.WaitGroup
	close   sync.Once
}

// A page is granted to the back end.
type page struct {
	shm.Region
	ref grants.Ref
}

// turns lets callers go in the order in which they came: many small requests
// do not keep a large one from its pages.
type turns struct{ next, now uint64 }

// Open connects a device. The context bounds the wait for the back end.
func Open(ctx context.Context, d *xenbus.Device) (*Disk, error) {
	all, err := d.Memory.Alloc(memory)
	if err != nil {
		return nil, err
	}
	k := newDisk(all)
	k.device = d
	if k.info, err = k.connect(ctx); err != nil {
		return nil, err
	}
	d.Attach(k)
	return k, nil
}

func newDisk(all shm.Region) *Disk {
	d := &Disk{all: all}
	d.cond.L = &d.mu
	return d
}

// begin lays out the memory for a new back end, with a ring of 1<<order pages.
func (d *Disk) begin(port Port, refs []grants.Ref, order int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.port, d.ring = port, ring.New(d.all.Slice(0, pageSize<<order), entry)
	d.segments = directSegments
	d.page, d.free, d.idle = nil, nil, nil
	d.slot = make([]*request, d.ring.Size())
	for i := range dataPages {
		d.page = append(d.page, page{d.all.Slice((ringPages+i)*pageSize, pageSize), refs[ringPages+i]})
		d.free = append(d.free, i)
	}
	for id := range d.slot {
		d.idle = append(d.idle, id)
	}
}

func (d *Disk) start() {
	port := d.port
	d.serving.Go(func() { d.serve(port) })
}

// serve ends with its port: when that is closed, or is not of this domain any
// more.
func (d *Disk) serve(port Port) {
	for range port.Pending() {
		d.mu.Lock()
		if d.err == nil && d.port == port {
			if err := d.collect(); err != nil {
				d.fail(fmt.Errorf("blkfront: the back end is broken: %w", err))
			}
		}
		d.cond.Broadcast()
		d.mu.Unlock()
	}
}

// Pause waits for all requests before the domain is suspended.
func (d *Disk) Pause() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paused = true
	for len(d.idle) < len(d.slot) && d.err == nil {
		d.cond.Wait()
	}
}

// Resume goes on, where the domain is a new one with another back end. That
// must have the same disk.
func (d *Disk) Resume(ctx context.Context, renewed bool) error {
	var err error
	if renewed && d.failure() == nil {
		err = d.reconnect(ctx)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paused = false
	if err != nil {
		d.fail(fmt.Errorf("blkfront: after a suspension: %w", err))
	}
	d.cond.Broadcast()
	return err
}

func (d *Disk) reconnect(ctx context.Context) error {
	if err := d.device.Find(ctx); err != nil {
		return err
	}
	i, err := d.connect(ctx)
	if err == nil && i != d.info {
		err = fmt.Errorf("the disk is %+v, and was %+v", i, d.info)
	}
	return err
}

func (d *Disk) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

func (d *Disk) fail(err error) {
	if d.err == nil {
		d.err = err
		d.cond.Broadcast()
	}
}

// Size and BlockSize are in bytes.
func (d *Disk) Size() int64 { return int64(d.sectors) * sectorSize }

// BlockSize is the size of the disk's blocks, in bytes.
func (d *Disk) BlockSize() int { return d.block }

// ReadOnly reports whether the disk cannot be written.
func (d *Disk) ReadOnly() bool { return d.readOnly }

// ReadAt reads from the disk at any offset. At the end it returns io.EOF.
func (d *Disk) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("blkfront: negative offset %d", off)
	}
	if off >= d.Size() {
		return 0, io.EOF
	}
	want := len(p)
	p = p[:min(int64(len(p)), d.Size()-off)]
	n, err := d.transfer(opRead, p, off)
	if err == nil && n < want {
		err = io.EOF
	}
	return n, err
}

// WriteAt writes to the disk, whole sectors of 512 bytes at offsets of such.
func (d *Disk) WriteAt(p []byte, off int64) (int, error) {
	if d.readOnly {
		return 0, ErrReadOnly
	}
	if off < 0 || off > d.Size() || int64(len(p)) > d.Size()-off {
		return 0, fmt.Errorf("blkfront: write of %d bytes at %d of a disk of %d: %w", len(p), off, d.Size(), io.ErrShortWrite)
	}
	if off%sectorSize != 0 || len(p)%sectorSize != 0 {
		return 0, fmt.Errorf("blkfront: write of %d bytes at %d: a disk is written by sectors of %d", len(p), off, sectorSize)
	}
	return d.transfer(opWrite, p, off)
}

// Flush waits until everything that was written is on stable storage.
func (d *Disk) Flush() error {
	if !d.flush {
		return nil // the back end has no cache
	}
	return d.do(&request{op: opFlush})
}

// Discard tells the disk that size bytes at off are not needed any more, whole
// sectors. Where the disk cannot do it, nothing happens.
func (d *Disk) Discard(off, size int64) error {
	if d.readOnly {
		return ErrReadOnly
	}
	if off < 0 || size < 0 || off > d.Size() || size > d.Size()-off || off%sectorSize != 0 || size%sectorSize != 0 {
		return fmt.Errorf("blkfront: discard of %d bytes at %d of a disk of %d", size, off, d.Size())
	}
	if !d.discard || size == 0 {
		return nil
	}
	return d.do(&request{op: opDiscard, sector: uint64(off / sectorSize), sectors: uint64(size / sectorSize)})
}

// Close takes the disk away. Its pages stay granted: a back end may still use
// them.
func (d *Disk) Close() (err error) {
	d.close.Do(func() {
		d.mu.Lock()
		d.fail(fs.ErrClosed)
		port := d.port
		d.mu.Unlock()
		if d.device != nil {
			d.device.Detach(d)
			d.device.SetState(context.Background(), xenbus.Closing)
		}
		err = port.Close()
		d.serving.Wait()
	})
	return err
}
