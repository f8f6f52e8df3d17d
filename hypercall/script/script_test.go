package script_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/script"
)

// ram is a disk in memory.
type ram struct {
	hypercall.UnimplementedFile
	b []byte
}

func (r *ram) Size() int64 { return int64(len(r.b)) }

func (r *ram) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, r.b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (r *ram) WriteAt(p []byte, off int64) (int, error) { return copy(r.b[off:], p), nil }

// A bench is a host with a script around it.
type bench struct {
	hypercall.Host
	hooks   *hypercall.Hooks
	disk    *ram
	sent    [][]byte
	printed []string
	receive func([]byte)
	clock   *hypercall.VirtualClock
	mu      sync.Mutex
}

func (b *bench) Attach(_ hypercall.NIC, receive func([]byte)) (hypercall.Link, error) {
	b.receive = receive
	return b, nil
}

func (b *bench) Send(frame []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, bytes.Clone(frame))
}

func (b *bench) Close() error { return nil }

func newBench(t *testing.T, program string) *bench {
	t.Helper()
	b := &bench{disk: &ram{b: make([]byte, 1<<16)}, clock: hypercall.NewVirtualClock(time.Unix(1e9, 0))}
	s, err := script.Load("test.star", strings.NewReader(program), script.Options{Seed: 7, Print: func(text string) { b.printed = append(b.printed, text) }})
	if err != nil {
		t.Fatal(err)
	}
	b.hooks = hypercall.NewHooks("box", s.Hook())
	b.Host = b.hooks.Wrap(hypercall.Host{
		Block: hypercall.Files(map[string]hypercall.File{"/dev/disk": b.disk}), Net: b, Clock: b.clock,
	}.Over(hypercall.System()))
	return b
}

