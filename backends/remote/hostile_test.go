package remote_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/sysproxy"
	"github.com/anykernel/anykernel/sys/abi"
)

// Servers that do what none should. Nothing of a kernel is behind them.

// A fake is one connection of a server that may say anything.
type fake struct{ *sysproxy.Conn }

// fakeServer serves each connection with a function, and hangs up when that
// returns. It returns the specification of its kernel.
func fakeServer(t *testing.T, serve func(f *fake)) string {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	dir, err := os.MkdirTemp("", "fake") // the test's name may have what specifications have
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "socket")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				f := &fake{sysproxy.NewConn(conn, 1<<30)}
				defer f.Close()
				_ = f.SetDeadline(time.Now().Add(20 * time.Second))
				serve(f)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
		if err := goleak.Find(leaks); err != nil {
			t.Error(err)
		}
	})
	return "remote:unix://" + path
}

func (f *fake) say(text string)   { _, _ = io.WriteString(f.Conn.Conn, text) }
func (f *fake) until(what string) { _, _ = io.Copy(io.Discard, f.Conn.Conn) }

// header is one with any length.
func header(length, request uint64, class sysproxy.Class, what sysproxy.Type, arg uint32) string {
	b := binary.NativeEndian.AppendUint64(nil, length)
	b = binary.NativeEndian.AppendUint64(b, request)
	b = binary.NativeEndian.AppendUint16(b, uint16(class))
	b = binary.NativeEndian.AppendUint16(b, uint16(what))
	return string(binary.NativeEndian.AppendUint32(b, arg))
}

// answer is a whole answer.
func answer(request uint64, what sysproxy.Type, payload string) string {
	return header(uint64(sysproxy.HeaderSize+len(payload)), request, sysproxy.Response, what, 0) + payload
}

const (
	linuxBanner = "RUMPSP-0.4-Linux-1.2/x86_64 anykernel/1\n"
	stockBanner = "RUMPSP-0.4-NetBSD-7.99.34/amd64\n"
	status      = "\x00\x00\x00\x00"
)

var linuxInfo = string(sysproxy.Encode(sysproxy.Info{OS: "linux", Arch: "amd64", Kernel: "fake", PID: 7, MaxCalls: 8, MaxMemory: 1 << 20}))

// welcome greets a client and answers its handshake.
func (f *fake) welcome(banner, text string) {
	f.say(banner)
	if _, err := f.Next(); err == nil {
		f.say(answer(1, sysproxy.TypeHandshake, text))
	}
}

func TestServersThatCannotBeOpened(t *testing.T) {
	after := func(banner, text string) func(*fake) {
		return func(f *fake) { f.say(banner); _, _ = f.Next(); f.say(text); f.until("closed") }
	}
	for name, tc := range map[string]struct {
		serve func(*fake)
		want  string
	}{
		"hangs up":                   {func(f *fake) {}, "no banner"},
		"says half a banner":         {func(f *fake) { f.say("RUMPSP-0.4-Net") }, "no banner"},
		"speaks SSH":                 {func(f *fake) { f.say("SSH-2.0-x\r\n") }, "is not one of protocol 0.4"},
		"speaks without end":         {func(f *fake) { f.say(strings.Repeat("RUMPSP", 10000)) }, "is too long"},
		"is another protocol":        {func(f *fake) { f.say("RUMPSP-0.5-NetBSD-7/amd64\n") }, "is not one of protocol 0.4"},
		"does not know us":           {func(f *fake) { f.say(linuxBanner); _, _ = f.Next() }, "no answer to the handshake"},
		"refuses":                    {after(linuxBanner, header(24, 1, 2, 0, 4)), "the kernel made no process"},
		"refuses by number":          {after(linuxBanner, answer(1, 0, "\x0c\x00\x00\x00")), "12"},
		"says nothing to it":         {after(linuxBanner, answer(1, 0, "")), "malformed"},
		"answers another":            {after(linuxBanner, answer(2, 0, status+linuxInfo)), "malformed"},
		"answers by a call":          {after(linuxBanner, answer(1, sysproxy.TypeCall, status+linuxInfo)), "malformed"},
		"asks instead":               {after(linuxBanner, header(40, 1, 0, 2, 0)+strings.Repeat("x", 16)), "malformed"},
		"says what is no JSON":       {after(linuxBanner, answer(1, 0, status+"{")), "JSON"},
		"says too much":              {after(linuxBanner, answer(1, 0, status+strings.Repeat(" ", 100_000))), "malformed"},
		"has a length of its own":    {after(linuxBanner, header(1<<63, 1, 1, 0, 0)), "a message of"},
		"has no system that we know": {after(linuxBanner, answer(1, 0, status+`{"OS":"plan9","Arch":"mips"}`)), "no ABI"},
		"has no system at all":       {after(linuxBanner, answer(1, 0, status)), "no ABI"},
		"has a process of no number": {after(linuxBanner, answer(1, 0, status+`{"OS":"linux","Arch":"amd64","PID":-1}`)), "malformed"},
		"is a BeBox":                 {after("RUMPSP-0.4-BeOS-5/bebox\n", answer(1, 0, status)), "BeOS for bebox"},
		"is stock and hangs up":      {func(f *fake) { f.welcome(stockBanner, status) }, "connection was lost"},
		"is stock and refuses": {func(f *fake) {
			f.welcome(stockBanner, status)
			_, _ = f.Next()
			f.say(header(24, 2, 2, 1, 1))
			f.until("closed")
		}, "try again"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := fakeServer(t, tc.serve)
			k, err := backends.Open(t.Context(), spec, backends.Config{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Open: %v, want an error that says %q", err, tc.want)
			}
			if k != nil {
				k.Close()
			}
		})
	}
}

