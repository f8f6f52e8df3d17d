package virtio

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testMAC = []byte{2, 0, 0, 0, 0, 7}

// echo gives back every frame that is sent, while there are buffers for it.
type echo struct {
	mu     sync.Mutex
	frames [][]byte
}

func (e *echo) serve(d *device, _ int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	rx, tx := &d.queues[queueRx], &d.queues[queueTx]
	for {
		head, segments, ok := tx.next(d.Arena)
		if !ok {
			break
		}
		var frame []byte
		for _, s := range segments {
			frame = append(frame, s.Bytes...)
		}
		e.frames = append(e.frames, frame)
		tx.done(uint32(head), 0)
	}
	for len(e.frames) > 0 {
		head, segments, ok := rx.next(d.Arena)
		if !ok {
			break
		}
		rx.done(uint32(head), copy(segments[0].Bytes, e.frames[0]))
		e.frames = e.frames[1:]
	}
	d.raise()
}

func newTestNet(t testing.TB, serve func(*device, int)) (*Net, *device) {
	t.Helper()
	d := newDevice(DeviceNetwork, featureNetMAC, testMAC, serve)
	n, err := NewNet(d, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n, d
}

func TestNetFrames(t *testing.T) {
	n, d := newTestNet(t, new(echo).serve)
	if !bytes.Equal(n.HardwareAddr(), testMAC) || n.MTU() != 1500 {
		t.Errorf("address %v, MTU %d", n.HardwareAddr(), n.MTU())
	}
	if d.accepted != featureVersion1|featureNetMAC || d.Status()&statusDriverOK == 0 {
		t.Errorf("features %#x, status %#x", d.accepted, d.Status())
	}
	got := make([]byte, 1514)
	for i := range 1000 {
		want := bytes.Repeat([]byte{byte(i)}, 1+i*13%1514)
		if err := n.WriteFrame(want); err != nil {
			t.Fatal(err)
		}
		size, err := n.ReadFrame(got)
		if err != nil || !bytes.Equal(got[:size], want) {
			t.Fatalf("frame %d of %d bytes came back as %d bytes, %v", i, len(want), size, err)
		}
	}
	if err := n.WriteFrame(make([]byte, 1515)); err == nil {
		t.Error("a frame that is too long was sent")
	}
}

func TestNetConcurrently(t *testing.T) {
	n, _ := newTestNet(t, new(echo).serve)
	const senders, frames = 4, 500
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
	seen := map[string]bool{}
	b := make([]byte, 64)
	for range senders * frames {
		size, err := n.ReadFrame(b)
		if err != nil {
			t.Fatal(err)
		}
		if seen[string(b[:size])] {
			t.Fatalf("%q came twice", b[:size])
		}
		seen[string(b[:size])] = true
	}
	wg.Wait()
}

func TestNetReadDeadline(t *testing.T) {
	n, _ := newTestNet(t, new(echo).serve)
	b := make([]byte, 1514)
	if err := n.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := n.ReadFrame(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read beyond its deadline: %v", err)
	}
	n.SetReadDeadline(time.Time{})
	n.WriteFrame([]byte("x"))
	if size, err := n.ReadFrame(b); size != 1 || err != nil {
		t.Errorf("a read without a deadline: %d, %v", size, err)
	}
}

func TestNetClose(t *testing.T) {
	n, d := newTestNet(t, func(*device, int) {})
	result := make(chan error)
	go func() {
		_, err := n.ReadFrame(make([]byte, 1514))
		result <- err
	}()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if err := <-result; !errors.Is(err, ErrClosed) {
		t.Errorf("a read that waited: %v, want ErrClosed", err)
	}
	if err := n.WriteFrame([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("a write: %v, want ErrClosed", err)
	}
	if d.Status() != 0 {
		t.Error("the device was not reset")
	}
}

// TestNetBroken: a device that breaks the rules is not used any more.
func TestNetBroken(t *testing.T) {
	for name, tc := range map[string]struct {
		lie  func(d *device)
		want string
	}{
		"descriptor out of range": {func(d *device) { d.queues[queueRx].done(64, 20) }, "which it had not"},
		"huge descriptor":         {func(d *device) { d.queues[queueRx].done(1<<31, 20) }, "which it had not"},
		"same twice": {func(d *device) {
			d.queues[queueRx].done(0, 20)
			d.queues[queueRx].done(0, 20)
		}, "which it had not"},
		"wrote too much":   {func(d *device) { d.queues[queueRx].done(0, netBuffer+1) }, "wrote 2049 bytes"},
		"index runs ahead": {func(d *device) { d.queues[queueRx].used.Store32(0, 999<<16) }, "returns 999 chains"},
		"index goes back":  {func(d *device) { d.queues[queueRx].used.Store32(0, 0xffff<<16) }, "returns 65535 chains"},
	} {
		n, d := newTestNet(t, func(*device, int) {})
		tc.lie(d)
		d.raise()
		var err error
		for err == nil { // what came before the lie is still given
			_, err = n.ReadFrame(make([]byte, 1514))
		}
		var broken *BrokenError
		if !errors.As(err, &broken) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want a *BrokenError that says %q", name, err, tc.want)
		}
		if err := n.WriteFrame([]byte("x")); !errors.As(err, &broken) {
			t.Errorf("%s: a write to the broken device: %v", name, err)
		}
		if d.Status() != 0 {
			t.Errorf("%s: the device was not reset", name)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*device)
		want   string
	}{
		"legacy":     {func(d *device) { d.features = featureNetMAC }, "legacy"},
		"no queue":   {func(d *device) { d.queueSize = 0 }, "room for 0"},
		"no address": {func(d *device) { d.features = featureVersion1 }, "no address"},
		"no memory":  {func(d *device) { d.Fill() }, "full"},
	} {
		d := newDevice(DeviceNetwork, featureNetMAC, testMAC, nil)
		tc.change(d)
		if _, err := NewNet(d, d); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, tc.want)
		}
	}
}

