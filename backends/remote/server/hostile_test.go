package server

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/anykernel/anykernel/rump/sysproxy"
)

// memory is a call that takes n bytes and brings as many.
func memory(request, n uint64) (sysproxy.Header, []byte) {
	return message(callReverse, request, &sysproxy.Call{
		Args: [sysproxy.MaxArgs]uint64{n, n}, Dirs: [sysproxy.MaxArgs]sysproxy.Dir{sysproxy.In, sysproxy.Out},
	}, strings.Repeat("x", int(n)))
}

// An edit changes a message.
type edit func(sysproxy.Header, []byte) (sysproxy.Header, []byte)

// without leaves out the end.
func without(n int) edit {
	return func(h sysproxy.Header, p []byte) (sysproxy.Header, []byte) { return h, p[:len(p)-n] }
}

// changed has another byte somewhere.
func changed(at int, to byte) edit {
	return func(h sysproxy.Header, p []byte) (sysproxy.Header, []byte) {
		p[at] = to
		return h, p
	}
}

// write sends bytes that are no message.
func (r *raw) write(b []byte) { _, _ = r.Conn.Conn.Write(b) }

// header is one with any length.
func header(length, request uint64, class sysproxy.Class, what sysproxy.Type, arg uint32) []byte {
	b := binary.NativeEndian.AppendUint64(nil, length)
	b = binary.NativeEndian.AppendUint64(b, request)
	b = binary.NativeEndian.AppendUint16(b, uint16(class))
	b = binary.NativeEndian.AppendUint16(b, uint16(what))
	return binary.NativeEndian.AppendUint32(b, arg)
}