// TestServersThatSayNothing are waited for as long as the context has it.
func TestServersThatSayNothing(t *testing.T) {
	for name, serve := range map[string]func(*fake){
		"at all":                 func(f *fake) { f.until("closed") },
		"to a handshake":         func(f *fake) { f.say(linuxBanner); f.until("closed") },
		"to a stock server's":    func(f *fake) { f.welcome(stockBanner, status); f.until("closed") },
		"to the end of a banner": func(f *fake) { f.say(linuxBanner[:20]); f.until("closed") },
	} {
		t.Run(name, func(t *testing.T) {
			spec := fakeServer(t, serve)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if k, err := backends.Open(ctx, spec, backends.Config{}); err == nil {
				t.Error("it is open")
				k.Close()
			} else if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, backends.ErrInterrupted) {
				t.Errorf("Open: %v", err)
			}
		})
	}
}

// The numbers of requests: the call that blocks, and the one that is answered.
const (
	blocked  = 2
	answered = 3
)

// TestWrongAnswers answers one call wrongly while another one is under way:
// both end, whatever comes.
func TestWrongAnswers(t *testing.T) {
	result := func(errno int32) string {
		b := make([]byte, sysproxy.ResultSize)
		(&sysproxy.Result{Errno: errno, Values: [2]uint64{4, 5}}).Put(b)
		return string(b)
	}
	count := func(n uint32) string { return string(binary.NativeEndian.AppendUint32(nil, n)) }
	good := result(0) + count(4) + "good"
	for name, tc := range map[string]struct {
		say string
		// wrong is part of the error of the call, "" for none; lives says that
		// the connection goes on.
		wrong string
		lives bool
	}{
		"as it should be":             {answer(answered, sysproxy.TypeCall, good), "", true},
		"twice":                       {strings.Repeat(answer(answered, sysproxy.TypeCall, good), 2), "", true},
		"to others first":             {answer(99, sysproxy.TypeCall, "nobody asked") + answer(0, sysproxy.TypeCall, "") + answer(answered, sysproxy.TypeCall, good), "", true},
		"less than there is":          {answer(answered, sysproxy.TypeCall, result(0)+count(2)+"go"), "", true},
		"refused":                     {header(24, answered, 2, 0, uint32(sysproxy.ErrNoMemory)), "no memory", true},
		"refused by any number":       {header(24, answered, 2, 0, 1<<32-1), "error 4294967295", true},
		"a text":                      {answer(answered, sysproxy.TypeCall, result(sysproxy.AnswerText)+"something else"), "something else", true},
		"interrupted":                 {answer(answered, sysproxy.TypeCall, result(sysproxy.AnswerInterrupted)+count(0)), "interrupted", true},
		"not supported":               {answer(answered, sysproxy.TypeCall, result(sysproxy.AnswerNotSupported)+count(0)), "not supported", true},
		"an error of no kind":         {answer(answered, sysproxy.TypeCall, result(-1000)+count(0)), "malformed", true},
		"a text without end":          {answer(answered, sysproxy.TypeCall, result(sysproxy.AnswerText)+strings.Repeat("x", 1000)), "malformed", false},
		"nothing":                     {answer(answered, sysproxy.TypeCall, ""), "malformed", false},
		"no memory":                   {answer(answered, sysproxy.TypeCall, result(0)), "malformed", false},
		"more memory than it has":     {answer(answered, sysproxy.TypeCall, result(0)+count(9)+"good good"), "malformed", false},
		"memory of 4 GiB":             {answer(answered, sysproxy.TypeCall, result(0)+count(1<<32-1)), "malformed", false},
		"less memory than it says":    {answer(answered, sysproxy.TypeCall, result(0)+count(8)+"good"), "malformed", false},
		"more behind it":              {answer(answered, sysproxy.TypeCall, good+"!"), "malformed", false},
		"that of a syscall":           {answer(answered, sysproxy.TypeSyscall, result(0)), "malformed", false},
		"that of a prefork":           {answer(answered, sysproxy.TypePrefork, strings.Repeat("x", 16)), "malformed", false},
		"of a class that nobody has":  {header(24, answered, 3, sysproxy.TypeCall, 0), "lost", false},
		"of a length that nobody has": {header(0, answered, 1, sysproxy.TypeCall, 0), "lost", false},
		"as large as can be":          {header(1<<64-1, answered, 1, sysproxy.TypeCall, 0), "lost", false},
		"cut off in its header":       {answer(answered, sysproxy.TypeCall, good)[:20], "lost", false},
		"cut off":                     {answer(answered, sysproxy.TypeCall, good)[:50], "unexpected EOF", false},
		"nothing, and hangs up":       {"", "lost", false},
		"a question":                  {header(40, 1, 0, sysproxy.TypeCopyin, 0) + strings.Repeat("\x01", 16), "lost", false},
		"a handshake":                 {header(24, 1, 0, sysproxy.TypeHandshake, 0), "lost", false},
		"the end of the process":      {header(24, 0, 0, sysproxy.TypeEnd, sysproxy.EndProcess), "process has ended", false},
		"the end of the kernel":       {header(24, 0, 0, sysproxy.TypeEnd, sysproxy.EndKernel), "kernel is closed", false},
		"the end of nobody":           {header(24, 0, 0, sysproxy.TypeEnd, 99), "lost", false},
		"a panic without words":       {header(24, 0, 0, sysproxy.TypeEnd, sysproxy.EndPanic), "lost", false},
		"a panic": {
			header(24+41, 0, 0, sysproxy.TypeEnd, sysproxy.EndPanic) + `{"Reason":"of that","Console":"the end"} `, "panicked: of that", false,
		},
	} {
		t.Run(name, func(t *testing.T) { wrongAnswer(t, tc.say, tc.wrong, tc.lives) })
	}
}

