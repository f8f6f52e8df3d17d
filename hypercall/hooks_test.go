package hypercall_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anykernel/anykernel/hypercall"
)

// ram is a file in memory.
type ram struct {
	hypercall.UnimplementedFile
	b []byte
}

func (r *ram) Size() int64 { return int64(len(r.b)) }

func (r *ram) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, r.b[min(off, r.Size()):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (r *ram) WriteAt(p []byte, off int64) (int, error) { return copy(r.b[off:], p), nil }

// openRAM is the file that a kernel with hooks gets, and what is behind it.
func openRAM(t *testing.T, hooks ...hypercall.Hook) (hypercall.File, *ram) {
	t.Helper()
	disk := &ram{b: []byte("0123456789abcdef")}
	h := hypercall.NewHooks("box", hooks...).Wrap(hypercall.Host{Block: hypercall.Files(map[string]hypercall.File{"disk": disk})})
	f, err := h.Block.Open("disk", hypercall.Read|hypercall.Write)
	if err != nil {
		t.Fatal(err)
	}
	return f, disk
}

func ExampleIntercept() {
	full := hypercall.Intercept(func(ev *hypercall.Event, next func()) {
		if ev.Args.Text("op") == "write" && ev.Args.Int("offset") >= 8 {
			ev.Err = errors.New("no space left")
			return
		}
		next()
	}, hypercall.EventBio)
	host := hypercall.NewHooks("box", full).Wrap(hypercall.Host{
		Block: hypercall.Files(map[string]hypercall.File{"disk": &ram{b: make([]byte, 16)}}),
	})
	f, _ := host.Block.Open("disk", hypercall.Write)
	_, err := f.WriteAt([]byte("x"), 4)
	fmt.Println(err)
	_, err = f.WriteAt([]byte("x"), 8)
	fmt.Println(err)
	// Output:
	// <nil>
	// no space left
}

func TestOnlyWhatIsWantedIsWrapped(t *testing.T) {
	h := hypercall.NewHooks("box", hypercall.Observe(func(*hypercall.Event) {}, hypercall.EventBio)).Wrap(hypercall.Host{})
	if h.Block == nil || h.Clock != nil || h.Memory != nil || h.Threads != nil || h.Random != nil || h.Console != nil {
		t.Errorf("a hook for transfers alone made %+v", h)
	}
	h = hypercall.NewHooks("box", hypercall.Observe(func(*hypercall.Event) {})).Wrap(hypercall.Host{})
	if h.Block == nil || h.Clock == nil || h.Memory == nil || h.Threads == nil || h.Random == nil || h.Console == nil || h.Params == nil || h.Lifecycle == nil || h.Net == nil {
		t.Errorf("a hook for everything made %+v", h)
	}
	var none *hypercall.Hooks
	if h := none.Wrap(hypercall.Host{}); h != (hypercall.Host{}) || none.Err() != nil || none.Want(hypercall.EventBio) {
		t.Errorf("no hooks made %+v", h)
	}
}

func TestObserve(t *testing.T) {
	var log []string
	see := func(who string) hypercall.Hook {
		return hypercall.Observe(func(ev *hypercall.Event) {
			log = append(log, fmt.Sprintf("%s %d %s %s %s %d %q %v", who, ev.Seq, ev.Kernel, ev.Name, ev.Args.Text("op"),
				ev.Args.Int("offset"), ev.Result.Bytes("data"), ev.Err))
		}, hypercall.EventBio, hypercall.EventOpen)
	}
	f, _ := openRAM(t, see("outer"), see("inner"))
	buf := make([]byte, 4)
	if n, err := f.ReadAt(buf, 2); n != 4 || err != nil || string(buf) != "2345" {
		t.Fatalf("%d, %v, %q", n, err, buf)
	}
	if n, err := f.ReadAt(buf, 14); n != 2 || err != io.EOF {
		t.Fatalf("at the end: %d, %v", n, err)
	}
	want := []string{
		`inner 1 box open  0 "" <nil>`, `outer 1 box open  0 "" <nil>`,
		`inner 2 box bio read 2 "2345" <nil>`, `outer 2 box bio read 2 "2345" <nil>`,
		`inner 3 box bio read 14 "ef" EOF`, `outer 3 box bio read 14 "ef" EOF`,
	}
	if !slices.Equal(log, want) {
		t.Errorf("the hooks saw\n%s\nwant\n%s", strings.Join(log, "\n"), strings.Join(want, "\n"))
	}
}

// TestTransfersAreChanged has one hook for each thing that can be done to a
// transfer.
func TestTransfersAreChanged(t *testing.T) {
	bad := errors.New("bad sector")
	for _, c := range []struct {
		name string
		hook func(ev *hypercall.Event, next func())
		read string // of 4 bytes at offset 4
		rerr error
		werr error
		disk string // after "WXYZ" was written to offset 8
	}{
		{"passed on", func(_ *hypercall.Event, next func()) { next() }, "4567", nil, nil, "01234567WXYZcdef"},
		{"failed", func(ev *hypercall.Event, _ func()) { ev.Err = bad }, "", bad, bad, "0123456789abcdef"},
		{"failed afterwards", func(ev *hypercall.Event, next func()) { next(); ev.Err = bad }, "4567", bad, bad, "01234567WXYZcdef"},
		{"lost", func(*hypercall.Event, func()) {}, "\x00\x00\x00\x00", nil, nil, "0123456789abcdef"},
		{"moved", func(ev *hypercall.Event, next func()) { ev.Args.Set("offset", int64(0)); next() }, "0123", nil, nil, "WXYZ456789abcdef"},
		{"torn", func(ev *hypercall.Event, next func()) {
			if ev.Args.Text("op") == "write" {
				ev.Args.Set("data", ev.Args.Bytes("data")[:2])
			}
			next()
			if ev.Args.Text("op") == "write" {
				ev.Result.Set("n", int64(4))
			}
		}, "4567", nil, nil, "01234567WXabcdef"},
		{"short", func(ev *hypercall.Event, next func()) {
			ev.Args.Set("length", int64(1))
			next()
			ev.Result.Set("n", int64(1))
		}, "4", io.EOF, io.ErrShortWrite, "01234567WXYZcdef"},
		{"answered", func(ev *hypercall.Event, _ func()) {
			ev.Result.Set("data", []byte("????"))
			ev.Result.Set("n", int64(4))
		}, "????", nil, nil, "0123456789abcdef"},
		{"answered too much", func(ev *hypercall.Event, _ func()) {
			ev.Result.Set("data", []byte("?????????"))
			ev.Result.Set("n", int64(9))
		}, "????", nil, nil, "0123456789abcdef"},
		{"answered by nonsense", func(ev *hypercall.Event, next func()) {
			ev.Args.Set("length", int64(-1))
			next()
			ev.Result.Set("n", "many")
		}, "", io.EOF, nil, "01234567WXYZcdef"},
	} {
		f, disk := openRAM(t, hypercall.Intercept(c.hook, hypercall.EventBio))
		buf := make([]byte, 4)
		n, err := f.ReadAt(buf, 4)
		if string(buf[:n]) != c.read || !errors.Is(err, c.rerr) {
			t.Errorf("%s: read %q, %v, want %q, %v", c.name, buf[:n], err, c.read, c.rerr)
		}
		if _, err := f.WriteAt([]byte("WXYZ"), 8); !errors.Is(err, c.werr) {
			t.Errorf("%s: write: %v, want %v", c.name, err, c.werr)
		}
		if string(disk.b) != c.disk {
			t.Errorf("%s: the disk has %q, want %q", c.name, disk.b, c.disk)
		}
	}
}

func TestStop(t *testing.T) {
	stop, calls := errors.New("enough"), 0
	hooks := hypercall.NewHooks("box", hypercall.Intercept(func(ev *hypercall.Event, next func()) {
		calls++
		ev.Stop(stop)
		ev.Stop(errors.New("too late"))
		next()
	}, hypercall.EventParam))
	h := hooks.Wrap(hypercall.Host{})
	h.Params.Param("a")
	h.Params.Param("b")
	<-hooks.Stopped()
	if hooks.Err() != stop || calls != 1 {
		t.Errorf("the error is %v after %d calls", hooks.Err(), calls)
	}
}

// cable is one end of a cable that hands back what is sent.
type cable struct {
	mu      sync.Mutex
	receive func([]byte)
	sent    []string
	closed  bool
}

func (c *cable) Attach(_ hypercall.NIC, receive func([]byte)) (hypercall.Link, error) {
	c.receive = receive
	return c, nil
}

func (c *cable) Send(b []byte) {
	c.mu.Lock()
	c.sent = append(c.sent, string(b))
	closed := c.closed
	c.mu.Unlock()
	if closed {
		panic("a frame for a cable that was pulled out")
	}
}

func (c *cable) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

func TestFrames(t *testing.T) {
	clock := hypercall.NewVirtualClock(time.Unix(0, 0))
	hook := hypercall.Intercept(func(ev *hypercall.Event, next func()) {
		switch string(ev.Args.Bytes("data")) {
		case "drop":
		case "twice":
			next()
			next()
		case "late":
			ev.Delay = time.Second
			next()
		case "change":
			ev.Args.Set("data", []byte(ev.Args.Text("dir")+" "+ev.Args.Text("nic")))
			next()
		default:
			next()
		}
	}, hypercall.EventFrame)
	c := &cable{}
	h := hypercall.NewHooks("box", hook).Wrap(hypercall.Host{Net: c, Clock: clock})
	var got []string
	l, err := h.Net.Attach(hypercall.NIC{Name: "virt0"}, func(b []byte) { got = append(got, string(b)) })
	if err != nil {
		t.Fatal(err)
	}
	for _, frame := range []string{"a", "drop", "twice", "late", "change"} {
		l.Send([]byte(frame))
		c.receive([]byte(frame))
	}
	clock.Advance(time.Second)
	if want := []string{"a", "twice", "twice", "out virt0", "late"}; !slices.Equal(c.sent, want) {
		t.Errorf("the cable has %q, want %q", c.sent, want)
	}
	if want := []string{"a", "twice", "twice", "in virt0", "late"}; !slices.Equal(got, want) {
		t.Errorf("the kernel has %q, want %q", got, want)
	}
	c.receive([]byte("late"))
	l.Close()
	clock.Advance(time.Second)
	if len(got) != 5 {
		t.Error("a frame came after the plug was pulled")
	}
}

// steps is a clock that is moved.
type steps struct{ at time.Duration }

func (s *steps) Now() time.Time           { return time.Unix(0, 0).Add(s.at) }
func (s *steps) Monotonic() time.Duration { return s.at }

func TestEventsHaveTheKernelsTime(t *testing.T) {
	clock := &steps{time.Hour}
	var at []time.Duration
	hook := hypercall.Observe(func(ev *hypercall.Event) { at = append(at, ev.Time) })
	h := hypercall.NewHooks("box", hook).Wrap(hypercall.Host{Clock: clock})
	h.Threads.Start("a")
	clock.at += time.Second
	if now := h.Clock.Now(); now.Unix() != 3601 {
		t.Errorf("the clock says %v", now)
	}
	if want := []time.Duration{0, time.Second}; !slices.Equal(at, want) {
		t.Errorf("events at %v, want %v", at, want)
	}
}

func BenchmarkEvent(b *testing.B) {
	h := hypercall.NewHooks("box", hypercall.Observe(func(*hypercall.Event) {}, hypercall.EventAlloc)).Wrap(hypercall.Host{})
	b.ReportAllocs()
	for b.Loop() {
		h.Memory.Allocate(4096, 4096)
	}
}