// TestRefused sends what is wrong, but leaves the connection as it is.
func TestRefused(t *testing.T) {
	const req = 77
	of := func(h sysproxy.Header, p []byte) func(r *raw) { return func(r *raw) { r.send(h, p) } }
	request := func(what sysproxy.Type, n int) func(r *raw) {
		return of(sysproxy.Header{Request: req, Type: what}, make([]byte, n))
	}
	ref := func(r sysproxy.Ref) func(*raw) {
		return of(message(callReverse, req, &sysproxy.Call{
			Args: [sysproxy.MaxArgs]uint64{8}, Dirs: [sysproxy.MaxArgs]sysproxy.Dir{sysproxy.In}, Refs: []sysproxy.Ref{r},
		}, "12345678"))
	}
	b := newBench(t, Options{MaxMemory: 2 << 20})
	for name, tc := range map[string]struct {
		send func(r *raw)
		want sysproxy.Error
	}{
		"a call without anything":               {request(sysproxy.TypeCall, 0), sysproxy.ErrMalformed},
		"a call that is cut off":                {of(without(1)(call(callGetpid, req, false))), sysproxy.ErrMalformed},
		"a call with less memory than it says":  {of(without(1)(memory(req, 100))), sysproxy.ErrMalformed},
		"a call with more memory than it says":  {of(message(callGetpid, req, &sysproxy.Call{}, "x")), sysproxy.ErrMalformed},
		"a call with unknown flags":             {of(changed(64+3, 1)(call(callGetpid, req, false))), sysproxy.ErrMalformed},
		"a call with pointers that do not come": {of(changed(68, 9)(call(callGetpid, req, false))), sysproxy.ErrMalformed},
		"a call with pointers without number":   {of(changed(71, 0xff)(call(callGetpid, req, false))), sysproxy.ErrMalformed},
		"a call without a number": {func(r *raw) {
			r.send(call(callGetpid, 0, false))
			r.refused(0, sysproxy.ErrMalformed)
			r.send(call(callGetpid, 0, true))
			r.refused(0, sysproxy.ErrMalformed)
			request(sysproxy.TypeCall, 0)(r)
		}, sysproxy.ErrMalformed},
		"a pointer that points to itself":       {ref(sysproxy.Ref{Holder: sysproxy.MaxArgs, Dir: sysproxy.In}), sysproxy.ErrMalformed},
		"a pointer in no argument":              {ref(sysproxy.Ref{Holder: 65535, Dir: sysproxy.In}), sysproxy.ErrMalformed},
		"a pointer of no direction":             {ref(sysproxy.Ref{}), sysproxy.ErrMalformed},
		"memory that wraps":                     {of(message(callReverse, req, &sysproxy.Call{Args: [8]uint64{1 << 63, 1 << 63}, Dirs: [8]sysproxy.Dir{1, 2}}, "")), sysproxy.ErrNoMemory},
		"memory of 4 GiB":                       {of(message(callReverse, req, &sysproxy.Call{Args: [8]uint64{1 << 32}, Dirs: [8]sysproxy.Dir{2}}, "")), sysproxy.ErrNoMemory},
		"memory beyond the limit":               {of(message(callReverse, req, &sysproxy.Call{Args: [8]uint64{1 << 20, 1<<20 + 1}, Dirs: [8]sysproxy.Dir{2, 2}}, "")), sysproxy.ErrNoMemory},
		"a syscall with too many arguments":     {request(sysproxy.TypeSyscall, 8*sysproxy.MaxArgs+1), sysproxy.ErrMalformed},
		"a syscall of 1 MiB":                    {request(sysproxy.TypeSyscall, 1<<20), sysproxy.ErrMalformed},
		"a question":                            {request(sysproxy.TypeCopyin, sysproxy.CopySize), sysproxy.ErrMalformed},
		"a signal":                              {request(sysproxy.TypeRaise, 0), sysproxy.ErrMalformed},
		"an end":                                {request(sysproxy.TypeEnd, 0), sysproxy.ErrMalformed},
		"a type that nobody knows":              {request(63, 100_000), sysproxy.ErrMalformed},
		"a prefork with unknown descriptors":    {of(sysproxy.Header{Request: req, Type: sysproxy.TypePrefork, Arg: 3}, nil), sysproxy.ErrMalformed},
		"a prefork with many descriptors":       {of(sysproxy.Header{Request: req, Type: sysproxy.TypePrefork, Arg: 1<<32 - 1}, nil), sysproxy.ErrMalformed},
		"an exec that the kernel does not want": {of(sysproxy.Header{Request: req, Type: sysproxy.TypeHandshake, Arg: uint32(sysproxy.HandshakeExec)}, []byte("unwanted")), sysproxy.ErrForkFailed},
		"a number that is in use":               {func(r *raw) { r.send(call(callBlock, req, true)); r.send(call(callBlock, req, true)) }, sysproxy.ErrMalformed},
		"answers that nobody asked for, and one": {func(r *raw) {
			r.write(append(header(30, 1, 1, 2, 0), "answer"...))
			r.write(header(24, 9, 2, 0, 4))
			request(63, 0)(r)
		}, sysproxy.ErrMalformed},
		"an interrupt of no call, and one": {func(r *raw) { r.write(header(24, 99, 0, sysproxy.TypeInterrupt, 0)); request(63, 0)(r) }, sysproxy.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			c := b.connect()
			c.t = t
			tc.send(c)
			c.refused(req, tc.want)
			c.echo(1000)
			c.Close()
			b.settled()
		})
	}
}

// TestPointersOutsideTheirMemory are found when the call is made: by whoever
// makes it.
func TestPointersOutsideTheirMemory(t *testing.T) {
	b := newBench(t, Options{})
	for name, refs := range map[string][]sysproxy.Ref{
		"behind the end":  {{Holder: 0, Dir: sysproxy.In, Off: 9, Len: 8}},
		"far behind":      {{Holder: 0, Dir: sysproxy.In, Off: 1<<32 - 1, Len: 8}},
		"in a number":     {{Holder: 3, Dir: sysproxy.In, Len: 8}},
		"in other memory": {{Holder: 0, Dir: sysproxy.In, Len: 4}, {Holder: sysproxy.MaxArgs, Dir: sysproxy.In, Off: 0, Len: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			c := b.connect()
			c.t = t
			c.send(message(callReverse, 5, &sysproxy.Call{Args: [8]uint64{16, 8}, Dirs: [8]sysproxy.Dir{1, 2}, Refs: refs}, strings.Repeat("y", 24)))
			if res, _ := c.result(5); res.Errno != sysproxy.AnswerText {
				t.Errorf("result %+v", res)
			}
			c.echo(10)
			c.Close()
			b.settled()
		})
	}
}