func wrongAnswer(t *testing.T, say, wrong string, lives bool) {
	spec := fakeServer(t, func(f *fake) {
		f.welcome(linuxBanner, status+linuxInfo)
		for range 2 {
			if h, err := f.Next(); err != nil || h.Request == answered {
				f.say(say)
			}
		}
		if lives {
			f.until("closed")
		}
	})
	k, err := backends.Open(t.Context(), spec, backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	blocks := make(chan error, 1)
	first := backends.Call{Num: 0}
	go func() {
		_, _, err := k.Init().Call(first)
		blocks <- err
	}()
	time.Sleep(5 * time.Millisecond) // so that it is the first
	mem := make([]byte, 8)
	c := backends.Call{Num: 1}
	c.Args[0] = backends.Mem(mem, backends.InOut)
	r0, _, err := k.Init().Call(c)
	switch {
	case wrong == "" && (err != nil || r0 != 4 || !strings.HasPrefix("good", string(bytes.TrimRight(mem, "\x00")))):
		t.Errorf("the call gave %d, %q, %v", r0, mem, err)
	case wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)):
		t.Errorf("the call gave %v, want an error that says %q", err, wrong)
	}
	select {
	case err := <-blocks:
		if lives || err == nil {
			t.Errorf("the call that blocked: %v", err)
		}
	case <-time.After(50 * time.Millisecond):
		if !lives {
			t.Error("a call still blocks")
		}
	}
	var crash *backends.PanicError
	if err := k.Err(); lives != (err == nil) && wrong != "process has ended" || err != nil && !errors.As(err, &crash) && err != backends.ErrClosed {
		t.Errorf("the kernel: %v", err)
	}
	if err := k.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if lives {
		if err := <-blocks; !errors.Is(err, backends.ErrClosed) {
			t.Errorf("the call that blocked, after Close: %v", err)
		}
	}
}

