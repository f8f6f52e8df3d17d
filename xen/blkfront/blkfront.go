// Package blkfront is a disk of a domain of Xen (public/io/blkif.h), with
// flush and discard.
//
// The back end is not trusted; see package ring. One that breaks the rules is
// not used any more.
//
// What may be in this room: the front end of "vbd" devices.
package blkfront

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
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

	entry    = 112 // struct blkif_request on x86-64
	segments = 11  // in a request, of up to a page each
	slots    = 8
	slotSize = segments * pageSize

	opRead    = 0
	opWrite   = 1
	opFlush   = 3
	opDiscard = 5

	statusOK          = 0
	statusUnsupported = -2

	infoReadOnly = 4

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

// Disk is a disk. Its methods may be called concurrently; up to 8 requests are
// under way at a time.
type Disk struct {
	info
	device *xenbus.Device // nil in tests
	all    shm.Region

	mu     sync.Mutex // guards all below
	cond   sync.Cond
	err    error
	paused bool // the domain is being suspended
	port   Port
	ring   *ring.Front
	slot   []slot
	idle   []int

	serving sync.WaitGroup
	close   sync.Once
}

// A slot is the data of one request.
type slot struct {
	data     shm.Region
	refs     []grants.Ref
	op       uint8
	busy     bool // the back end has it
	finished bool
	status   int16
}

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

// connect begins with a back end, and is what that says of the disk.
func (d *Disk) connect(ctx context.Context) (info, error) {
	dev := d.device
	if err := dev.AwaitBackend(ctx, xenbus.InitWait, xenbus.Initialised, xenbus.Connected); err != nil {
		return info{}, err
	}
	refs, err := dev.Grants.GrantRegion(dev.BackendID, d.all.Slice(0, memory), false)
	if err != nil {
		return info{}, err
	}
	port, err := dev.Events.Alloc(dev.BackendID)
	if err != nil {
		return info{}, err
	}
	d.begin(port, refs)
	i, err := introduce(ctx, dev, port.Number(), refs[0])
	if err != nil {
		port.Close()
		return info{}, err
	}
	d.start()
	return i, nil
}

func introduce(ctx context.Context, d *xenbus.Device, port uint32, ring grants.Ref) (info, error) {
	err := d.Publish(ctx, map[string]string{
		"ring-ref":      strconv.FormatUint(uint64(ring), 10),
		"event-channel": strconv.FormatUint(uint64(port), 10),
		"protocol":      "x86_64-abi",
	})
	if err == nil {
		err = d.SetState(ctx, xenbus.Initialised)
	}
	if err == nil {
		err = d.AwaitBackend(ctx, xenbus.Connected)
	}
	if err != nil {
		return info{}, err
	}
	i, err := readInfo(ctx, d)
	if err != nil {
		return info{}, err
	}
	return i, d.SetState(ctx, xenbus.Connected)
}

func readInfo(ctx context.Context, d *xenbus.Device) (info, error) {
	now := d.Store.Now()
	sectors, err1 := now.ReadUint(ctx, d.Backend+"/sectors", 64)
	block, err2 := now.ReadUint(ctx, d.Backend+"/sector-size", 32)
	flags, err3 := now.ReadUint(ctx, d.Backend+"/info", 32)
	if err := errors.Join(err1, err2, err3); err != nil {
		return info{}, err
	}
	if sectors > maxSectors || block < sectorSize || block > pageSize || block&(block-1) != 0 {
		return info{}, fmt.Errorf("%s: a disk of %d sectors, with blocks of %d bytes", d.Name(), sectors, block)
	}
	return info{
		sectors: sectors, block: int(block), readOnly: flags&infoReadOnly != 0,
		flush: d.Feature(ctx, "feature-flush-cache"), discard: d.Feature(ctx, "feature-discard"),
	}, nil
}

// memory is the size of what is shared: the ring, then the data of slots.
const memory = pageSize + slots*slotSize

func newDisk(all shm.Region) *Disk {
	d := &Disk{all: all}
	d.cond.L = &d.mu
	return d
}