// TestHungUp sends what no client may do.
func TestHungUp(t *testing.T) {
	shake := func(kind sysproxy.Handshake, payload string) func(*raw) {
		return func(r *raw) { r.send(handshake(kind), []byte(payload)) }
	}
	refused := func(send func(*raw), e sysproxy.Error) func(*raw) {
		return func(r *raw) { send(r); r.refused(1, e) }
	}
	after := func(send func(*raw)) func(*raw) {
		return func(r *raw) { shake(sysproxy.HandshakeNewProcess, "x")(r); r.next(); send(r) }
	}
	bytes := func(b []byte) func(*raw) { return func(r *raw) { r.write(b) } }
	token := string(make([]byte, sysproxy.ForkSize))
	b := newBench(t, Options{MaxMemory: MinMemory})
	for name, do := range map[string]func(*raw){
		"a call before the handshake":          refused(func(r *raw) { r.send(call(callGetpid, 1, false)) }, sysproxy.ErrAuth),
		"an answer before the handshake":       refused(bytes(header(24, 1, 1, 0, 0)), sysproxy.ErrAuth),
		"a handshake that nobody uses":         refused(shake(sysproxy.HandshakeAuth, "x"), sysproxy.ErrAuth),
		"an exec before there is a process":    refused(shake(sysproxy.HandshakeExec, "x"), sysproxy.ErrAuth),
		"a handshake of a kind without number": refused(shake(1<<32-1, "x"), sysproxy.ErrAuth),
		"a name that is too long":              refused(shake(sysproxy.HandshakeGuest, strings.Repeat("x", sysproxy.MaxText+1)), sysproxy.ErrMalformed),
		"a process that the kernel refuses":    refused(shake(sysproxy.HandshakeGuest, "unwanted\x00"), sysproxy.ErrForkFailed),
		"a fork with a token of nobody":        refused(shake(sysproxy.HandshakeFork, token), sysproxy.ErrInvalidPrefork),
		"the same with memory":                 refused(shake(sysproxy.HandshakeForked, token), sysproxy.ErrInvalidPrefork),
		"a fork with half a token":             refused(shake(sysproxy.HandshakeFork, token[:8]), sysproxy.ErrMalformed),
		"a second handshake":                   after(refused(shake(sysproxy.HandshakeNewProcess, "x"), sysproxy.ErrMalformed)),
		"a fork of a process":                  after(refused(shake(sysproxy.HandshakeFork, token), sysproxy.ErrMalformed)),
		"an exec with a long name":             after(refused(shake(sysproxy.HandshakeExec, strings.Repeat("x", sysproxy.MaxText+1)), sysproxy.ErrMalformed)),
		"exec while there is one": after(func(r *raw) {
			shake(sysproxy.HandshakeExec, "slow")(r)
			refused(shake(sysproxy.HandshakeExec, "slow"), sysproxy.ErrInExec)(r)
		}),
		"prefork while there is an exec": after(func(r *raw) {
			shake(sysproxy.HandshakeExec, "slow")(r)
			r.send(sysproxy.Header{Request: 1, Type: sysproxy.TypePrefork}, nil)
			r.refused(1, sysproxy.ErrInExec)
		}),
		"a length of 0":                      after(bytes(header(0, 1, 0, sysproxy.TypeCall, 0))),
		"a length of 23":                     after(bytes(header(23, 1, 0, sysproxy.TypeCall, 0))),
		"a length that is too large":         after(bytes(header(24+MinMemory+sysproxy.MaxRefs*32+1, 1, 0, sysproxy.TypeCall, 0))),
		"a length of all ones":               after(bytes(header(1<<64-1, 1, 0, sysproxy.TypeCall, 0))),
		"a class that nobody knows":          after(bytes(header(24, 1, 3, sysproxy.TypeCall, 0))),
		"a length of 0 before the handshake": bytes(header(0, 1, 0, sysproxy.TypeHandshake, 0)),
		"HTTP":                               bytes([]byte("GET / HTTP/1.1\r\nHost: kernel.example\r\n\r\n")),
		"zeros":                              bytes(make([]byte, 1000)),
	} {
		t.Run(name, func(t *testing.T) {
			c := b.dial()
			c.t = t
			do(c)
			c.hungUp()
			b.settled()
		})
	}
}