// TestWrongForks answers a prefork wrongly.
func TestWrongForks(t *testing.T) {
	token := strings.Repeat("t", 16)
	for name, tc := range map[string]struct{ say, child, want string }{
		"refused":               {header(24, 3, 2, 0, uint32(sysproxy.ErrForkFailed)), "", "made no process"},
		"by a short token":      {answer(3, sysproxy.TypePrefork, token[1:]), "", "malformed"},
		"by a call with memory": {answer(3, sysproxy.TypeCall, strings.Repeat("\x00", 100)), "", "malformed"},
		"by another kernel":     {answer(3, sysproxy.TypePrefork, token), strings.Replace(linuxBanner, "1.2", "1.3", 1), "another kernel"},
		"with nobody there":     {answer(3, sysproxy.TypePrefork, token), "RUMP", "no banner"},
	} {
		t.Run(name, func(t *testing.T) {
			var first sync.Once
			spec := fakeServer(t, func(f *fake) {
				banner := tc.child
				first.Do(func() { banner = linuxBanner })
				if banner != linuxBanner {
					f.say(banner)
					return
				}
				f.welcome(linuxBanner, status+linuxInfo)
				if h, err := f.Next(); err == nil { // a call with pointers in its memory
					f.say(header(24, h.Request, 2, 0, 1))
				}
				_, _ = f.Next()
				f.say(tc.say)
				f.until("closed")
			})
			k, err := backends.Open(t.Context(), spec, backends.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			// The fork's request may be this one's, used again.
			c := backends.Call{Num: 1, Refs: []backends.Ref{{Mem: backends.Mem(make([]byte, 8), backends.Out)}}}
			c.Args[0] = backends.Mem(make([]byte, 8), backends.InOut)
			if _, _, err := k.Init().Call(c); err == nil {
				t.Error("the call was refused, and went well")
			}
			if p, err := k.Init().Fork(t.Context(), backends.CopiedDescriptors); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Fork: %v, %v, want an error that says %q", p, err, tc.want)
			}
		})
	}
}

