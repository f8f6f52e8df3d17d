package blkfront

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// backends are what back ends offer.
var backends = map[string]map[string]string{
	"plain":    nil,
	"indirect": {"feature-max-indirect-segments": "256"},
	"pages":    {"max-ring-page-order": "4"},
	"both":     {"feature-max-indirect-segments": "20", "max-ring-page-order": "1"},
	"none":     {"feature-max-indirect-segments": "0", "max-ring-page-order": "0"},
}

func offering(values map[string]string) func(*backend) {
	return func(b *backend) {
		for k, v := range values {
			b.values[k] = v
		}
	}
}

func TestReadWrite(t *testing.T) {
	for name, values := range backends {
		t.Run(name, func(t *testing.T) { testReadWrite(t, values) })
	}
}

func testReadWrite(t *testing.T, values map[string]string) {
	d, b := connected(t, 1<<20, offering(values))
	random := rand.New(rand.NewPCG(3, 4))
	want := make([]byte, 1<<20)
	for range 60 {
		off := random.IntN(len(want)/sectorSize) * sectorSize
		p := make([]byte, min((1+random.IntN(900))*sectorSize, len(want)-off))
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		copy(want[off:], p)
		if n, err := d.WriteAt(p, int64(off)); n != len(p) || err != nil {
			t.Fatalf("write of %d at %d: %d, %v", len(p), off, n, err)
		}
		off = random.IntN(len(want))
		got := make([]byte, min(random.IntN(500_000), len(want)-off))
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
	if len(d.free) != dataPages || len(d.idle) != len(d.slot) {
		t.Errorf("%d pages and %d requests are free of %d and %d", len(d.free), len(d.idle), dataPages, len(d.slot))
	}
}

// TestOffers: what the back end offers is used, up to our own limits.
func TestOffers(t *testing.T) {
	for name, want := range map[string]struct{ segments, slots int }{
		"plain": {11, 32}, "indirect": {32, 32}, "pages": {11, 128}, "both": {20, 64}, "none": {11, 32},
	} {
		d, b := connected(t, 1<<20, offering(backends[name]))
		if _, err := d.ReadAt(make([]byte, 1<<20), 0); err != nil {
			t.Fatal(err)
		}
		if b.segments != want.segments || len(d.slot) != want.slots {
			t.Errorf("%s: requests of %d segments, %d at a time, want %d and %d", name, b.segments, len(d.slot), want.segments, want.slots)
		}
		if v, _ := b.Get(frontPath + "/feature-persistent"); v != "1" {
			t.Errorf("%s: feature-persistent is %q", name, v)
		}
	}
}

// TestManyAtATime: more requests are under way than the 32 of a ring of one
// page, and one that needs many pages comes to its turn among them.
func TestManyAtATime(t *testing.T) {
	d, b := connected(t, 1<<20, offering(map[string]string{"max-ring-page-order": "2", "feature-max-indirect-segments": "32"}))
	b.let(func() { b.silent = true })
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if _, err := d.WriteAt(bytes.Repeat([]byte{byte(i)}, 512), int64(i*4096)); err != nil {
				t.Error(err)
			}
		})
	}
	await(t, d, func() bool { return len(d.idle) == len(d.slot)-100 })
	for range 8 {
		wg.Go(func() {
			if _, err := d.ReadAt(make([]byte, 256<<10), 512<<10); err != nil {
				t.Error(err)
			}
		})
	}
	await(t, d, func() bool { return len(d.free) < 33 })
	b.let(func() { b.silent = false })
	b.serve()
	wg.Wait()
	if b.most < 100 {
		t.Errorf("the back end had %d requests at a time, want 100", b.most)
	}
	for i := range 100 {
		if b.data[i*4096] != byte(i) {
			t.Errorf("block %d holds %d", i, b.data[i*4096])
		}
	}
}

// await waits until the disk is in a state.
func await(t *testing.T, d *Disk, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		d.mu.Lock()
		ok := f()
		d.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the disk does not come to the state that is waited for")
		}
	}
}