// TestWrongAnswers answers a question of the kernel's wrongly: the call fails,
// and where the answer cannot be one, the connection ends.
func TestWrongAnswers(t *testing.T) {
	b := newBench(t, Options{})
	for name, tc := range map[string]struct {
		num    uint32
		answer func(r *raw, request uint64)
		hangUp bool
	}{
		"less than was asked for": {callCopy, func(r *raw, n uint64) { r.write(append(header(25, n, 1, 2, 0), 'x')) }, true},
		"more than was asked for": {callCopy, func(r *raw, n uint64) { r.write(append(header(48, n, 1, 2, 0), make([]byte, 24)...)) }, true},
		"a string beyond its end": {callString, func(r *raw, n uint64) { r.write(append(header(48, n, 1, 2, 0), make([]byte, 24)...)) }, true},
		"half an address":         {callMap, func(r *raw, n uint64) { r.write(append(header(28, n, 1, 6, 0), 1, 2, 3, 4)) }, true},
		"no memory":               {callMap, func(r *raw, n uint64) { r.write(append(header(32, n, 1, 6, 0), make([]byte, 8)...)) }, false},
		"an error":                {callCopy, func(r *raw, n uint64) { r.write(header(24, n, 2, 0, 7)) }, false},
		"an error with more":      {callCopy, func(r *raw, n uint64) { r.write(append(header(28, n, 2, 0, 1<<32-1), 1, 2, 3, 4)) }, false},
		"an exec":                 {callCopy, func(r *raw, n uint64) { r.send(handshake(sysproxy.HandshakeExec), []byte("new")) }, false},
		"another number first":    {callCopy, func(r *raw, n uint64) { r.write(header(24, n+1, 1, 2, 0)); r.write(header(24, n, 2, 0, 7)) }, false},
		"nothing, and hangs up":   {callCopy, func(r *raw, n uint64) { _ = r.CloseWrite() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := b.plain()
			c.t = t
			var args [8 * sysproxy.MaxArgs]byte
			sysproxy.PutArgs(args[:], &[sysproxy.MaxArgs]uint64{0x1000, 0x2000, 16})
			c.send(sysproxy.Header{Request: 5, Type: sysproxy.TypeSyscall, Arg: tc.num}, args[:])
			h, _ := c.next()
			tc.answer(c, h.Request)
			for failed := false; !failed; {
				h, err := c.Next()
				if err != nil {
					if !tc.hangUp {
						t.Errorf("hung up: %v", err)
					}
					break
				}
				if p, _ := c.ReadAll(100); h.Type == sysproxy.TypeSyscall {
					res, _ := sysproxy.ParseResult(p)
					if failed = true; res.Errno == 0 {
						t.Errorf("result %+v", res)
					}
				}
			}
			if tc.hangUp {
				_, _ = c.Next()
				c.hungUp()
			}
			c.Close()
			b.settled()
		})
	}
}

// TestPlainClientsBringNoMemory: it is either with the client or with its calls.
func TestPlainClientsBringNoMemory(t *testing.T) {
	b := newBench(t, Options{})
	c := b.plain()
	c.send(memory(5, 10))
	c.refused(5, sysproxy.ErrMalformed)
	c.Close()
	b.settled()
}

// TestCutOff ends connections at every byte of what they say.
func TestCutOff(t *testing.T) {
	b := newBench(t, Options{})
	var all []byte
	add := func(h sysproxy.Header, p []byte) {
		all = append(all, header(uint64(sysproxy.HeaderSize+len(p)), h.Request, h.Class, h.Type, h.Arg)...)
		all = append(all, p...)
	}
	add(handshake(sysproxy.HandshakeNewProcess), []byte("cut\x00"))
	add(call(callBlock, 2, true))
	add(memory(3, 100))
	add(sysproxy.Header{Request: 4, Type: sysproxy.TypePrefork}, nil)
	for n := range len(all) {
		c := b.dial()
		c.write(all[:n])
		c.Close()
	}
	eventually(t, "all gone", func() bool { return len(b.s.all()) == 1 })
	b.s.expire(time.Time{}) // what was forked, and has a minute to come
	b.settled()
}

// TestTooManyCalls fills what a client may have under way, and empties it.
func TestTooManyCalls(t *testing.T) {
	const most = 20
	b := newBench(t, Options{MaxCalls: most})
	c := b.connect()
	for i := range uint64(most) {
		c.send(call(callBlock, i+100, true))
	}
	c.send(call(callGetpid, 1, false))
	c.refused(1, sysproxy.ErrTryAgain)
	c.send(sysproxy.Header{Request: 2, Type: sysproxy.TypeSyscall, Arg: callGetpid}, nil)
	c.refused(2, sysproxy.ErrTryAgain)
	for i := range uint64(most) {
		c.send(sysproxy.Header{Request: i + 100, Type: sysproxy.TypeInterrupt}, nil)
		c.result(i + 100)
	}
	c.echo(5)
	c.Close()
	b.settled()
}

