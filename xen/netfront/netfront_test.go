package netfront

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/xen/grants"
	"github.com/anykernel/anykernel/xen/internal/shm"
	"github.com/anykernel/anykernel/xen/internal/shm/shmtest"
	"github.com/anykernel/anykernel/xen/ring/ringtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A bridge is a back end that gives back every frame.
type bridge struct {
	mu     sync.Mutex
	mem    *shmtest.Arena
	pages  map[grants.Ref]uint64 // what was granted
	tx, rx *ringtest.Back
	port   *ringtest.Port
	frames [][]byte
	sent   uint32 // flags of the last frame that was sent
	flags  int    // of frames that come back
}

func (b *bridge) page(ref uint32) shm.Region { return b.mem.At(b.pages[grants.Ref(ref)], pageSize) }

func (b *bridge) serve() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		r, ok := b.tx.Request()
		if !ok {
			break
		}
		ref, last := r.Load32(0), r.Load32(8)
		b.sent = r.Load32(4) >> 16
		b.frames = append(b.frames, bytes.Clone(b.page(ref).Bytes[:last>>16]))
		b.tx.Response().Store32(0, last&0xffff)
	}
	notify := b.tx.Publish()
	for len(b.frames) > 0 {
		r, ok := b.rx.Request()
		if !ok {
			break
		}
		id, ref := r.Load32(0)&0xffff, r.Load32(4)
		size := copy(b.page(ref).Bytes[2:], b.frames[0])
		b.frames = b.frames[1:]
		b.receive(id, 2, b.flags, size)
	}
	if b.rx.Publish() || notify {
		b.port.Raise()
	}
}

// receive answers a request to receive.
func (b *bridge) receive(id uint32, off, flags, status int) {
	r := b.rx.Response()
	r.Store32(0, id|uint32(off)<<16)
	r.Store32(4, uint32(flags)|uint32(uint16(status))<<16)
}

// connected is an interface whose back end is a bridge, which serves if it is
// told to.
func connected(t testing.TB, serves bool) (*NIC, *bridge) {
	t.Helper()
	b := &bridge{mem: shmtest.New(1 << 20), pages: map[grants.Ref]uint64{}, port: ringtest.NewPort()}
	all, err := b.mem.Alloc((2 + 2*buffers) * pageSize)
	if err != nil {
		t.Fatal(err)
	}
	var refs []grants.Ref
	for i := range 2 + 2*buffers {
		ref := grants.Ref(1000 + 7*i)
		refs = append(refs, ref)
		b.pages[ref] = all.Address + uint64(i*pageSize)
	}
	n := newNIC([]byte{0, 0x16, 0x3e, 0, 0, 1}, all)
	n.begin(b.port, refs)
	b.tx = ringtest.NewBack(all.Slice(0, pageSize), txEntry)
	b.rx = ringtest.NewBack(all.Slice(pageSize, pageSize), rxEntry)
	if serves {
		b.port.Other = b.serve
	}
	n.start()
	t.Cleanup(func() { n.Close() })
	return n, b
}

func TestFrames(t *testing.T) {
	n, _ := connected(t, true)
	got := make([]byte, maxFrame)
	for i := range 1000 {
		want := bytes.Repeat([]byte{byte(i)}, 1+i*13%maxFrame)
		if err := n.WriteFrame(want); err != nil {
			t.Fatal(err)
		}
		size, err := n.ReadFrame(got)
		if err != nil || !bytes.Equal(got[:size], want) {
			t.Fatalf("frame %d of %d bytes came back as %d bytes, %v", i, len(want), size, err)
		}
	}
	if err := n.WriteFrame(make([]byte, maxFrame+1)); err == nil {
		t.Error("a frame that is too long was sent")
	}
}