// begin lays out the memory for a new back end.
func (d *Disk) begin(port Port, refs []grants.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.port, d.ring, d.slot, d.idle = port, ring.New(d.all.Slice(0, pageSize), entry), nil, nil
	for n := range slots {
		first := 1 + n*segments
		d.slot = append(d.slot, slot{data: d.all.Slice(first*pageSize, slotSize), refs: refs[first : first+segments]})
		d.idle = append(d.idle, n)
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
	for len(d.idle) < slots && d.err == nil {
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

// collect takes struct blkif_response: id of 8 bytes, operation, and status at
// 10.
func (d *Disk) collect() error {
	for {
		r, ok, err := d.ring.Response()
		if err != nil {
			return err
		}
		if !ok {
			if d.ring.WantResponses() {
				continue
			}
			return nil
		}
		id, rest := r.Load64(0), r.Load32(8)
		op, status := uint8(rest), int16(rest>>16)
		if id >= slots || !d.slot[id].busy {
			return fmt.Errorf("a response to request %d, which it had not", id)
		}
		s := &d.slot[id]
		if op != s.op {
			return fmt.Errorf("a response to operation %d, asked was %d", op, s.op)
		}
		s.busy, s.finished, s.status = false, true, status
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
	n, err := pieces(p, off, d.readPiece)
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
	return pieces(p, off, func(p []byte, off int64) error {
		return d.do(request{op: opWrite, sector: uint64(off / sectorSize), out: p, size: len(p)})
	})
}

// Flush waits until everything that was written is on stable storage.
func (d *Disk) Flush() error {
	if !d.flush {
		return nil // the back end has no cache
	}
	return d.do(request{op: opFlush})
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
	return d.do(request{op: opDiscard, sector: uint64(off / sectorSize), sectors: uint64(size / sectorSize)})
}

// pieces does p by parts that fit in a request, with a sector to spare for one
// that begins within a sector.
func pieces(p []byte, off int64, do func([]byte, int64) error) (int, error) {
	done := 0
	for done < len(p) {
		n := min(len(p)-done, slotSize-sectorSize)
		if err := do(p[done:done+n], off+int64(done)); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

func (d *Disk) readPiece(p []byte, off int64) error {
	skip := int(off % sectorSize)
	whole := (skip + len(p) + sectorSize - 1) / sectorSize * sectorSize
	return d.do(request{
		op: opRead, sector: uint64(off / sectorSize), size: whole,
		in: func(data []byte) { copy(p, data[skip:]) },
	})
}

// A request carries out, or brings size bytes, which in is given.
type request struct {
	op      uint8
	sector  uint64
	sectors uint64 // to discard
	size    int    // of data, whole sectors
	out     []byte
	in      func([]byte)
}

// write lays the request out in an entry of the ring: struct blkif_request,
// or struct blkif_request_discard.
func (r *request) write(e shm.Region, id uint64, s *slot) {
	clear(e.Bytes)
	e.Bytes[0] = r.op
	binary.LittleEndian.PutUint64(e.Bytes[8:], id)
	binary.LittleEndian.PutUint64(e.Bytes[16:], r.sector)
	if r.op == opDiscard {
		binary.LittleEndian.PutUint64(e.Bytes[24:], r.sectors)
		return
	}
	copy(s.data.Bytes, r.out)
	n := (r.size + pageSize - 1) / pageSize
	e.Bytes[1] = uint8(n)
	for i := range n {
		at := e.Bytes[24+8*i:]
		last := min(r.size-i*pageSize, pageSize)/sectorSize - 1
		binary.LittleEndian.PutUint32(at, uint32(s.refs[i]))
		at[4], at[5] = 0, uint8(last) // first and last sector in the page
	}
}

// do makes a request and waits for its answer.
func (d *Disk) do(r request) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for (len(d.idle) == 0 || d.paused) && d.err == nil {
		d.cond.Wait()
	}
	if d.err != nil {
		return d.err
	}
	i := d.idle[len(d.idle)-1]
	d.idle = d.idle[:len(d.idle)-1]
	s := &d.slot[i]
	s.op, s.busy, s.finished = r.op, true, false
	r.write(d.ring.Request(), uint64(i), s) // there are more entries than slots
	if d.ring.Publish() {
		if err := d.port.Notify(); err != nil {
			d.fail(err)
		}
	}
	for !s.finished && d.err == nil {
		d.cond.Wait()
	}
	if d.err != nil {
		return d.err // the slot stays the back end's
	}
	if s.status == statusOK && r.in != nil {
		r.in(s.data.Bytes[:r.size])
	}
	d.idle = append(d.idle, i)
	d.cond.Broadcast()
	return r.failure(s.status)
}

func (r *request) failure(status int16) error {
	switch status {
	case statusOK:
		return nil
	case statusUnsupported:
		return fmt.Errorf("blkfront: operation %d is not supported by the back end", r.op)
	}
	return fmt.Errorf("blkfront: operation %d at sector %d failed with status %d", r.op, r.sector, status)
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