// TestTooMuchMemory holds memory by calls that block, up to the limit.
func TestTooMuchMemory(t *testing.T) {
	b := newBench(t, Options{MaxMemory: MinMemory})
	c := b.connect()
	block := func(request uint64) (sysproxy.Header, []byte) {
		return message(callBlock, request, &sysproxy.Call{
			Args: [8]uint64{MinMemory / 4}, Dirs: [8]sysproxy.Dir{sysproxy.Out}, Interruptible: true,
		}, "")
	}
	for i := range uint64(4) {
		c.send(block(i + 100))
	}
	eventually(t, "all memory lent", func() bool { return b.k.lent.Load() == MinMemory })
	c.send(block(1))
	c.refused(1, sysproxy.ErrNoMemory)
	c.send(sysproxy.Header{Request: 100, Type: sysproxy.TypeInterrupt}, nil)
	c.result(100)
	c.echo(MinMemory / 8) // at once
	c.Close()
	b.settled()
}

// TestExecEndsCalls runs another program while calls block, and while the
// kernel has a question.
func TestExecEndsCalls(t *testing.T) {
	b := newBench(t, Options{})
	c := b.connect()
	for i := range uint64(5) {
		c.send(call(callBlock, i+100, i%2 == 0))
	}
	eventually(t, "calls block", func() bool { return b.k.blocked.Load() == 6 })
	c.send(handshake(sysproxy.HandshakeExec), []byte("next"))
	for range 6 {
		if h, p := c.next(); h.Type == sysproxy.TypeCall {
			if res, _ := sysproxy.ParseResult(p); res.Errno != sysproxy.AnswerInterrupted {
				t.Errorf("call %d: %+v", h.Request, res)
			}
		}
	}
	c.echo(10)
	c.Close()
	b.settled()
}

// TestForks takes and gives tokens.
func TestForks(t *testing.T) {
	b := newBench(t, Options{})
	c := b.connect()
	prefork := func() string {
		c.send(sysproxy.Header{Request: 9, Type: sysproxy.TypePrefork}, nil)
		h, token := c.next()
		if h.Class != sysproxy.Response || h.Type != sysproxy.TypePrefork || len(token) != 16 {
			t.Fatalf("prefork: %+v, %x", h, token)
		}
		return string(token) + "\x00\x00\x00\x00"
	}
	first := prefork()
	child := b.introduced(sysproxy.HandshakeForked, first)
	child.echo(100)
	twice := b.dial()
	twice.send(handshake(sysproxy.HandshakeForked), []byte(first))
	twice.refused(1, sysproxy.ErrInvalidPrefork)
	twice.hungUp()

	cancelled := b.dial()
	cancelled.send(handshake(sysproxy.HandshakeForked), []byte(prefork()[:16]+"\x01\x00\x00\x00"))
	cancelled.hungUp()
	eventually(t, "the child that does not come ends", func() bool { return b.k.guests.Load() == 3 })

	var pending []string
	for range maxForks {
		pending = append(pending, prefork())
	}
	c.send(sysproxy.Header{Request: 9, Type: sysproxy.TypePrefork}, nil)
	c.refused(9, sysproxy.ErrTryAgain)
	b.s.expire(time.Now().Add(forkTime - time.Second))
	b.introduced(sysproxy.HandshakeForked, pending[0]).Close()
	b.s.expire(time.Now().Add(forkTime + time.Second))
	late := b.dial()
	late.send(handshake(sysproxy.HandshakeForked), []byte(pending[1]))
	late.refused(1, sysproxy.ErrInvalidPrefork)
	late.hungUp()
	child.Close()
	c.Close()
	b.settled()
}

// TestForksOfMany come from clients that go at once, and end when nobody comes
// for them; they are bounded for all together.
func TestForksOfMany(t *testing.T) {
	b := newBench(t, Options{MaxClients: 20})
	refused := 0
	for range 4 {
		c := b.connect()
		for range maxForks {
			c.send(sysproxy.Header{Request: 9, Type: sysproxy.TypePrefork}, nil)
			if h, _ := c.next(); h.Class == sysproxy.Failure && sysproxy.Error(h.Arg) == sysproxy.ErrTryAgain {
				refused++
			}
		}
		c.Close()
		eventually(t, "the client is gone", func() bool { return len(b.s.all()) == 1 })
	}
	if refused != 4*maxForks-20 {
		t.Errorf("%d of %d forks were refused, with 20 clients", refused, 4*maxForks)
	}
	b.s.expire(time.Now().Add(forkTime + time.Second))
	b.settled()
}