// FuzzNetDevice lets the device write anything into the memory that it
// shares, at any time. Whatever comes, the driver lives on or says why not.
func FuzzNetDevice(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0}, uint64(1))
	f.Add(bytes.Repeat([]byte{0xff}, 64), uint64(2))
	f.Fuzz(lyingDevice)
}

func lyingDevice(t *testing.T, script []byte, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	script = script[:min(len(script), 3000)]
	n, d := newTestNet(t, func(*device, int) {})
	b := make([]byte, 1514)
	for len(script) >= 6 {
		q := &d.queues[script[0]&1]
		switch script[0] >> 1 & 3 {
		case 0: // a chain that it says to have done with
			q.done(uint32(script[1])|uint32(script[2])<<8, int(script[3])<<8|int(script[4]))
		case 1: // an index
			q.used.Store32(0, uint32(script[1])<<16|uint32(script[2])<<24)
		case 2: // anything anywhere
			d.Used().Bytes[random.IntN(len(d.Used().Bytes))] = script[1]
		case 3:
			n.mu.Lock()
			full := len(n.idle) == 0
			waiting := !slices.ContainsFunc(n.received, func(c completion) bool { return c.written > netHeader })
			n.mu.Unlock()
			if !full {
				n.WriteFrame(b[:script[1]])
			}
			if !waiting {
				n.ReadFrame(b)
			}
		}
		d.raise()
		script = script[6:]
	}
}

func BenchmarkNetEcho(b *testing.B) {
	n, _ := newTestNet(b, new(echo).serve)
	frame := make([]byte, 1514)
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		if err := n.WriteFrame(frame); err != nil {
			b.Fatal(err)
		}
		if _, err := n.ReadFrame(frame); err != nil {
			b.Fatal(err)
		}
	}
}
