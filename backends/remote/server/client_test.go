package server

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/sysproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// eventually waits for what happens soon.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not happen: %s", what)
		}
	}
}

// descriptors is how many files this process has open.
func descriptors(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// A bench is a server of a testKernel, with a client that does nothing wrong
// and must notice nothing of what others do.
type bench struct {
	t    testing.TB
	k    *testKernel
	s    *Server
	path string
	good *raw
}

func newBench(t testing.TB, o Options) *bench {
	t.Helper()
	before := descriptors(t)
	b := &bench{t: t, k: newTestKernel(), path: filepath.Join(t.TempDir(), "socket")}
	s, err := New(b.k, o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen("unix://"+b.path, ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.s = s
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		b.good.Close()
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-served; !errors.Is(err, ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
		if !b.k.quiet(0) {
			t.Errorf("left: %d processes, %d bytes lent, %d calls under way", b.k.guests.Load(), b.k.lent.Load(), b.k.calls.Load())
		}
		if after := descriptors(t); after > before {
			t.Errorf("%d descriptors, and %d before", after, before)
		}
	})
	b.good = b.connect()
	// A call that lasts, whatever happens.
	b.good.send(call(callBlock, 1<<40, true))
	return b
}

// settled waits until nothing is left of others, and holds that the good client
// goes on.
func (b *bench) settled() {
	b.t.Helper()
	b.alone()
	b.good.echo(1 << 16)
	if b.k.blocked.Load() != 1 {
		b.t.Error("the call of another client ended")
	}
}

// alone waits until the good client is the only one, with one call under way.
func (b *bench) alone() {
	b.t.Helper()
	eventually(b.t, "one process with one call", func() bool {
		clients := b.s.all()
		if len(clients) != 1 || b.k.guests.Load() != 1 || b.k.lent.Load() != 0 {
			return false
		}
		return clients[0].load() == [2]int{1, 0}
	})
}

// load is how many calls a client has under way, and with how much memory.
func (c *client) load() [2]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return [2]int{c.underWay, c.memory}
}

// A raw is a client that may say anything.
type raw struct {
	t testing.TB
	*sysproxy.Conn
	banner sysproxy.Banner
	pid    int
	number uint64
}

// dial connects and reads the banner.
func (b *bench) dial() *raw {
	b.t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(context.Background(), "unix", b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	r := &raw{t: b.t, Conn: sysproxy.NewConn(conn, 1<<30), number: 10}
	b.t.Cleanup(func() { r.Close() })
	_ = r.SetDeadline(time.Now().Add(30 * time.Second))
	if r.banner, err = r.ReadBanner(); err != nil {
		b.t.Fatal(err)
	}
	return r
}

// connect is dial with a handshake.
func (b *bench) connect() *raw {
	b.t.Helper()
	return b.introduced(sysproxy.HandshakeNewProcess, "good\x00")
}

// plain is connect as librumpclient does it.
func (b *bench) plain() *raw { b.t.Helper(); return b.introduced(sysproxy.HandshakeGuest, "plain\x00") }

func (b *bench) introduced(kind sysproxy.Handshake, payload string) *raw {
	b.t.Helper()
	r := b.dial()
	r.send(handshake(kind), []byte(payload))
	h, answer := r.next()
	errno, rest, err := sysproxy.ParseStatus(answer)
	if h.Class != sysproxy.Response || h.Type != sysproxy.TypeHandshake || errno != 0 || err != nil {
		b.t.Fatalf("handshake: %+v, %x", h, answer)
	}
	if len(rest) > 0 {
		var info sysproxy.Info
		if err := sysproxy.Decode(rest, &info); err != nil {
			b.t.Fatal(err)
		}
		r.pid = info.PID
	}
	return r
}

func handshake(kind sysproxy.Handshake) sysproxy.Header {
	return sysproxy.Header{Request: 1, Type: sysproxy.TypeHandshake, Arg: uint32(kind)}
}

// send sends a message. That the server has hung up is seen by next.
func (r *raw) send(h sysproxy.Header, payload []byte) { _ = r.Send(h, payload) }

// next is the next message.
func (r *raw) next() (sysproxy.Header, []byte) {
	r.t.Helper()
	h, err := r.Next()
	if err != nil {
		r.t.Fatalf("no message: %v", err)
	}
	b, err := r.ReadAll(1 << 28)
	if err != nil {
		r.t.Fatal(err)
	}
	return h, b
}

// refused holds that the next message refuses a request.
func (r *raw) refused(request uint64, e sysproxy.Error) {
	r.t.Helper()
	if h, _ := r.next(); h.Class != sysproxy.Failure || h.Request != request || sysproxy.Error(h.Arg) != e {
		r.t.Errorf("answer %+v, want that request %d is refused with %q", h, request, e)
	}
}

// hungUp holds that the server has nothing more to say.
func (r *raw) hungUp() {
	r.t.Helper()
	h, err := r.Next()
	if err == nil && h.Type == sysproxy.TypeHandshake {
		h, err = r.Next() // an exec was under way, which ended with the process
	}
	// What was not read by the server resets the connection.
	if err != io.EOF && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		r.t.Errorf("message %+v, %v, want the end of the connection", h, err)
	}
}

// call is a message with a call.
func call(num uint32, request uint64, interruptible bool, args ...uint64) (sysproxy.Header, []byte) {
	c := sysproxy.Call{Interruptible: interruptible}
	copy(c.Args[:], args)
	return message(num, request, &c, "")
}

func message(num uint32, request uint64, c *sysproxy.Call, memory string) (sysproxy.Header, []byte) {
	return sysproxy.Header{Request: request, Type: sysproxy.TypeCall, Arg: num}, append(c.Append(nil), memory...)
}

// result is the answer to a call.
func (r *raw) result(request uint64) (sysproxy.Result, []byte) {
	r.t.Helper()
	h, b := r.next()
	if h.Class != sysproxy.Response || h.Request != request {
		r.t.Fatalf("answer %+v, want one to request %d", h, request)
	}
	res, err := sysproxy.ParseResult(b)
	if err != nil {
		r.t.Fatal(err)
	}
	return res, b[sysproxy.ResultSize:]
}

// echo makes a call that takes and brings n bytes.
func (r *raw) echo(n int) {
	r.t.Helper()
	text := strings.Repeat("abcdefg", n/7+1)[:n]
	r.number++
	r.send(message(callReverse, r.number, &sysproxy.Call{
		Args: [sysproxy.MaxArgs]uint64{uint64(n), uint64(n)}, Dirs: [sysproxy.MaxArgs]sysproxy.Dir{sysproxy.In, sysproxy.Out},
	}, text))
	res, back := r.result(r.number)
	if res.Errno != 0 || res.Values != [2]uint64{uint64(n), 7} || len(back) != n+sysproxy.CountSize || back[sysproxy.CountSize] != text[n-1] || back[len(back)-1] != 'a' {
		r.t.Errorf("echo of %d bytes: %+v with %d bytes", n, res, len(back))
	}
}

func TestWellBehaved(t *testing.T) {
	b := newBench(t, Options{Name: "test"})
	c := b.connect()
	if c.banner != (sysproxy.Banner{OS: "Linux", Release: "1.2-test", Machine: "x86_64", Calls: true}) {
		t.Errorf("banner %+v", c.banner)
	}
	for _, n := range []int{1, 100, 1 << 20} {
		c.echo(n)
	}
	c.send(call(callGetpid, 2, false))
	if res, rest := c.result(2); res.Values[0] != uint64(c.pid) || len(rest) != 0 {
		t.Errorf("getpid: %+v, and process %d", res, c.pid)
	}
	for num, want := range map[uint32]int32{
		callText: sysproxy.AnswerText, callErrno: int32(eBADF), 999: int32(eFAULT), callCopy: int32(eFAULT),
	} {
		c.send(call(num, 3, true, 9))
		if res, rest := c.result(3); res.Errno != want || res.Errno == sysproxy.AnswerText && string(rest) != errText.Error() {
			t.Errorf("call %d: %+v, %q, want error %d", num, res, rest, want)
		}
	}
	c.send(call(callBlock, 4, true))
	c.send(sysproxy.Header{Request: 4, Type: sysproxy.TypeInterrupt}, nil)
	if res, _ := c.result(4); res.Errno != sysproxy.AnswerInterrupted {
		t.Errorf("a call that was interrupted: %+v", res)
	}
	c.Close()
	b.settled()
}

// TestMemoryOfCallsIsApart: pointers lie in the memory that came with the
// call, and their values go back as 0.
func TestMemoryOfCallsIsApart(t *testing.T) {
	b := newBench(t, Options{})
	c := b.connect()
	c.send(message(callReverse, 2, &sysproxy.Call{
		Args: [sysproxy.MaxArgs]uint64{16, 5}, Dirs: [sysproxy.MaxArgs]sysproxy.Dir{sysproxy.InOut, sysproxy.Out},
		Refs: []sysproxy.Ref{{Holder: 0, Dir: sysproxy.In, Off: 8, Len: 5}},
	}, strings.Repeat("x", 16)+"hello"))
	res, back := c.result(2)
	want := "\x10\x00\x00\x00xxxxxxxx\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00olleh"
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 && (res.Errno != 0 || string(back) != want) {
		t.Errorf("%+v, %q, want %q", res, back, want)
	}
}

// TestPlainClient is one whose memory the server asks for.
func TestPlainClient(t *testing.T) {
	b := newBench(t, Options{})
	c := b.plain()
	syscall := func(num uint32, args ...uint64) {
		var all [sysproxy.MaxArgs]uint64
		copy(all[:], args)
		var p [8 * sysproxy.MaxArgs]byte
		sysproxy.PutArgs(p[:], &all)
		c.send(sysproxy.Header{Request: 5, Type: sysproxy.TypeSyscall, Arg: num}, p[:])
	}
	asked := func(what sysproxy.Type) (sysproxy.Header, sysproxy.Copy) {
		h, p := c.next()
		q, err := sysproxy.ParseCopy(p)
		if h.Class != sysproxy.Request || h.Type != what || err != nil && what != sysproxy.TypeAnonmmap {
			t.Fatalf("question %+v, %x, want one of type %d", h, p, what)
		}
		return h, q
	}
	answer := func(h sysproxy.Header, what sysproxy.Type, p string) {
		c.send(sysproxy.Header{Request: h.Request, Class: sysproxy.Response, Type: what}, []byte(p))
	}
	result := func(want sysproxy.Result) {
		t.Helper()
		if res, _ := c.result(5); res != want {
			t.Errorf("result %+v, want %+v", res, want)
		}
	}

	syscall(callCopy, 0x1000, 0x2000, 5)
	h, q := asked(sysproxy.TypeCopyin)
	if q != (sysproxy.Copy{Length: 5, Address: 0x1000}) {
		t.Errorf("copyin of %+v", q)
	}
	answer(h, sysproxy.TypeCopyin, "hello")
	if h, p := c.next(); h.Type != sysproxy.TypeCopyout || string(p[sysproxy.CopySize:]) != "hello" {
		t.Errorf("copyout %+v, %x", h, p)
	}
	result(sysproxy.Result{Values: [2]uint64{5, 7}})

	syscall(callString, 0x1000)
	h, _ = asked(sysproxy.TypeCopyinstr)
	answer(h, sysproxy.TypeCopyin, "name\x00") // as librumpclient has it
	result(sysproxy.Result{Values: [2]uint64{5, 7}})

	syscall(callMap, 4096)
	h, _ = asked(sysproxy.TypeAnonmmap)
	answer(h, sysproxy.TypeAnonmmap, "\x00\x10\x00\x00\x00\x00\x00\x00")
	result(sysproxy.Result{Values: [2]uint64{0x1000, 7}})

	syscall(callRaise, 15, 1)
	for range 2 { // the signal and the result, in any order
		if h, p := c.next(); h.Type == sysproxy.TypeRaise && h.Arg != 15 || h.Type == sysproxy.TypeSyscall && p[0] != 0 {
			t.Errorf("message %+v, %x", h, p)
		}
	}

	syscall(callErrno, 22)
	result(sysproxy.Result{Errno: 22, Values: [2]uint64{1<<64 - 1, 0}})
	c.Close()
	b.settled()
}

// TestEnds holds what clients are told of the end.
func TestEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(b *bench, c *raw)
		kind uint32
		text string
	}{
		"of the process": {func(b *bench, c *raw) { c.send(call(callExit, 2, false)) }, sysproxy.EndProcess, ""},
		"of the kernel":  {func(b *bench, c *raw) { b.k.Close() }, sysproxy.EndKernel, ""},
		"of the server":  {func(b *bench, c *raw) { b.s.Close() }, sysproxy.EndKernel, ""},
		"by a panic":     {func(b *bench, c *raw) { c.send(call(callPanic, 2, false)) }, sysproxy.EndPanic, "last words"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Options{})
			c := b.connect()
			tc.end(b, c)
			for {
				h, p := c.next()
				if h.Class == sysproxy.Response {
					continue // to the call, if it was faster
				}
				if h.Type != sysproxy.TypeEnd || h.Arg != tc.kind || !strings.Contains(string(p), tc.text) {
					t.Errorf("last message %+v, %q", h, p)
				}
				break
			}
			c.hungUp()
		})
	}
}

// TestHalt: who halts a kernel is answered, though the call never returns.
func TestHalt(t *testing.T) {
	b := newBench(t, Options{})
	c := b.plain()
	c.send(sysproxy.Header{Request: 5, Type: sysproxy.TypeSyscall, Arg: sysReboot}, nil)
	c.result(5)
	c.send(sysproxy.Header{Request: 6, Type: sysproxy.TypeSyscall, Arg: callHalt}, nil)
	if res, _ := c.result(5); res.Errno != 0 {
		t.Errorf("reboot: %+v", res)
	}
}

// TestKernelEndsWhileCallsBlock ends the kernel, not the clients.
func TestKernelEndsWhileCallsBlock(t *testing.T) {
	b := newBench(t, Options{})
	b.k.end(&backends.PanicError{Kernel: "test", Reason: "for the test"})
	eventually(t, "all clients gone", func() bool { return len(b.s.all()) == 0 })
}
