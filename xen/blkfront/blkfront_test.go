package blkfront

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/xen/grants"
	"github.com/anykernel/anykernel/xen/internal/shm/shmtest"
	"github.com/anykernel/anykernel/xen/ring/ringtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A backend is a disk in memory.
type backend struct {
	mu                 sync.Mutex
	mem                *shmtest.Arena
	pages              map[grants.Ref]uint64
	ring               *ringtest.Back
	port               *ringtest.Port
	data               []byte
	status             int16
	flushes, discarded int
}

func (b *backend) serve() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		r, ok := b.ring.Request()
		if !ok {
			break
		}
		q := bytes.Clone(r.Bytes) // the response takes its place
		op, id, sector := q[0], binary.LittleEndian.Uint64(q[8:]), binary.LittleEndian.Uint64(q[16:])
		switch op {
		case opFlush:
			b.flushes++
		case opDiscard:
			b.discarded += int(binary.LittleEndian.Uint64(q[24:])) * sectorSize
		default:
			b.transfer(op, sector*sectorSize, q)
		}
		b.respond(id, op, b.status)
	}
	b.ring.Publish()
	b.port.Raise()
}

func (b *backend) transfer(op uint8, off uint64, q []byte) {
	for i := range int(q[1]) {
		s := q[24+8*i:]
		page := b.mem.At(b.pages[grants.Ref(binary.LittleEndian.Uint32(s))], pageSize).Bytes
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

func connected(t testing.TB, size int, change func(*info, *backend)) (*Disk, *backend) {
	t.Helper()
	b := &backend{mem: shmtest.New(1 << 20), pages: map[grants.Ref]uint64{}, port: ringtest.NewPort(), data: make([]byte, size)}
	b.port.Other = b.serve
	i := info{sectors: uint64(size / sectorSize), block: sectorSize, flush: true, discard: true}
	if change != nil {
		change(&i, b)
	}
	all, err := b.mem.Alloc(pageSize + slots*slotSize)
	if err != nil {
		t.Fatal(err)
	}
	var refs []grants.Ref
	for i := range 1 + slots*segments {
		refs = append(refs, grants.Ref(100+3*i))
		b.pages[refs[i]] = all.Address + uint64(i*pageSize)
	}
	d := newDisk(all)
	d.info = i
	d.begin(b.port, refs)
	b.ring = ringtest.NewBack(all.Slice(0, pageSize), entry)
	d.start()
	t.Cleanup(func() { d.Close() })
	return d, b
}

func TestReadWrite(t *testing.T) {
	d, b := connected(t, 1<<20, nil)
	random := rand.New(rand.NewPCG(3, 4))
	want := make([]byte, 1<<20)
	for range 200 {
		off := random.IntN(len(want)/sectorSize) * sectorSize
		p := make([]byte, min((1+random.IntN(300))*sectorSize, len(want)-off))
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		copy(want[off:], p)
		if n, err := d.WriteAt(p, int64(off)); n != len(p) || err != nil {
			t.Fatalf("write of %d at %d: %d, %v", len(p), off, n, err)
		}
		off = random.IntN(len(want))
		got := make([]byte, min(random.IntN(200_000), len(want)-off))
		if n, err := d.ReadAt(got, int64(off)); n != len(got) || err != nil || !bytes.Equal(got, want[off:off+n]) {
			t.Fatalf("read of %d at %d: %d, %v", len(got), off, n, err)
		}
	}
	if err := d.Flush(); err != nil || b.flushes != 1 {
		t.Errorf("flush: %v, %d seen", err, b.flushes)
	}
	if err := d.Discard(512, 100*sectorSize); err != nil || b.discarded != 100*sectorSize {
		t.Errorf("discard: %v, %d seen", err, b.discarded)
	}
}

func TestConcurrently(t *testing.T) {
	d, _ := connected(t, 32*4096, nil)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			p, got := bytes.Repeat([]byte{byte(i)}, 4096), make([]byte, 4096)
			for range 30 {
				if _, err := d.WriteAt(p, int64(i*4096)); err != nil {
					t.Error(err)
				}
				if _, err := d.ReadAt(got, int64(i*4096)); err != nil || !bytes.Equal(got, p) {
					t.Errorf("block %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestSuspension(t *testing.T) {
	d, b := connected(t, 4096, nil)
	b.port.Other = nil // it does not answer yet
	read := make(chan error, 2)
	go func() { read <- second(d.ReadAt(make([]byte, 512), 0)) }()
	for busy := false; !busy; {
		d.mu.Lock()
		busy = len(d.idle) < slots
		d.mu.Unlock()
	}
	paused := make(chan struct{})
	go func() {
		d.Pause()
		close(paused)
	}()
	select {
	case <-paused:
		t.Fatal("the domain is suspended while a request is under way")
	case <-time.After(5 * time.Millisecond):
	}
	b.port.Other = b.serve
	b.serve()
	<-paused
	if err := <-read; err != nil {
		t.Error(err)
	}
	go func() { read <- second(d.ReadAt(make([]byte, 512), 0)) }()
	select {
	case <-read:
		t.Fatal("a request was made while the domain was suspended")
	case <-time.After(5 * time.Millisecond):
	}
	if err := d.Resume(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	d, _ := connected(t, 4096, nil)
	p := make([]byte, 512)
	for name, err := range map[string]error{
		"negative read":  second(d.ReadAt(p, -1)),
		"read at end":    second(d.ReadAt(p, 4096)),
		"write over end": second(d.WriteAt(p, 4096)),
		"odd write":      second(d.WriteAt(p, 1)),
		"part":           second(d.WriteAt(p[:100], 0)),
		"odd discard":    d.Discard(1, 512),
		"huge discard":   d.Discard(512, 1<<62),
	} {
		if err == nil {
			t.Errorf("%s succeeded", name)
		}
	}
	if n, err := d.ReadAt(p, 4000); n != 96 || err != io.EOF {
		t.Errorf("read across the end: %d, %v", n, err)
	}
	ro, _ := connected(t, 4096, func(i *info, _ *backend) { i.readOnly = true })
	if _, err := ro.WriteAt(p, 0); !errors.Is(err, ErrReadOnly) {
		t.Errorf("write to a read-only disk: %v", err)
	}
	bad, _ := connected(t, 4096, func(_ *info, b *backend) { b.status = -1 })
	if _, err := bad.ReadAt(p, 512); err == nil || !strings.Contains(err.Error(), "sector 1 failed") {
		t.Errorf("a failing read: %v", err)
	}
	d.Close()
	if _, err := d.ReadAt(p, 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a read after Close: %v", err)
	}
}

func second(_ int, err error) error { return err }

func TestBrokenBackend(t *testing.T) {
	for name, tc := range map[string]struct {
		lie  func(b *backend)
		want string
	}{
		"id out of range": {func(b *backend) { b.respond(slots, opRead, 0); b.ring.Publish() }, "which it had not"},
		"huge id":         {func(b *backend) { b.respond(1<<63, opRead, 0); b.ring.Publish() }, "which it had not"},
		"other operation": {func(b *backend) { b.respond(slots-1, opWrite, 0); b.ring.Publish() }, "asked was 0"},
		"too many":        {func(b *backend) { b.ring.Claim(2) }, "2 responses to 1"},
	} {
		d, b := connected(t, 4096, nil)
		b.port.Other = func() {
			tc.lie(b)
			b.port.Raise()
		}
		if _, err := d.ReadAt(make([]byte, 512), 0); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, tc.want)
		}
	}
}

// FuzzBackend lets a back end answer anything; a call ends all the same once
// the disk is closed.
func FuzzBackend(f *testing.F) {
	f.Add([]byte{7, 0, 0, 0}, uint32(1))
	f.Add([]byte{255, 255, 255, 255}, uint32(9))
	f.Fuzz(func(t *testing.T, answer []byte, claim uint32) {
		d, b := connected(t, 4096, nil)
		b.port.Other = func() {
			if len(answer) >= 4 {
				b.respond(uint64(answer[0]), answer[1], int16(answer[2])<<8|int16(answer[3]))
			}
			b.ring.Claim(claim % 64)
			b.port.Raise()
		}
		done := make(chan struct{})
		go func() {
			d.ReadAt(make([]byte, 100), 5)
			close(done)
		}()
		d.Close()
		<-done
	})
}
