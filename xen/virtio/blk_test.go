package virtio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// A ramDisk is a disk in memory, on the device's side.
type ramDisk struct {
	mu        sync.Mutex
	data      []byte
	flushes   int
	discarded int64
	status    byte // what requests end with
}

func (r *ramDisk) serve(d *device, _ int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := &d.queues[0]
	for {
		head, segments, ok := q.next(d.Arena)
		if !ok {
			break
		}
		header, status := segments[0].Bytes, segments[len(segments)-1].Bytes
		var data []byte
		if len(segments) == 3 {
			data = segments[1].Bytes
		}
		off := binary.LittleEndian.Uint64(header[8:]) * SectorSize
		written := 1
		switch binary.LittleEndian.Uint32(header) {
		case blkRead:
			written += copy(data, r.data[off:])
		case blkWrite:
			copy(r.data[off:], data)
		case blkFlush:
			r.flushes++
		case blkDiscard:
			r.discarded += int64(binary.LittleEndian.Uint32(data[8:])) * SectorSize
		}
		status[0] = r.status
		q.done(uint32(head), written)
	}
	d.raise()
}

func newTestBlk(t testing.TB, r *ramDisk, features uint64) *Blk {
	t.Helper()
	config := make([]byte, 60)
	binary.LittleEndian.PutUint64(config[blkCapacity:], uint64(len(r.data)/SectorSize))
	binary.LittleEndian.PutUint32(config[blkMaxDiscard:], 100)
	d := newDevice(DeviceBlock, features, config, r.serve)
	b, err := NewBlk(d, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestBlkReadWrite(t *testing.T) {
	r := &ramDisk{data: make([]byte, 1<<20)}
	b := newTestBlk(t, r, featureBlkFlush|featureBlkDiscard)
	if b.Size() != 1<<20 || b.BlockSize() != 512 || b.ReadOnly() {
		t.Errorf("size %d, block %d, read-only %v", b.Size(), b.BlockSize(), b.ReadOnly())
	}
	random := rand.New(rand.NewPCG(1, 2))
	want := make([]byte, len(r.data))
	for range 200 {
		off := random.IntN(len(want)/SectorSize) * SectorSize
		p := make([]byte, min((1+random.IntN(300))*SectorSize, len(want)-off))
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		copy(want[off:], p)
		if n, err := b.WriteAt(p, int64(off)); n != len(p) || err != nil {
			t.Fatalf("write of %d at %d: %d, %v", len(p), off, n, err)
		}
		off = random.IntN(len(want))
		got := make([]byte, min(random.IntN(200_000), len(want)-off))
		if n, err := b.ReadAt(got, int64(off)); n != len(got) || err != nil || !bytes.Equal(got, want[off:off+n]) {
			t.Fatalf("read of %d at %d: %d, %v", len(got), off, n, err)
		}
	}
	if err := b.Flush(); err != nil || r.flushes != 1 {
		t.Errorf("flush: %v, %d seen", err, r.flushes)
	}
	if err := b.Discard(512, 250*SectorSize); err != nil || r.discarded != 250*SectorSize {
		t.Errorf("discard: %v, %d bytes seen", err, r.discarded)
	}
}

func TestBlkEnds(t *testing.T) {
	b := newTestBlk(t, &ramDisk{data: make([]byte, 4096)}, featureBlkDiscard)
	p := make([]byte, 1000)
	if n, err := b.ReadAt(p, 4000); n != 96 || err != io.EOF {
		t.Errorf("read across the end: %d, %v", n, err)
	}
	if n, err := b.ReadAt(p, 4096); n != 0 || err != io.EOF {
		t.Errorf("read at the end: %d, %v", n, err)
	}
	for name, err := range map[string]error{
		"negative read":  second(b.ReadAt(p, -1)),
		"write over end": second(b.WriteAt(p[:512], 4096)),
		"write of parts": second(b.WriteAt(p, 0)),
		"odd write":      second(b.WriteAt(p[:512], 1)),
		"negative write": second(b.WriteAt(p[:512], -512)),
		"odd discard":    b.Discard(1, 512),
		"huge discard":   b.Discard(512, 1<<62),
	} {
		if err == nil {
			t.Errorf("%s succeeded", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestBlkReadOnly(t *testing.T) {
	b := newTestBlk(t, &ramDisk{data: make([]byte, 4096)}, featureBlkReadOnly)
	if _, err := b.WriteAt(make([]byte, 512), 0); !errors.Is(err, ErrReadOnly) {
		t.Errorf("write: %v", err)
	}
	if err := b.Discard(0, 512); !errors.Is(err, ErrReadOnly) {
		t.Errorf("discard: %v", err)
	}
}

func TestBlkFailure(t *testing.T) {
	b := newTestBlk(t, &ramDisk{data: make([]byte, 4096), status: 1}, featureBlkFlush)
	if _, err := b.ReadAt(make([]byte, 512), 512); err == nil || !strings.Contains(err.Error(), "sector 1 failed") {
		t.Errorf("read: %v", err)
	}
}

func TestBlkConcurrently(t *testing.T) {
	r := &ramDisk{data: make([]byte, 64*4096)}
	b := newTestBlk(t, r, 0)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			p := bytes.Repeat([]byte{byte(i)}, 4096)
			got := make([]byte, 4096)
			for range 50 {
				if _, err := b.WriteAt(p, int64(i*4096)); err != nil {
					t.Error(err)
					return
				}
				if _, err := b.ReadAt(got, int64(i*4096)); err != nil || !bytes.Equal(got, p) {
					t.Errorf("block %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestBlkConfigRefused(t *testing.T) {
	for name, change := range map[string]func([]byte){
		"capacity":    func(c []byte) { binary.LittleEndian.PutUint64(c[blkCapacity:], 1<<63) },
		"block of 0":  func(c []byte) { binary.LittleEndian.PutUint32(c[blkBlockSize:], 0) },
		"odd block":   func(c []byte) { binary.LittleEndian.PutUint32(c[blkBlockSize:], 1000) },
		"large block": func(c []byte) { binary.LittleEndian.PutUint32(c[blkBlockSize:], 1<<31) },
	} {
		config := make([]byte, 60)
		binary.LittleEndian.PutUint32(config[blkBlockSize:], 512)
		change(config)
		d := newDevice(DeviceBlock, featureBlkBlockSize, config, nil)
		if _, err := NewBlk(d, d); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
