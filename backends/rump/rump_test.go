//go:build cgo && linux && (amd64 || arm64)

package rump_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/backends/rump"
	"github.com/anykernel/anykernel/rump/kit"
	"github.com/anykernel/anykernel/sys"
)

func needKit(t testing.TB) {
	t.Helper()
	if err := kit.Present(kit.DefaultDir()); err != nil {
		t.Skipf("%v (remedy: %s)", err, kit.Remedy)
	}
}

func open(t testing.TB, text string, cfg backends.Config) *rump.Kernel {
	t.Helper()
	spec, err := backends.ParseSpec(text)
	if err != nil {
		t.Fatal(err)
	}
	k, err := rump.Open(t.Context(), spec, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

func TestSpecifications(t *testing.T) {
	needKit(t)
	for _, text := range []string{"rump:vfs,netinet?ncpu=2&mem=64m&hostname=box", "rump:librumpfs_ffs.so,rumpnet_netinet", "rump:tmpfs"} {
		k := kerneltest.New(t, text)
		name, err := k.Init().Hostname()
		want := "rump"
		if strings.Contains(text, "box") {
			want = "box"
		}
		if name != want || err != nil {
			t.Errorf("%s: the host name is %q, %v, want %q", text, name, err, want)
		}
	}
	for text, want := range map[string]string{
		"rump:nosuchthing":              kit.DefaultDir(),
		"rump?ncpu=many":                "ncpu=many",
		"rump?ncpu=99":                  "virtual CPUs",
		"rump?mem=1x":                   "a size is",
		"rump?mem=1k":                   "memory",
		"rump:net_sockin,netinet":       "exclude each other",
		"rump:librumpkern_sys_linux.so": "is not supported",
	} {
		if _, err := backends.Open(t.Context(), text, backends.Config{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", text, err, want)
		}
	}
}

func TestPanic(t *testing.T) {
	needKit(t)
	var console bytes.Buffer
	k := open(t, "rump", backends.Config{Console: &console})
	l, err := k.Raw().Init().LWP()
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("out of cheese\x00")
	l.Invoke(k.Raw().Symbol("rumpns_panic"), uintptr(unsafe.Pointer(&text[0])))
	runtime.KeepAlive(text)
	k.Raw().Init().Return(l)
	select {
	case <-k.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("Done is not closed after a panic")
	}
	_, _, err = k.Init().Call(backends.Call{Num: 20})
	var e *backends.PanicError
	if !errors.As(err, &e) || e.Kernel != "rump" || e.Reason != "out of cheese" || !bytes.Contains(e.Console, []byte("cheese")) {
		t.Errorf("a call after a panic: %v", err)
	}
	if !strings.Contains(console.String(), "panic: out of cheese") {
		t.Errorf("the console has %q", console.String())
	}
	if err := k.Close(); err != nil {
		t.Errorf("close after a panic: %v", err)
	}
	if err := k.Err(); !errors.As(err, &e) {
		t.Errorf("after Close the reason is %v", err)
	}
}

// TestHundredKernels has many kernels live at once, which are independent, and
// idle at little cost.
func TestHundredKernels(t *testing.T) {
	needKit(t)
	n := 100
	if testing.Short() {
		n = 20
	}
	var wg sync.WaitGroup
	kernels := make([]*sys.Kernel, n)
	start := time.Now()
	for i := range kernels {
		k, err := sys.Open(t.Context(), fmt.Sprintf("rump:vfs,tmpfs,netinet?hostname=box%d", i))
		if err != nil {
			t.Fatal(err)
		}
		kernels[i] = k
	}
	t.Logf("%d kernels in %v", n, time.Since(start))
	for i, k := range kernels {
		wg.Go(func() {
			if err := k.Init().WriteFile("/tmp/mark", []byte(k.Name()), 0o644); err != nil {
				t.Errorf("kernel %d: %v", i, err)
			}
			if name, err := k.Init().Hostname(); name != fmt.Sprint("box", i) || err != nil {
				t.Errorf("kernel %d calls itself %q, %v", i, name, err)
			}
		})
	}
	wg.Wait()
	for i, k := range kernels {
		if b, err := k.Init().ReadFile("/tmp/mark"); string(b) != k.Name() || err != nil {
			t.Errorf("kernel %d has the mark %q, %v", i, b, err)
		}
	}
	time.Sleep(200 * time.Millisecond)
	before := cpuTime(t)
	time.Sleep(time.Second)
	used := cpuTime(t) - before
	t.Logf("%d idle kernels took %v of a CPU in a second", n, used)
	if used > time.Duration(n)*time.Millisecond {
		t.Errorf("an idle kernel takes %v a second, more than 1ms", used/time.Duration(n))
	}
	for _, k := range kernels {
		wg.Go(func() {
			if err := k.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// cpuTime is what this process has used of the host's CPUs.
func cpuTime(t testing.TB) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkGetpid measures the same call through the backend and of the host
// by x/sys, by turns, and reports the ratio.
func BenchmarkGetpid(b *testing.B) {
	needKit(b)
	k := open(b, "rump", backends.Config{})
	p := k.Init()
	const batch = 1000
	var here, host time.Duration
	for b.Loop() {
		start := time.Now()
		for range batch {
			p.Call(backends.Call{Num: 20})
		}
		middle := time.Now()
		for range batch {
			unix.Syscall(unix.SYS_GETPID, 0, 0, 0)
		}
		here, host = here+middle.Sub(start), host+time.Since(middle)
	}
	b.ReportMetric(float64(here.Nanoseconds())/float64(b.N*batch), "ns/call")
	b.ReportMetric(float64(host.Nanoseconds())/float64(b.N*batch), "ns/host")
	b.ReportMetric(float64(here)/float64(host), "ratio")
	b.ReportMetric(0, "ns/op")
}

// TestBatch: calls of one crossing have each its own result.
func TestBatch(t *testing.T) {
	needKit(t)
	k := kerneltest.New(t, "rump")
	p := k.Init()
	must := func(name string) uintptr {
		num, ok := k.ABI().Call(name)
		if !ok {
			t.Fatalf("no call %s", name)
		}
		return num
	}
	calls, results := make([]backends.Call, 150), make([]backends.Result, 150) // more than one crossing
	for i := range calls {
		switch i % 3 {
		case 0:
			calls[i].Num = must("getpid")
		case 1:
			calls[i] = backends.Call{Num: must("close"), Args: [backends.MaxArgs]backends.Arg{backends.Int(999)}}
		case 2:
			calls[i].Num = 100000
		}
	}
	dir := []byte("/tmp/made\x00")
	calls[0] = backends.Call{Num: must("mkdir"), Args: [backends.MaxArgs]backends.Arg{backends.Mem(dir, backends.In), backends.Int(0o755)}}
	if err := p.RawAll(calls, results); err != nil {
		t.Fatal(err)
	}
	for i, r := range results[1:] {
		switch (i + 1) % 3 {
		case 0:
			if r.Err != nil || int(r.R0) != p.ID() {
				t.Errorf("call %d: %d, %v", i+1, r.R0, r.Err)
			}
		case 1:
			if err := p.Fail("close", "", r.Err); !errors.Is(err, sys.EBADF) {
				t.Errorf("call %d: %v", i+1, err)
			}
		case 2:
			if err := p.Fail("nothing", "", r.Err); !errors.Is(err, sys.ENOSYS) {
				t.Errorf("call %d: %v", i+1, err)
			}
		}
	}
	if st, err := p.Stat("/tmp/made"); err != nil || !st.IsDir() || results[0].Err != nil {
		t.Errorf("mkdir: %v, then %v", results[0].Err, err)
	}
	if err := p.RawAll(calls, results[:1]); err == nil {
		t.Error("results found no room, and there was no error")
	}
	k.Close()
	if err := p.RawAll(calls, results); err != nil || !errors.Is(results[0].Err, backends.ErrClosed) || !errors.Is(results[149].Err, backends.ErrClosed) {
		t.Errorf("after Close: %v, %v, %v", err, results[0].Err, results[149].Err)
	}
}

// BenchmarkBatch makes 64 small calls in one crossing, and as many one by one.
func BenchmarkBatch(b *testing.B) {
	needKit(b)
	p := open(b, "rump", backends.Config{}).Init().(*rump.Process)
	calls, results := make([]backends.Call, 64), make([]backends.Result, 64)
	for i := range calls {
		calls[i].Num = 20
	}
	var batch, single time.Duration
	for b.Loop() {
		start := time.Now()
		p.CallAll(calls, results)
		middle := time.Now()
		for i := range calls {
			p.Call(calls[i])
		}
		batch, single = batch+middle.Sub(start), single+time.Since(middle)
	}
	n := float64(b.N * len(calls))
	b.ReportMetric(float64(batch.Nanoseconds())/n, "ns/call")
	b.ReportMetric(float64(single.Nanoseconds())/n, "ns/single")
	b.ReportMetric(float64(batch)/float64(single), "ratio")
	b.ReportMetric(0, "ns/op")
}

// TestFull: a full disk is an error, and a kernel whose memory is used up ends,
// soon and with the reason.
func TestFull(t *testing.T) {
	needKit(t)
	k := kerneltest.New(t, "rump:vfs,fs_tmpfs?mem=32m")
	p := k.Init()
	if err := p.WriteFile("/tmp/big", make([]byte, 32<<20), 0o644); !errors.Is(err, sys.ENOSPC) {
		t.Errorf("32 MiB in half of it: %v", err)
	}
	if err := p.Unlink("/tmp/big"); err != nil {
		t.Error(err)
	}
	if err := p.WriteFile("/tmp/small", make([]byte, 8<<20), 0o644); err != nil {
		t.Errorf("8 MiB after the big file was removed: %v", err)
	}
	if err := p.Mkdir("/more", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.Mount("tmpfs", "/more", "tmpfs", 0, ""); err != nil { // as large as there is memory
		t.Fatal(err)
	}
	start := time.Now()
	err := p.WriteFile("/more/big", make([]byte, 64<<20), 0o644)
	var crash *backends.PanicError
	if !errors.As(err, &crash) || !strings.Contains(crash.Reason, "out of memory: its limit is 33554432 bytes") {
		t.Errorf("64 MiB in 32 MiB: %v", err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v to find out", took)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}