func (b *bench) open(t *testing.T) hypercall.File {
	t.Helper()
	f, err := b.Block.Open("/dev/disk", hypercall.Read|hypercall.Write)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTransfers(t *testing.T) {
	b := newBench(t, `
state.writes = 0

def on_bio(ev):
    if ev.match(op="write", device="*disk", offset=(4096, 8192)):
        ev.fail("ENOSPC")
    elif ev.match(op=["read"], offset=(512, 1024)):
        ev.next()
        ev.data = flip(ev.data, 0, 0xff)
    elif ev.op == "write":
        state.writes += 1
        if count("write") == 2:
            ev.data = ev.data[:1]
            ev.next()
            ev.n = ev.length
            print("torn", state.writes, counts["write"], ev.seq, ev.kernel, ev.name, ev.time, ev.error)
`)
	f := b.open(t)
	if _, err := f.WriteAt([]byte("xx"), 4095); err != syscall.ENOSPC {
		t.Errorf("a write to where nothing is left: %v", err)
	}
	for range 2 {
		if n, err := f.WriteAt([]byte("ab"), 0); n != 2 || err != nil {
			t.Errorf("write: %d, %v", n, err)
		}
		b.clock.Advance(time.Millisecond)
	}
	if got := string(b.disk.b[:2]); got != "ab" {
		t.Errorf("the disk has %q", got)
	}
	b.disk.b[1] = 0
	b.disk.b[600] = 0x0f
	buf := make([]byte, 4)
	if _, err := f.ReadAt(buf, 600); err != nil || buf[0] != 0xf0 {
		t.Errorf("read: %x, %v", buf, err)
	}
	if want := []string{"torn 2 2 3 box bio 1000000 None"}; fmt.Sprint(b.printed) != fmt.Sprint(want) {
		t.Errorf("printed %q, want %q", b.printed, want)
	}
}

func TestDelay(t *testing.T) {
	b := newBench(t, `
def on_bio(ev):
    ev.delay("20ms")
def on_frame(ev):
    ev.delay(5 * ms)
`)
	f := b.open(t)
	done := make(chan error)
	go func() {
		_, err := f.WriteAt([]byte("x"), 0)
		done <- err
	}()
	select {
	case <-done:
		t.Fatal("a write that is delayed was done at once")
	case <-time.After(10 * time.Millisecond):
	}
	for waiting := true; waiting; {
		b.clock.Advance(time.Millisecond)
		select {
		case err := <-done:
			waiting = false
			if err != nil || b.clock.Monotonic() < 20*time.Millisecond {
				t.Errorf("after %v: %v", b.clock.Monotonic(), err)
			}
		case <-time.After(time.Millisecond):
		}
	}
	l, err := b.Net.Attach(hypercall.NIC{Name: "virt0"}, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	frame := []byte("frame")
	l.Send(frame)
	copy(frame, "xxxxx")
	b.clock.Advance(4 * time.Millisecond)
	if len(b.sent) != 0 {
		t.Error("a frame was early")
	}
	b.clock.Advance(time.Millisecond)
	if len(b.sent) != 1 || string(b.sent[0]) != "frame" {
		t.Errorf("sent %q", b.sent)
	}
}

// tcpFrame is a segment from 10.0.0.1:1024 to 10.0.0.2:80 with a payload.
func tcpFrame(payload string) []byte {
	b := make([]byte, 54)
	copy(b, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00\x45\x00")
	b[16], b[17] = 0, byte(40+len(payload))
	b[22], b[23] = 64, 6
	copy(b[26:], "\x0a\x00\x00\x01\x0a\x00\x00\x02\x04\x00\x00\x50")
	copy(b[38:], "\x00\x00\x00\x07\x00\x00\x00\x09\x50\x12\xff\xff")
	return append(b, payload...)
}

func TestFrames(t *testing.T) {
	b := newBench(t, `
def on_frame(ev):
    p = ev.packet
    if ev.match(dir="out", proto="tcp", port=80, payload="GET"):
        print(p.type, p.src, p.dst, p.proto, p.sport, p.dport, p.flags, p.seq, p.ack, p.ttl, p.payload)
        ev.drop()
    elif ev.match(proto="tcp", dst="10.0.*", src="10.0.0.1"):
        ev.next()
        ev.next()
    elif p.type == None:
        ev.data = b"short"
`)
	l, err := b.Net.Attach(hypercall.NIC{Name: "virt0"}, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	l.Send(tcpFrame("GET /"))
	if want := []string{`ipv4 10.0.0.1 10.0.0.2 tcp 1024 80 SA 7 9 64 GET /`}; fmt.Sprint(b.printed) != fmt.Sprint(want) {
		t.Errorf("printed %q, want %q", b.printed, want)
	}
	if len(b.sent) != 0 {
		t.Error("a frame that was dropped was sent")
	}
	l.Send(tcpFrame("POST /"))
	if len(b.sent) != 2 {
		t.Errorf("%d frames were sent, want it twice", len(b.sent))
	}
	l.Send([]byte("x"))
	if len(b.sent) != 3 || string(b.sent[2]) != "short" {
		t.Errorf("sent %q", b.sent)
	}
	if err := b.hooks.Err(); err != nil {
		t.Error(err)
	}
}

func TestAnswers(t *testing.T) {
	b := newBench(t, `
def on_random(ev):
    if count("random") > 2:
        ev.fail("EAGAIN")
    else:
        ev.answer(data=b"\x2a" * ev.length)
def on_clock(ev):
    ev.next()
    ev.ns += 3600 * s
def on_alloc(ev):
    if count("alloc") == 3:
        ev.fail("ENOMEM")
def on_param(ev):
    if ev.param == "A": ev.answer(value="b", found=True)
def on_thread(ev):
    check(ev.thread != "bad", "a bad thread")
def on_console(ev):
    ev.text = b"script: " + ev.text
`)
	buf := make([]byte, 3)
	if n, err := b.Random.Read(buf); n != 3 || err != nil || string(buf) != "***" {
		t.Errorf("random: %q, %v", buf[:n], err)
	}
	b.Random.Read(buf)
	if _, err := b.Random.Read(buf); err != syscall.EAGAIN {
		t.Errorf("random that is used up: %v", err)
	}
	if now := b.Clock.Now(); now.Unix() != 1e9+3600 {
		t.Errorf("the time is %v", now)
	}
	for i := range 4 {
		if err := b.Memory.Allocate(1, 1); (err != nil) != (i == 2) {
			t.Errorf("allocation %d: %v", i, err)
		}
	}
	if v, ok := b.Params.Param("A"); v != "b" || !ok {
		t.Errorf("the setting is %q, %v", v, ok)
	}
	if err := b.Threads.Start("good"); err != nil || b.hooks.Err() != nil {
		t.Errorf("a good thread: %v, %v", err, b.hooks.Err())
	}
	err := b.Threads.Start("bad")
	var e *script.Error
	if !errors.As(err, &e) || e.Line != 16 || e.Event != "thread" || e.Kernel != "box" || e.Reason != "a bad thread" || b.hooks.Err() != err {
		t.Fatalf("a bad thread: %v", err)
	}
	if want := "test.star:16:10: on_thread (event 11 of box): a bad thread"; err.Error() != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
}

// TestErrors has every way to go wrong end the kernel with an error that says
// where.
func TestErrors(t *testing.T) {
	for body, want := range map[string]string{
		"ev.nothing":                  `event has no .nothing`,
		"ev.fail('EWHAT')":            `no error is called "EWHAT"`,
		"ev.offset = 'x'":             `a string cannot be a int`,
		"ev.op = 1":                   `a int cannot be a string`,
		"ev.what = 1":                 `no field .what`,
		"ev.answer(what=1)":           `no result "what"`,
		"ev.next(); ev.next()":        `only a frame can be sent twice`,
		"ev.match(what=1)":            `no such attribute`,
		"ev.match(offset=(1,))":       `no range`,
		"ev.match(op='[')":            `syntax error in pattern`,
		"ev.delay('soon')":            `no duration`,
		"ev.delay(-1)":                `not negative`,
		"ev.stop('I am tired')":       `I am tired`,
		"fail('no')":                  `no`,
		"1 // 0":                      `division by zero`,
		"on_bio(ev)":                  `called recursively`,
		"[i for i in range(1 << 40)]": `more than 1048576 steps`,
		"random.int(0)":               `from 0 to -1`,
		"random.chance(2)":            `probability`,
		"flip(b'', 0)":                `byte 0 of 0`,
		"'x' * (1 << 40)":             `MiB`,
		"'%s' % ev.offset + 1":        `unknown binary op`,
		"x = 'x' * 1000\n for i in range(100): x = x + x":                                `MiB`,
		"x = 'x' * 1000\n for i in range(100): x += x":                                   `MiB`,
		"x = 'x' * 1000\n for i in range(100): x *= 2":                                   `MiB`,
		"x = ['x'] * 1000\n for i in range(100): x += x":                                 `MiB`,
		"x = ['x'] * 1000\n for i in range(100): x.extend(x[:])":                         `MiB`,
		"x = 'x' * 100000\n x.replace('x', x)":                                           `MiB`,
		"x = 'x' * 100000\n x.join([x for i in range(10000)])":                           `MiB`,
		"x = 'x' * 100000\n ('{0}' * 10000).format(x)":                                   `MiB`,
		"x = 'x' * 10\n for i in range(60): x = (x, x)\n str(x)":                         `MiB`,
		"x = 'x' * 10\n for i in range(60): x = (x, x)\n print(x)":                       `MiB`,
		"x = 'x' * 10\n for i in range(60): x = (x, x)\n '%s' % (x,)":                    `MiB`,
		"x = 7\n for i in range(60): x = x * x":                                          `bits`,
		"x = {0: 'x' * (60 << 20)}\n for i in range(60): x = x | {i: 'x' * (60 << 20)}":  `MiB`,
		"x = list(range(1000000))":                                                       `MiB`,
		"f = 'x'.replace\n f('x', 'x' * (60 << 20))":                                     `MiB`,
		"x = [1] * 1000000\n y = []\n for i in range(100): y.append((lambda *a: a)(*x))": `MiB`,
		"b'x' * (1 << 40)": `MiB`,
	} {
		b := newBench(t, "def on_bio(ev):\n "+body+"\n")
		f := b.open(t)
		f.ReadAt(make([]byte, 8), 0)
		var e *script.Error
		if err := b.hooks.Err(); !errors.As(err, &e) || e.Line < 2 || !strings.Contains(e.Error(), want) {
			t.Errorf("%s: %v, want line 2 or later and %q", body, err, want)
		}
		if _, err := f.ReadAt(make([]byte, 8), 0); err != nil {
			t.Errorf("%s: a later transfer: %v", body, err) // hooks see nothing any more
		}
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	b := newBench(t, "kept = []\ndef on_bio(ev):\n kept.append('x' * (1 << 20))\n")
	f := b.open(t)
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		_, err = f.ReadAt(make([]byte, 1), 0)
	}
	if err == nil || !strings.Contains(err.Error(), "MiB") || n < 20 {
		t.Errorf("after %d events: %v", n, err)
	}
	b = newBench(t, "def on_bio(ev):\n x = 'x' * (1 << 20)\n")
	f = b.open(t)
	for range 200 {
		if _, err := f.ReadAt(make([]byte, 1), 0); err != nil {
			t.Fatalf("a script that keeps nothing: %v", err)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	for text, want := range map[string]string{
		"def on_bio(":                            "test.star:1:12",
		"def on_boi(ev): pass":                   `no event is called "on_boi"`,
		"def on_bio(): pass":                     "not a function of one event",
		"on_bio = 1":                             "not a function of one event",
		"x = 1":                                  "no function for an event",
		"undefined":                              "undefined: undefined",
		"load('x', 'y')":                         "one file",
		"def on_bio(ev): pass\nx = 1 // 0":       "test.star:2",
		"x = [1]\nx[0] *= 2":                     "for variables alone",
		strings.Repeat("#", 1<<17):               "longer than",
		strings.Repeat("(", 60000):               "test.star",
		strings.Repeat("-", 60000) + "1":         "excessive nesting",
		"def on_bio(ev): pass\nwhile True: pass": "while",
	} {
		_, err := script.Load("test.star", strings.NewReader(text), script.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

// TestTwoKernels has one script see two kernels, one of which waits for the
// host while the other goes on.
func TestTwoKernels(t *testing.T) {
	s, err := script.Load("test.star", strings.NewReader(`
def on_thread(ev):
    ev.next()
    count(ev.kernel)
    check(counts.get("b", 0) == 1 or ev.kernel == "b", "a was first")
`), script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan bool)
	a := hypercall.NewHooks("a", s.Hook()).Wrap(hypercall.Host{Threads: blocked{waits}})
	b := hypercall.NewHooks("b", s.Hook()).Wrap(hypercall.Host{})
	done := make(chan error)
	go func() { done <- a.Threads.Start("x") }()
	<-waits
	if err := b.Threads.Start("y"); err != nil {
		t.Error(err)
	}
	waits <- true
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type blocked struct{ waits chan bool }

func (b blocked) Start(string) error {
	b.waits <- true
	<-b.waits
	return nil
}

// TestSeed has the same seed give the same faults, and another one others.
func TestSeed(t *testing.T) {
	run := func(seed uint64) (out string) {
		s, err := script.Load("test.star", strings.NewReader(`
def on_alloc(ev):
    print(random.int(100), random.chance(0.5), random.bytes(2), random.choice(["a", "b"]), random.float())
`), script.Options{Seed: seed, Print: func(text string) { out += text + "\n" }})
		if err != nil {
			t.Fatal(err)
		}
		h := hypercall.NewHooks("box", s.Hook()).Wrap(hypercall.Host{})
		for range 10 {
			h.Memory.Allocate(1, 1)
		}
		return out
	}
	first, again, other := run(1), run(1), run(2)
	if first != again || first == other {
		t.Errorf("seeds give\n%s%s%s", first, again, other)
	}
}

func ExampleLoad() {
	s, err := script.Load("full.star", strings.NewReader(`
def on_bio(ev):
    if ev.match(op="write", offset=(1 * MiB, 2 * MiB)):
        ev.fail("ENOSPC")
`), script.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	// backends.Config{Hooks: hooks} gives it to a kernel.
	hooks := hypercall.NewHooks("box", s.Hook())
	fmt.Println(hooks.Want(hypercall.EventBio), hooks.Want(hypercall.EventClock))
	// Output: true false
}

func BenchmarkHandler(b *testing.B) {
	s, err := script.Load("test.star", strings.NewReader("def on_alloc(ev):\n if ev.size > 1 << 20: ev.fail('ENOMEM')\n"), script.Options{})
	if err != nil {
		b.Fatal(err)
	}
	h := hypercall.NewHooks("box", s.Hook()).Wrap(hypercall.Host{})
	b.ReportAllocs()
	for b.Loop() {
		h.Memory.Allocate(4096, 4096)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("def on_alloc(ev):\n x = [i * 2 for i in range(3)]\n state.x = '%s' % x\n ev.fail('EIO')")
	f.Add("def on_alloc(ev, *a, **k): pass\nx = {1: (2, 3)}['a'.join('b')][::2]")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := script.Load("fuzz.star", strings.NewReader(text), script.Options{})
		if err != nil {
			return
		}
		h := hypercall.NewHooks("box", s.Hook()).Wrap(hypercall.Host{})
		h.Memory.Allocate(1, 1)
	})
}
