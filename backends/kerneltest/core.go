package kerneltest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// coreCases hold for every kernel.
var coreCases = []Case{
	{Name: "errors have name, message and origin", Run: testErrors},
	{Name: "bad calls are refused", Run: testBadCalls},
	{Name: "bad paths are refused", Run: testBadPaths},
	{Name: "many calls are made at once", Run: testCallAll},
	{Name: "many goroutines call at once", Run: testConcurrency},
	{Name: "close ends everything", Run: testClose},
	{Name: "blocked calls are interrupted", Needs: backends.Interrupts, Run: testInterrupt},
}

func testErrors(t T, k *sys.Kernel) {
	_, err := k.Init().Open("/nonexistent/file", sys.O_RDONLY, 0)
	if !errors.Is(err, sys.ENOENT) || !errors.Is(err, fs.ErrNotExist) || errors.Is(err, sys.EPERM) {
		t.Errorf("open of a missing file: %v is not ENOENT alone", err)
	}
	var e *sys.Error
	if !errors.As(err, &e) {
		t.Fatalf("open of a missing file: %T, want a *sys.Error", err)
	}
	if e.Errno != 2 || e.Name() != "ENOENT" || !strings.EqualFold(e.Message(), "no such file or directory") {
		t.Errorf("the error is %d, %q, %q", e.Errno, e.Name(), e.Message())
	}
	if e.Kernel != k.Name() || e.Path != "/nonexistent/file" || e.Op != "open" {
		t.Errorf("the error's origin is %q %q %q", e.Kernel, e.Op, e.Path)
	}
	for _, info := range k.ABI().Errnos() {
		if info.Name == "" || info.Message == "" {
			t.Errorf("error %d has name %q and message %q", info.Errno, info.Name, info.Message)
		}
	}
}

func testBadCalls(t T, k *sys.Kernel) {
	p := k.Init()
	if _, _, err := p.Raw(backends.Call{Num: 0xfffff}); err == nil {
		t.Errorf("call number 0xfffff succeeded")
	}
	outside := backends.Call{Num: callNumber(t, k, "read"), Refs: []backends.Ref{{Holder: 1, Off: 99}}}
	if _, _, err := p.Raw(outside); !errors.Is(err, backends.ErrBadCall) {
		t.Errorf("a pointer outside of its holder: %v, want ErrBadCall", err)
	}
	// An address that is nobody's memory: the kernel must say EFAULT.
	wild := backends.Call{Num: callNumber(t, k, "chdir")}
	wild.Args[0] = backends.Int(8)
	if _, _, err := p.Raw(wild); !isErrno(k, err, "EFAULT") {
		t.Errorf("chdir of address 8: %v, want EFAULT", err)
	}
	if _, err := p.FD(987654).Read(make([]byte, 1)); !errors.Is(err, sys.EBADF) {
		t.Errorf("read of an unused descriptor: %v, want EBADF", err)
	}
}

func testBadPaths(t T, k *sys.Kernel) {
	p := k.Init()
	if _, err := p.Open("a\x00b", sys.O_RDONLY, 0); err == nil {
		t.Errorf("a path with a NUL byte was opened")
	}
	if _, err := p.Open("", sys.O_RDONLY, 0); !errors.Is(err, sys.ENOENT) {
		t.Errorf("open of an empty path: %v, want ENOENT", err)
	}
	for _, n := range []int{4096, 5000, 2 << 20} {
		if _, err := p.Open("/"+strings.Repeat("x", n), sys.O_RDONLY, 0); !errors.Is(err, sys.ENAMETOOLONG) {
			t.Errorf("open of a path of %d bytes: %.200v, want ENAMETOOLONG", n+1, err)
		}
	}
}

func testConcurrency(t T, k *sys.Kernel) {
	const callers, rounds = 64, 100
	p := k.Init()
	failed := make(chan error, callers)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range rounds {
				if pid, _, err := p.Raw(backends.Call{Num: callNumber(t, k, "getpid")}); err != nil || int(pid) != p.ID() {
					failed <- errors.Join(err, errors.New("getpid failed or gave another process"))
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		t.Errorf("%v", err)
	}
}

func testClose(t T, k *sys.Kernel) {
	if err := k.Err(); err != nil {
		t.Errorf("a running kernel has Err %v", err)
	}
	if err := k.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	select {
	case <-k.Done():
	case <-time.After(10 * time.Second):
		t.Fatalf("Done is not closed after Close")
	}
	if err := k.Err(); !errors.Is(err, backends.ErrClosed) {
		t.Errorf("a closed kernel has Err %v, want ErrClosed", err)
	}
	if _, err := k.Init().Open("/", sys.O_RDONLY, 0); !errors.Is(err, backends.ErrClosed) {
		t.Errorf("open on a closed kernel: %v, want ErrClosed", err)
	}
	if err := k.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

// testInterrupt blocks in a call that nothing but its context ends.
func testInterrupt(t T, k *sys.Kernel) {
	for _, after := range []time.Duration{0, time.Microsecond, 20 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		err := pause(k.Init().With(ctx))
		cancel()
		if !errors.Is(err, backends.ErrInterrupted) && !isErrno(k, err, "EINTR") {
			t.Errorf("a call whose context ended after %v: %v, want an interruption", after, err)
		}
	}
}

// pause blocks until it is interrupted.
func pause(p *sys.Process) error {
	abi := p.Kernel().ABI()
	num, ok := abi.Call("ppoll")
	if !ok {
		num, ok = abi.Call("poll")
	}
	if !ok {
		return errors.New("this ABI has neither ppoll nor poll")
	}
	c := backends.Call{Num: num}
	if abi.OS != "linux" { // poll's timeout is a number, ppoll's a null pointer
		c.Args[2] = backends.Int(^uintptr(0))
	}
	_, _, err := p.Raw(c)
	return err
}

func callNumber(t T, k *sys.Kernel, name string) uintptr {
	num, ok := k.ABI().Call(name)
	if !ok {
		t.Fatalf("the ABI has no call %q", name)
	}
	return num
}

func isErrno(k *sys.Kernel, err error, name string) bool {
	var e abi.Errno
	if !errors.As(err, &e) {
		return false
	}
	info, ok := k.ABI().Errno(e)
	return ok && info.Name == name
}

// pattern is n bytes that differ from their neighbours.
func pattern(n int) []byte {
	b := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz\n"), n/37+1)
	return b[:n]
}

// testCallAll makes more calls than any backend takes at a time, some of which
// fail.
func testCallAll(t T, k *sys.Kernel) {
	p := k.Init()
	getpid, closeCall := callNumber(t, k, "getpid"), callNumber(t, k, "close")
	calls, results := make([]backends.Call, 150), make([]backends.Result, 150)
	for i := range calls {
		calls[i].Num = getpid
		if i%7 == 3 {
			calls[i] = backends.Call{Num: closeCall, Args: [backends.MaxArgs]backends.Arg{backends.Int(1 << 20)}}
		}
	}
	if err := p.RawAll(calls, results); err != nil {
		t.Fatalf("150 calls: %v", err)
	}
	for i, r := range results {
		if i%7 == 3 {
			if _, ok := r.Err.(abi.Errno); !ok {
				t.Errorf("call %d, close of a bad descriptor: %v", i, r.Err)
			}
		} else if int(r.R0) != p.ID() || r.Err != nil {
			t.Errorf("call %d, getpid: %d, %v, want %d", i, r.R0, r.Err, p.ID())
		}
	}
	if err := p.RawAll(calls, results[:149]); err == nil {
		t.Errorf("calls without room for their results were made")
	}
}