func TestConcurrently(t *testing.T) {
	for name, values := range backends {
		d, _ := connected(t, 32*4096, offering(values))
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				p, got := bytes.Repeat([]byte{byte(i)}, 4096), make([]byte, 4096)
				for range 30 {
					if _, err := d.WriteAt(p, int64(i*4096)); err != nil {
						t.Error(name, err)
					}
					if _, err := d.ReadAt(got, int64(i*4096)); err != nil || !bytes.Equal(got, p) {
						t.Errorf("%s: block %d: %v", name, i, err)
					}
					if i == 0 {
						d.ReadAt(make([]byte, 32*4096), 0) // of pages that change
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestSuspension(t *testing.T) {
	d, b := connected(t, 4096, nil)
	b.let(func() { b.silent = true })
	read := make(chan error, 2)
	go func() { read <- second(d.ReadAt(make([]byte, 512), 0)) }()
	await(t, d, func() bool { return len(d.idle) < len(d.slot) })
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
	b.let(func() { b.silent = false })
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

// TestNewDomains: calls go on in other domains, whose back ends offer less and
// more, up to one that has another disk.
func TestNewDomains(t *testing.T) {
	d, b := connected(t, 1<<20, offering(backends["indirect"]))
	b.Renews = true
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		want, got := make([]byte, 1<<20), make([]byte, 1<<20)
		for i := byte(0); ; i++ {
			want[int(i)*4000] = i
			_, err1 := d.WriteAt(want, 0)
			_, err2 := d.ReadAt(got, 0)
			if err := errors.Join(err1, err2); err != nil || !bytes.Equal(got, want) {
				stopped <- fmt.Errorf("round %d: the same: %v, %w", i, bytes.Equal(got, want), err)
				return
			}
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
		}
	}()
	for _, name := range []string{"plain", "both", "pages", "none", "indirect"} {
		b.values["feature-max-indirect-segments"], b.values["max-ring-page-order"] = "0", "0"
		offering(backends[name])(b)
		if err := suspend(t, b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	b.values["sectors"] = "8"
	if err := suspend(t, b); err == nil || !strings.Contains(err.Error(), "and was") {
		t.Errorf("a suspension after which there is another disk: %v", err)
	}
	if _, err := d.ReadAt(make([]byte, 512), 0); err == nil {
		t.Error("another disk was read")
	}
}

// suspend moves the domain to where the back end is as b.values says.
func suspend(t *testing.T, b *backend) error {
	t.Helper()
	appeared, result := make(chan struct{}), make(chan error, 1)
	b.Meanwhile = func() {
		b.appear()
		close(appeared)
	}
	go func() { result <- b.Bus.Suspend(t.Context(), b.Host, b.Ring) }()
	<-appeared
	b.connect(t)
	return <-result
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
	ro, _ := connected(t, 4096, offering(map[string]string{"info": "4"}))
	if _, err := ro.WriteAt(p, 0); !errors.Is(err, ErrReadOnly) {
		t.Errorf("write to a read-only disk: %v", err)
	}
	d.Close()
	if _, err := d.ReadAt(p, 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a read after Close: %v", err)
	}
}

func second(_ int, err error) error { return err }

// TestFailures: a request that fails is an error of its call, which says how
// much was done, and the disk goes on.
func TestFailures(t *testing.T) {
	d, b := connected(t, 1<<20, nil)
	b.let(func() { b.status = -1 })
	if n, err := d.ReadAt(make([]byte, 512), 512); n != 0 || err == nil || !strings.Contains(err.Error(), "sector 1 failed") {
		t.Errorf("a failing read: %d, %v", n, err)
	}
	b.let(func() {
		b.lie = func() { // the third of several fails
			for i := 0; ; i++ {
				r, ok := b.ring.Request()
				if !ok {
					break
				}
				q := bytes.Clone(r.Bytes)
				b.status = 0
				if q[17] != 0 || q[16] >= 2*88 {
					b.status = -1
				}
				b.answer(q)
			}
			b.ring.Publish()
		}
	})
	if n, err := d.WriteAt(make([]byte, 1<<20), 0); n != 2*directSegments*pageSize || err == nil {
		t.Errorf("a write whose third piece fails: %d, %v, want %d", n, err, 2*directSegments*pageSize)
	}
	b.let(func() { b.lie, b.status = nil, statusUnsupported })
	if err := d.Flush(); err == nil || !strings.Contains(err.Error(), "not supported") {
		t.Errorf("a flush that is not supported: %v", err)
	}
	b.let(func() { b.status = 0 })
	if _, err := d.ReadAt(make([]byte, 1<<20), 0); err != nil {
		t.Errorf("after failures: %v", err)
	}
}

// TestNonsense: what a back end says of its disk and itself is checked.
func TestNonsense(t *testing.T) {
	for key, value := range map[string]string{
		"sectors": "18446744073709551615", "sector-size": "513", "info": "", "max-ring-page-order": "-1",
		"feature-max-indirect-segments": "4294967296",
	} {
		b := newBackend(t, 4096)
		b.values[key] = value
		b.appear()
		devices, err := b.Bus.List(t.Context(), "vbd")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go b.Set(backPath+"/state", "4") // at once, whatever the front end says
		d, err := Open(ctx, devices[0])
		cancel()
		if err == nil {
			t.Errorf("%s=%q was taken", key, value)
			d.Close()
		}
	}
}

func TestBrokenBackend(t *testing.T) {
	for name, tc := range map[string]struct {
		lie  func(b *backend)
		want string
	}{
		"id out of range": {func(b *backend) { b.respond(32, opRead, 0); b.ring.Publish() }, "which it had not"},
		"id of nothing":   {func(b *backend) { b.respond(0, opRead, 0); b.ring.Publish() }, "which it had not"},
		"huge id":         {func(b *backend) { b.respond(1<<63, opRead, 0); b.ring.Publish() }, "which it had not"},
		"other operation": {func(b *backend) { b.respond(31, opWrite, 0); b.ring.Publish() }, "asked was 0"},
		"not indirect":    {func(b *backend) { b.respond(31, opIndirect, 0); b.ring.Publish() }, "asked was 0"},
		"too many":        {func(b *backend) { b.ring.Claim(2) }, "2 responses to 1"},
	} {
		d, b := connected(t, 4096, nil)
		b.let(func() { b.lie = func() { tc.lie(b) } })
		if _, err := d.ReadAt(make([]byte, 512), 0); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, tc.want)
		}
		if _, err := d.WriteAt(make([]byte, 512), 0); err == nil {
			t.Errorf("%s: the broken back end is still written to", name)
		}
	}
}

// FuzzBackend lets a back end answer anything, and write anything into the
// pages that it was granted; a call ends all the same once the disk is closed.
func FuzzBackend(f *testing.F) {
	f.Add([]byte{31, 0, 0, 0}, uint32(1), uint64(1))
	f.Add([]byte{255, 255, 255, 255}, uint32(9), uint64(2))
	f.Add([]byte{127, 0, 0, 0, 126, 6, 0, 0}, uint32(2), uint64(3))
	f.Fuzz(func(t *testing.T, answers []byte, claim uint32, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		d, b := connected(t, 1<<20, offering(map[string]string{
			"max-ring-page-order": fmt.Sprint(seed % 3), "feature-max-indirect-segments": fmt.Sprint(seed % 40)}))
		b.let(func() {
			b.lie = func() {
				for i := 0; i+4 <= min(len(answers), 64); i += 4 {
					b.respond(uint64(answers[i]), answers[i+1], int16(answers[i+2])<<8|int16(answers[i+3]))
				}
				for range 4 {
					d.all.Bytes[random.IntN(len(d.all.Bytes))] = byte(random.Uint32())
				}
				b.ring.Claim(claim % 200)
			}
		})
		done := make(chan struct{})
		go func() {
			d.ReadAt(make([]byte, 300_000), 5)
			close(done)
		}()
		d.Close()
		<-done
	})
}

func BenchmarkRead(b *testing.B) {
	for name, values := range backends {
		b.Run(name, func(b *testing.B) {
			d, _ := connected(b, 1<<20, offering(values))
			p := make([]byte, 1<<20)
			b.SetBytes(1 << 20)
			for b.Loop() {
				if _, err := d.ReadAt(p, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