// TestTooManyClients refuses them, and takes others when some have gone.
func TestTooManyClients(t *testing.T) {
	b := newBench(t, Options{MaxClients: 3})
	second, third := b.connect(), b.connect()
	for range 10 {
		conn, err := net.Dial("unix", b.path)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		if n, err := conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("a client too many: %d bytes", n)
		}
		conn.Close()
	}
	second.Close()
	eventually(t, "one is gone", func() bool { return len(b.s.all()) == 2 })
	b.connect().Close()
	third.Close()
	b.settled()
}

// patience is what servers have that are to lose it.
const patience = 200 * time.Millisecond

// TestSilence cuts off who does not introduce himself, does not read or does
// not answer, and nobody else.
func TestSilence(t *testing.T) {
	for name, do := range map[string]func(b *bench) *raw{
		"says nothing": func(b *bench) *raw { return b.dial() },
		"says a part of a handshake": func(b *bench) *raw {
			c := b.dial()
			c.write(header(100, 1, 0, sysproxy.TypeHandshake, 0))
			return c
		},
		"says a part of a call": func(b *bench) *raw {
			c := b.plain()
			c.write(header(100, 3, 0, sysproxy.TypeSyscall, callCopy))
			return nil
		},
		"does not read": func(b *bench) *raw {
			c := b.connect()
			go func() {
				for c.Send(memory(3, 100_000)) == nil {
				}
			}()
			return nil
		},
		"does not read what it is refused": func(b *bench) *raw {
			c := b.connect()
			go func() {
				for c.Send(sysproxy.Header{Request: 3, Type: 63}, nil) == nil {
				}
			}()
			return nil
		},
		"does not read signals": func(b *bench) *raw {
			c := b.plain()
			var args [8 * sysproxy.MaxArgs]byte
			sysproxy.PutArgs(args[:], &[sysproxy.MaxArgs]uint64{2, 1000})
			go func() {
				for c.Send(sysproxy.Header{Request: 3, Type: sysproxy.TypeSyscall, Arg: callRaise}, args[:]) == nil {
				}
			}()
			return nil
		},
		"does not answer": func(b *bench) *raw {
			c := b.plain()
			var args [8 * sysproxy.MaxArgs]byte
			sysproxy.PutArgs(args[:], &[sysproxy.MaxArgs]uint64{1, 2, 3})
			c.send(sysproxy.Header{Request: 3, Type: sysproxy.TypeSyscall, Arg: callCopy}, args[:])
			c.next()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Options{Patience: patience})
			idle := b.connect()
			if c := do(b); c != nil {
				c.hungUp()
			}
			eventually(t, "it is cut off", func() bool { return len(b.s.all()) == 2 })
			idle.echo(10)
			idle.Close()
			b.settled()
		})
	}
}

// TestCloseDoesNotWaitForWhoDoesNotRead closes a server with many clients that
// do not.
func TestCloseDoesNotWaitForWhoDoesNotRead(t *testing.T) {
	b := newBench(t, Options{MaxMemory: MinMemory})
	for range 20 {
		c := b.connect()
		go func() {
			for c.Send(memory(3, 100_000)) == nil {
			}
		}()
	}
	stuck := func() (n int) {
		for _, c := range b.s.all() {
			if c.conn.Stuck(time.Now().Add(-10 * time.Millisecond)) {
				n++
			}
		}
		return n
	}
	eventually(t, "all are stuck", func() bool { return stuck() == 20 })
	start := time.Now()
	b.s.Close()
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("Close took %v", d)
	}
}

// TestServeAfterClose does not serve.
func TestServeAfterClose(t *testing.T) {
	b := newBench(t, Options{})
	b.s.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.s.Serve(l); !errors.Is(err, ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
	var d net.Dialer
	if conn, err := d.DialContext(context.Background(), "tcp", l.Addr().String()); err == nil {
		conn.Close()
		t.Error("the listener is open")
	}
}