// TestWrongQuestions asks a client of a rump_server for memory that no call
// under way has, or has the other way.
func TestWrongQuestions(t *testing.T) {
	const base = 12 << 32 // where the memory of the first call is, behind those of the probes
	copying := func(what sysproxy.Type, addr, n uint64, p string) string {
		b := binary.NativeEndian.AppendUint64(nil, n)
		b = binary.NativeEndian.AppendUint64(b, addr)
		return header(uint64(40+len(p)), 9, 0, what, 0) + string(b) + p
	}
	zeros := strings.Repeat("\x00", 16)
	for name, tc := range map[string]struct {
		say    string
		answer string // the payload of the answer; "-": it hangs up; "": none comes
		out    string // what the memory is that goes out, without zeros
	}{
		"what it has":               {copying(sysproxy.TypeCopyin, base, 16, ""), "what goes in....", ""},
		"a part":                    {copying(sysproxy.TypeCopyin, base+5, 4, ""), "goes", ""},
		"a string":                  {copying(sysproxy.TypeCopyinstr, base+5, 100, ""), "goes in....", ""},
		"beyond the end":            {copying(sysproxy.TypeCopyin, base+1, 16, ""), zeros, ""},
		"what goes out":             {copying(sysproxy.TypeCopyin, base+16, 16, ""), zeros, ""},
		"where nothing is":          {copying(sysproxy.TypeCopyin, base+64, 16, ""), zeros, ""},
		"before the memory":         {copying(sysproxy.TypeCopyin, base-1, 16, ""), zeros, ""},
		"a call that is not there":  {copying(sysproxy.TypeCopyin, 7<<32, 16, ""), zeros, ""},
		"addresses of no user":      {copying(sysproxy.TypeCopyin, 1<<63+1, 16, ""), zeros, ""},
		"a string nowhere":          {copying(sysproxy.TypeCopyinstr, 12345, 16, ""), zeros[:1], ""},
		"all there is":              {copying(sysproxy.TypeCopyin, base, 1<<40, ""), "-", ""},
		"more memory":               {header(32, 9, 0, sysproxy.TypeAnonmmap, 0) + zeros[:8], zeros[:8], ""},
		"a signal":                  {header(24, 0, 0, sysproxy.TypeRaise, 9), "", ""},
		"half a question":           {header(32, 9, 0, sysproxy.TypeCopyin, 0) + zeros[:8], "-", ""},
		"a call":                    {header(24, 9, 0, sysproxy.TypeSyscall, 0), "-", ""},
		"out":                       {copying(sysproxy.TypeCopyout, base+16, 5, "hello"), "", "hello"},
		"out, in the middle":        {copying(sysproxy.TypeCopyoutstr, base+20, 5, "hello"), "", "hello"},
		"out beyond the end":        {copying(sysproxy.TypeCopyout, base+30, 5, "hello"), "", ""},
		"out where it goes in":      {copying(sysproxy.TypeCopyout, base, 5, "hello"), "", ""},
		"out where nothing is":      {copying(sysproxy.TypeCopyout, 3, 5, "hello"), "", ""},
		"out, more than it says":    {copying(sysproxy.TypeCopyout, base+16, 4, "hello"), "-", ""},
		"out, less than it says":    {copying(sysproxy.TypeCopyout, base+16, 6, "hello"), "-", ""},
		"out, as much as can be":    {copying(sysproxy.TypeCopyout, base+16, 1<<64-1, "hello"), "-", ""},
		"the other's last addition": {copying(sysproxy.TypeCopyout, base+16, 16, strings.Repeat("y", 16)), "", strings.Repeat("y", 16)},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan string, 1)
			spec := fakeServer(t, func(f *fake) {
				f.welcome(stockBanner, status)
				// Its questions of what there is come first.
				h, err := f.Next()
				for ; err == nil && h.Arg != 4; h, err = f.Next() {
					f.say(answer(h.Request, sysproxy.TypeSyscall, strings.Repeat("\x00", sysproxy.ResultSize)))
				}
				if b, err := f.Peek(8); err != nil || binary.NativeEndian.Uint64(b) != base {
					t.Errorf("the memory is at %x", b)
				}
				f.say(tc.say)
				if tc.answer != "" {
					text := "-"
					if h, err := f.Next(); err == nil && h.Class == sysproxy.Response && h.Request == 9 {
						b, _ := f.ReadAll(1 << 20)
						text = string(b)
					}
					asked <- text
				}
				f.say(answer(h.Request, sysproxy.TypeSyscall, strings.Repeat("\x00", sysproxy.ResultSize)))
				f.until("closed")
			})
			k, err := backends.Open(t.Context(), spec, backends.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			in, out := []byte("what goes in...."), make([]byte, 16)
			before := bytes.Clone(in)
			c := backends.Call{Num: 4}
			c.Args[0], c.Args[1] = backends.Mem(in, backends.In), backends.Mem(out, backends.Out)
			_, _, err = k.Init().Call(c)
			if tc.answer != "" {
				if got := <-asked; got != tc.answer {
					t.Errorf("the answer is %q, want %q", got, tc.answer)
				}
			}
			hangsUp := strings.Contains(tc.answer, "-") || tc.answer == "" && strings.Contains(name, "than it says")
			if lost := err != nil && errnoOf(err) == 0; lost != hangsUp {
				t.Errorf("the call gave %v", err)
			}
			if !bytes.Equal(in, before) || string(bytes.Trim(out, "\x00")) != tc.out {
				t.Errorf("memory is %q and %q, want %q", in, out, tc.out)
			}
		})
	}
}

func errnoOf(err error) abi.Errno {
	var e abi.Errno
	errors.As(err, &e)
	return e
}