func TestConcurrently(t *testing.T) {
	n, _ := connected(t, true)
	const senders, frames = 4, 300
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for j := range frames {
				if err := n.WriteFrame(fmt.Appendf(nil, "%d %d", i, j)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	b := make([]byte, 64)
	seen := map[string]bool{}
	for range senders * frames {
		size, err := n.ReadFrame(b)
		if err != nil || seen[string(b[:size])] {
			t.Fatalf("%q, %v", b[:size], err)
		}
		seen[string(b[:size])] = true
	}
	wg.Wait()
}

// TestSendingAlone: a sender that receives nothing gets its pages back, though
// it asks to be notified of few of them.
func TestSendingAlone(t *testing.T) {
	n, b := connected(t, false)
	notified := 0
	answer := func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for {
			r, ok := b.tx.Request()
			if !ok {
				break
			}
			b.tx.Response().Store32(0, r.Load32(8)&0xffff)
		}
		if b.tx.Publish() {
			notified++
			b.port.Raise()
		}
	}
	b.port.Other = answer
	for range 1000 {
		if err := n.WriteFrame([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if notified > 100 {
		t.Errorf("1000 frames led to %d notifications", notified)
	}
	b.port.Other = nil // it is slow
	for range buffers {
		n.WriteFrame([]byte("x"))
	}
	sent := make(chan error)
	go func() { sent <- n.WriteFrame([]byte("last")) }()
	select {
	case <-sent:
		t.Fatal("a frame was sent without a page")
	case <-time.After(5 * time.Millisecond):
	}
	answer()
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestDeadlineAndClose(t *testing.T) {
	n, _ := connected(t, true)
	n.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	if _, err := n.ReadFrame(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read beyond its deadline: %v", err)
	}
	n.SetReadDeadline(time.Time{})
	result := make(chan error)
	go func() {
		_, err := n.ReadFrame(make([]byte, 100))
		result <- err
	}()
	n.Close()
	if err := <-result; !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a read that waited: %v", err)
	}
	if err := n.WriteFrame([]byte("x")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a write: %v", err)
	}
}

func TestSuspension(t *testing.T) {
	n, b := connected(t, true)
	n.Pause()
	sent := make(chan error)
	go func() { sent <- n.WriteFrame([]byte("x")) }()
	select {
	case <-sent:
		t.Fatal("a frame was sent while the domain was suspended")
	case <-time.After(5 * time.Millisecond):
	}
	b.mu.Lock()
	pages := b.pages
	b.port.Close() // as all ports of the old domain
	b.port = ringtest.NewPort()
	b.port.Other = b.serve
	b.tx = ringtest.NewBack(n.all.Slice(0, pageSize), txEntry)
	b.rx = ringtest.NewBack(n.all.Slice(pageSize, pageSize), rxEntry)
	b.mu.Unlock()
	refs := make([]grants.Ref, 2+2*buffers)
	for ref, at := range pages {
		refs[(at-n.all.Address)/pageSize] = ref
	}
	n.begin(b.port, refs)
	n.start()
	if err := n.Resume(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	got := make([]byte, 10)
	if size, err := n.ReadFrame(got); err != nil || string(got[:size]) != "x" {
		t.Errorf("%q, %v", got[:size], err)
	}
}

// TestPieces: frames that came in pieces or with errors are dropped whole.
func TestPieces(t *testing.T) {
	n, b := connected(t, false)
	for _, r := range []struct{ flags, status int }{{rxMore, 100}, {0, 50}, {0, -1}, {0, 7}} {
		req, ok := b.rx.Request()
		if !ok {
			t.Fatal("no page to receive into")
		}
		b.receive(req.Load32(0), 0, r.flags, r.status)
	}
	b.rx.Publish()
	b.port.Raise()
	if size, err := n.ReadFrame(make([]byte, maxFrame)); size != 7 || err != nil {
		t.Errorf("%d bytes, %v, want the whole frame of 7", size, err)
	}
}

func TestBrokenBackend(t *testing.T) {
	for name, tc := range map[string]struct {
		lie  func(b *bridge)
		want string
	}{
		"page out of range": {func(b *bridge) { b.receive(buffers, 0, 0, 10) }, "which it had not"},
		"same page twice": {func(b *bridge) {
			b.receive(0, 0, 0, 0)
			b.receive(0, 0, 0, -1)
			b.receive(63, 0, 0, 1)
			b.receive(63, 0, 0, 1)
		}, "which it had not"},
		"beyond the page":   {func(b *bridge) { b.receive(0, 4000, 0, 97) }, "97 bytes at 4000"},
		"extra response":    {func(b *bridge) { b.receive(0, 0, rxExtra, 0) }, "nobody asked"},
		"too many":          {func(b *bridge) { b.rx.Claim(1 << 20) }, "responses to"},
		"sent what was not": {func(b *bridge) { b.tx.Claim(1) }, "1 responses to 0"},
	} {
		n, b := connected(t, false)
		tc.lie(b)
		if b.rx.Page.Load32(8) == 0 && b.tx.Page.Load32(8) == 0 {
			b.rx.Publish()
		}
		b.port.Raise()
		var err error
		for err == nil {
			_, err = n.ReadFrame(make([]byte, maxFrame))
		}
		if !strings.Contains(err.Error(), "broken") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, tc.want)
		}
		if err := n.WriteFrame([]byte("x")); err == nil {
			t.Errorf("%s: the broken back end is still written to", name)
		}
	}
}

// FuzzBackend lets a back end write anything into what it was granted.
func FuzzBackend(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 10, 0}, uint64(1))
	f.Add(bytes.Repeat([]byte{0xff}, 60), uint64(2))
	f.Fuzz(func(t *testing.T, script []byte, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		n, b := connected(t, false)
		n.SetReadDeadline(time.Unix(1, 0)) // reads do not wait
		script = script[:min(len(script), 3000)]
		for ; len(script) >= 6; script = script[6:] {
			switch script[0] & 3 {
			case 0:
				b.receive(uint32(script[1]), int(script[2])<<4, int(script[3]&15), int(int16(script[4])<<8|int16(script[5])))
				b.rx.Publish()
			case 1:
				b.tx.Claim(uint32(script[1]))
			case 2:
				all := b.mem.Used().Bytes
				all[random.IntN(len(all))] = script[1]
			case 3:
				n.mu.Lock()
				full := len(n.idle) == 0
				n.mu.Unlock()
				if !full {
					n.WriteFrame(script[1:5])
				}
				n.ReadFrame(make([]byte, maxFrame))
			}
			b.port.Raise()
		}
	})
}

func BenchmarkEcho(b *testing.B) {
	n, _ := connected(b, true)
	frame := make([]byte, maxFrame)
	b.SetBytes(maxFrame)
	for b.Loop() {
		n.WriteFrame(frame)
		n.ReadFrame(frame)
	}
}
