package blkfront

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/anykernel/anykernel/xen/internal/shm"
	"github.com/anykernel/anykernel/xen/ring/ringtest"
	"github.com/anykernel/anykernel/xen/xenbus/xenbustest"
)

const (
	frontPath = "device/vbd/51712"
	backPath  = "/local/domain/0/backend/vbd/1/51712"
)

// A backend is a disk in memory.
type backend struct {
	*xenbustest.Host
	values map[string]string // what it says in xenstore

	mu                 sync.Mutex
	port               uint32
	ring               *ringtest.Back
	data               []byte
	status             int16
	silent             bool // it does not answer
	flushes, discarded int
	segments           int // of the largest request
	most               int // requests that it had at a time
	lie                func()
}

func newBackend(t testing.TB, size int) *backend {
	return &backend{Host: xenbustest.New(t), data: make([]byte, size), values: map[string]string{
		"sectors": fmt.Sprint(size / sectorSize), "sector-size": "512", "info": "0",
		"feature-flush-cache": "1", "feature-discard": "1",
	}}
}

// appear is what a toolstack and the back end do before there is a front end.
func (b *backend) appear() {
	b.Set(frontPath+"/backend", backPath)
	b.Set(frontPath+"/backend-id", "0")
	b.Set(frontPath+"/state", "1")
	for k, v := range b.values {
		b.Set(backPath+"/"+k, v)
	}
	b.Set(backPath+"/state", "2")
}

// connect waits for the front end and connects to it.
func (b *backend) connect(t testing.TB) {
	t.Helper()
	b.Await(t, frontPath+"/state", "3")
	b.mu.Lock()
	defer b.mu.Unlock()
	b.port = uint32(b.number(t, "event-channel"))
	b.ring = ringtest.NewBack(b.ringPages(t), entry)
	b.Bind(b.port, b.serve)
	b.Set(backPath+"/state", "4")
}

func (b *backend) ringPages(t testing.TB) (all shm.Region) {
	t.Helper()
	if _, ok := b.Get(frontPath + "/ring-page-order"); !ok {
		return b.Page(uint32(b.number(t, "ring-ref")))
	}
	n := 1 << b.number(t, "ring-page-order")
	first := b.Page(uint32(b.number(t, "ring-ref0")))
	for i := 1; i < n; i++ {
		if p := b.Page(uint32(b.number(t, fmt.Sprintf("ring-ref%d", i)))); p.Address != first.Address+uint64(i*pageSize) {
			t.Fatalf("page %d of the ring is at %#x, the first at %#x", i, p.Address, first.Address)
		}
	}
	return b.Arena.At(first.Address, n*pageSize)
}

func (b *backend) number(t testing.TB, key string) uint64 {
	t.Helper()
	v, _ := b.Get(frontPath + "/" + key)
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return n
}

// open is a disk whose back end is b.
func (b *backend) open(t testing.TB) (*Disk, error) {
	t.Helper()
	b.appear()
	devices, err := b.Bus.List(t.Context(), "vbd")
	if err != nil || len(devices) != 1 {
		t.Fatalf("%d devices, %v", len(devices), err)
	}
	type result struct {
		d   *Disk
		err error
	}
	opened := make(chan result, 1)
	go func() {
		d, err := Open(context.Background(), devices[0])
		opened <- result{d, err}
	}()
	b.connect(t)
	r := <-opened
	if r.err == nil {
		t.Cleanup(func() { r.d.Close() })
	}
	return r.d, r.err
}

// connected is a disk and its back end, after change.
func connected(t testing.TB, size int, change func(*backend)) (*Disk, *backend) {
	t.Helper()
	b := newBackend(t, size)
	if change != nil {
		change(b)
	}
	d, err := b.open(t)
	if err != nil {
		t.Fatal(err)
	}
	return d, b
}

func (b *backend) serve() {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.lie != nil:
		b.lie()
	case b.silent:
		return
	default:
		b.work()
	}
	b.Raise(b.port)
}

// work takes all requests before it answers the first, so that it sees how many
// there are.
func (b *backend) work() {
	var all [][]byte
	for {
		r, ok := b.ring.Request()
		if !ok {
			break
		}
		all = append(all, bytes.Clone(r.Bytes)) // a response takes its place
	}
	b.most = max(b.most, len(all))
	for _, q := range all {
		b.answer(q)
	}
	b.ring.Publish()
}

func (b *backend) answer(q []byte) {
	op, id, sector := q[0], binary.LittleEndian.Uint64(q[8:]), binary.LittleEndian.Uint64(q[16:])
	switch op {
	case opFlush:
		b.flushes++
	case opDiscard:
		b.discarded += int(binary.LittleEndian.Uint64(q[24:])) * sectorSize
	case opIndirect:
		op = q[1] // as Linux answers
		descriptors := b.Page(binary.LittleEndian.Uint32(q[28:]))
		b.transfer(op, sector*sectorSize, int(binary.LittleEndian.Uint16(q[2:])), descriptors.Bytes)
	default:
		b.transfer(op, sector*sectorSize, int(q[1]), q[24:])
	}
	b.respond(id, op, b.status)
}

func (b *backend) transfer(op uint8, off uint64, n int, segments []byte) {
	b.segments = max(b.segments, n)
	for i := range n {
		s := segments[8*i:]
		page := b.Page(binary.LittleEndian.Uint32(s)).Bytes
		part := page[int(s[4])*sectorSize : (int(s[5])+1)*sectorSize]
		if op == opRead {
			copy(part, b.data[off:])
		} else {
			copy(b.data[off:], part)
		}
		off += uint64(len(part))
	}
}

func (b *backend) respond(id uint64, op uint8, status int16) {
	r := b.ring.Response()
	r.Store64(0, id)
	r.Store32(8, uint32(op)|uint32(uint16(status))<<16)
}

// let changes the back end while nobody is served.
func (b *backend) let(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}
