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
		"rump:nosuchthing":        kit.DefaultDir(),
		"rump?ncpu=many":          "ncpu=many",
		"rump?ncpu=99":            "virtual CPUs",
		"rump?mem=1x":             "a size is",
		"rump?mem=1k":             "memory",
		"rump:net_sockin,netinet": "exclude each other",
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
