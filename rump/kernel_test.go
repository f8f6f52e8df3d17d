//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/anykernel/anykernel/hypercall/rumpuser"
	"github.com/anykernel/anykernel/rump/kit"
)

// needKit skips a test that needs NetBSD's libraries where there are none.
func needKit(t testing.TB) {
	t.Helper()
	if err := kit.Present(kit.DefaultDir()); err != nil {
		t.Skipf("%v (remedy: %s)", err, kit.Remedy)
	}
}

func boot(t testing.TB, components ...string) *Kernel {
	t.Helper()
	k, err := tryBoot(components...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return k
}

func tryBoot(components ...string) (*Kernel, error) {
	return Boot(Config{Components: components})
}

// call makes a system call with scalars and memory that lies on the heap.
func call(p *Process, num uintptr, args ...any) (uintptr, int, error) {
	l, err := p.LWP()
	if err != nil {
		return 0, 0, err
	}
	defer p.Return(l)
	a := l.Args()
	*a = [8]uintptr{}
	for i, v := range args {
		switch v := v.(type) {
		case int:
			a[i] = uintptr(v)
		case string:
			b := append([]byte(v), 0)
			a[i] = uintptr(unsafe.Pointer(&b[0]))
			defer runtime.KeepAlive(b)
		case []byte:
			a[i] = uintptr(unsafe.Pointer(&v[0]))
			defer runtime.KeepAlive(v)
		}
	}
	r, _, errno, err := l.Syscall(num)
	return r, errno, err
}

// Calls of NetBSD that the tests make.
const (
	sysRead  = 3
	sysWrite = 4
	sysOpen  = 5
	sysPipe  = 42
	sysMkdir = 136
	sysPoll  = 209
)

func TestBoot(t *testing.T) {
	needKit(t)
	for _, components := range [][]string{{}, {"vfs", "tmpfs", "ffs"}, {"netinet", "virtif"}} {
		t.Run(strings.Join(components, ","), func(t *testing.T) {
			k := boot(t, components...)
			if pid, errno, err := call(k.Init(), sysGetpid); pid != 1 || errno != 0 || err != nil {
				t.Errorf("getpid: %d, error %d, %v", pid, errno, err)
			}
		})
	}
}

func TestUnknownComponent(t *testing.T) {
	needKit(t)
	_, err := tryBoot("nosuchthing")
	var e *kit.NameError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), kit.DefaultDir()) {
		t.Errorf("boot of a component that is not there: %v", err)
	}
}

// TestIndependent makes a mark in each of many kernels and finds in each its
// own.
func TestIndependent(t *testing.T) {
	needKit(t)
	const n = 20
	var kernels [n]*Kernel
	var wg sync.WaitGroup
	for i := range kernels {
		wg.Go(func() {
			k, err := tryBoot("vfs", "tmpfs")
			if err != nil {
				t.Error(err)
				return
			}
			kernels[i] = k
			if _, errno, err := call(k.Init(), sysMkdir, fmt.Sprintf("/mark%d", i), 0o755); errno != 0 || err != nil {
				t.Errorf("mkdir: error %d, %v", errno, err)
			}
		})
	}
	wg.Wait()
	for i, k := range kernels {
		if k == nil {
			continue
		}
		for j := range kernels {
			_, errno, err := call(k.Init(), sysOpen, fmt.Sprintf("/mark%d", j), 0)
			if err != nil || (errno == 0) != (i == j) {
				t.Errorf("mark %d in kernel %d: error %d, %v", j, i, errno, err)
			}
		}
	}
	for _, k := range kernels {
		if k != nil {
			wg.Go(func() { k.Close() })
		}
	}
	wg.Wait()
}

// resources is what this process has of the host.
func resources(t *testing.T) (threads, mappings, files int) {
	for _, d := range []struct {
		dir string
		n   *int
	}{{"/proc/self/task", &threads}, {"/proc/self/fd", &files}} {
		list, err := os.ReadDir(d.dir)
		if err != nil {
			t.Skip(err)
		}
		*d.n = len(list)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip(err)
	}
	return threads, bytes.Count(maps, []byte("\n")), files
}

func TestCloseGivesEverythingBack(t *testing.T) {
	needKit(t)
	rounds := 1000
	if testing.Short() {
		rounds = 30
	}
	cycle := func() {
		k, err := tryBoot("vfs", "tmpfs", "netinet")
		if err != nil {
			t.Fatal(err)
		}
		call(k.Init(), sysMkdir, "/x", 0o755)
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		cycle()
	}
	runtime.GC()
	threads, mappings, files := resources(t)
	for range rounds {
		cycle()
	}
	runtime.GC()
	threads2, mappings2, files2 := resources(t)
	// Go's runtime keeps a few threads and arenas of its own.
	if threads2 > threads+4 || mappings2 > mappings+12 || files2 > files+1 {
		t.Errorf("%d boots: threads %d to %d, mappings %d to %d, files %d to %d",
			rounds, threads, threads2, mappings, mappings2, files, files2)
	}
}

func TestPanicEndsOneKernel(t *testing.T) {
	needKit(t)
	const n, victim = 8, 3
	var kernels [n]*Kernel
	for i := range kernels {
		kernels[i] = boot(t, "vfs", "tmpfs")
	}
	stop := make(chan struct{})
	var calls [n]atomic.Int64
	var load, blocked sync.WaitGroup
	for i, k := range kernels {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, _, err := call(k.Init(), sysGetpid); err != nil {
					if i != victim {
						t.Errorf("kernel %d: %v", i, err)
					}
					return
				}
				calls[i].Add(1)
			}
		})
	}
	ended := make(chan error, 4)
	for range cap(ended) {
		blocked.Go(func() {
			_, _, err := call(kernels[victim].Init(), sysPoll, 0, 0, -1)
			ended <- err
		})
	}
	time.Sleep(20 * time.Millisecond)
	crash(t, kernels[victim])
	blocked.Wait()
	close(ended)
	for err := range ended {
		if !errors.Is(err, rumpuser.ErrEnded) {
			t.Errorf("a blocked call in the kernel that panicked: %v", err)
		}
	}
	select {
	case <-kernels[victim].Ended():
	case <-time.After(5 * time.Second):
		t.Fatal("Ended is not closed after a panic")
	}
	var e *CrashError
	if err := kernels[victim].Err(); !errors.As(err, &e) || e.Reason != "on purpose" || !bytes.Contains(e.Console, []byte("on purpose")) {
		t.Errorf("the error after a panic is %v", err)
	}
	var before [n]int64
	for i := range calls {
		before[i] = calls[i].Load()
	}
	for i := range kernels {
		for deadline := time.Now().Add(5 * time.Second); i != victim && calls[i].Load() <= before[i]; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("kernel %d stands still since another one panicked", i)
				break
			}
		}
	}
	close(stop)
	load.Wait()
}

// crash makes a kernel panic.
func crash(t *testing.T, k *Kernel) {
	l, err := k.Init().LWP()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Init().Return(l)
	text := []byte("on purpose\x00")
	if _, err := l.Invoke(k.Symbol("rumpns_panic"), uintptr(unsafe.Pointer(&text[0]))); !errors.Is(err, rumpuser.ErrEnded) {
		t.Errorf("panic returned, %v", err)
	}
	runtime.KeepAlive(text)
}

func TestFaultEndsTheKernel(t *testing.T) {
	needKit(t)
	k := boot(t)
	l, err := k.Init().LWP()
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Invoke(k.Symbol("rumpns_strlen"), 8)
	k.Init().Return(l)
	if !errors.Is(err, rumpuser.ErrEnded) {
		t.Fatalf("strlen of address 8: %v", err)
	}
	var e *CrashError
	if err := k.Err(); !errors.As(err, &e) || !strings.Contains(e.Reason, "strlen") || !strings.Contains(e.Reason, "0x8") {
		t.Errorf("the error after a fault is %v", err)
	}
	// Go's own handling of bad addresses is as it was.
	defer func() {
		if recover() == nil {
			t.Error("Go does not see its own fault")
		}
	}()
	var p *int
	_ = *p
}

func TestBadAddress(t *testing.T) {
	needKit(t)
	k := boot(t, "vfs")
	const efault = 14
	if _, errno, err := call(k.Init(), sysMkdir, 8, 0o755); errno != efault || err != nil {
		t.Errorf("mkdir of address 8: error %d, %v, want EFAULT", errno, err)
	}
	if _, errno, err := call(k.Init(), sysPipe, 0); errno != 0 || err != nil {
		t.Fatalf("pipe: error %d, %v", errno, err)
	}
}

// TestGarbage makes every call that the kernel has with arguments that are no
// addresses, descriptors or sizes. It may say what it likes, and must live.
func TestGarbage(t *testing.T) {
	needKit(t)
	step := uintptr(1)
	if testing.Short() {
		step = 16
	}
	k := boot(t, "vfs", "tmpfs", "netinet", "local")
	calls := k.Calls()
	if len(calls) < 100 {
		t.Fatalf("the kernel has %d calls", len(calls))
	}
	for n := uintptr(0); n < uintptr(len(calls)); n += step {
		if calls[n] == sysReboot {
			continue
		}
		// A kernel each: a call may close or bind what the next would use.
		k := boot(t, "vfs", "tmpfs", "netinet", "local")
		done := make(chan struct{})
		go func() {
			defer close(done)
			call(k.Init(), calls[n], 8, 8, 8, 8, 8, 8)
			call(k.Init(), calls[n], 0, 16, 24, 32, -1, -1)
			call(k.Init(), calls[n], -1, -1, -1, -1, -1, -1)
		}()
		select {
		case <-done:
		case <-time.After(100 * time.Millisecond): // it waits for something: Close ends that
		}
		if err := k.Err(); err != nil {
			t.Errorf("call %d: %v", calls[n], err)
		}
		if err := k.Close(); err != nil {
			t.Errorf("call %d: close: %v", calls[n], err)
		}
		<-done
	}
}

func TestInterrupt(t *testing.T) {
	needKit(t)
	const eintr = 4
	k := boot(t)
	for _, timeout := range []int{-1, 60000} {
		l, err := k.Init().LWP()
		if err != nil {
			t.Fatal(err)
		}
		*l.Args() = [8]uintptr{0, 0, uintptr(timeout)}
		timer := time.AfterFunc(10*time.Millisecond, l.Interrupt)
		start := time.Now()
		if _, _, errno, err := l.Syscall(sysPoll); errno != eintr || err != nil || time.Since(start) > 10*time.Second {
			t.Errorf("poll with timeout %d that was interrupted: error %d, %v after %v", timeout, errno, err, time.Since(start))
		}
		timer.Stop()
		l.Uninterrupt()
		k.Init().Return(l)
	}
}

func TestFork(t *testing.T) {
	needKit(t)
	k := boot(t, "vfs")
	const ebadf = 9
	fd, errno, err := call(k.Init(), sysOpen, "/dev/zero", 0)
	if errno != 0 || err != nil {
		t.Fatalf("open: error %d, %v", errno, err)
	}
	for _, tc := range []struct {
		clean, shared bool
		want          int
	}{{want: 0}, {clean: true, want: ebadf}, {shared: true, want: 0}} {
		p, err := k.Init().Fork(tc.clean, tc.shared)
		if err != nil {
			t.Fatal(err)
		}
		if pid, _, _ := call(p, sysGetpid); int(pid) != p.ID() || p.ID() <= 1 {
			t.Errorf("the child is %d and says %d", p.ID(), pid)
		}
		if _, errno, err := call(p, sysRead, int(fd), make([]byte, 8), 8); errno != tc.want || err != nil {
			t.Errorf("clean %v, shared %v: read of the parent's file: error %d, %v", tc.clean, tc.shared, errno, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if _, _, err := call(p, sysGetpid); !errors.Is(err, ErrExited) {
			t.Errorf("a call for a process that has ended: %v", err)
		}
	}
}

// TestManyCallers has more goroutines in one kernel than it has CPUs, on pipes
// that make each of them wait for another.
func TestManyCallers(t *testing.T) {
	needKit(t)
	for _, cpus := range []int{1, 2, 4} {
		t.Run(strconv.Itoa(cpus), func(t *testing.T) {
			k, err := Boot(Config{Components: []string{"vfs"}, CPUs: cpus})
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			const pairs, rounds = 8, 200
			var wg sync.WaitGroup
			for range pairs {
				there, back := pipe(t, k), pipe(t, k)
				wg.Go(func() { pingPong(t, k, there[1], back[0], rounds, true) })
				wg.Go(func() { pingPong(t, k, back[1], there[0], rounds, false) })
			}
			wg.Wait()
		})
	}
}

func pipe(t *testing.T, k *Kernel) [2]int {
	l, err := k.Init().LWP()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Init().Return(l)
	r, w, errno, err := l.Syscall(sysPipe)
	if errno != 0 || err != nil {
		t.Fatalf("pipe: error %d, %v", errno, err)
	}
	return [2]int{int(r), int(w)}
}

func pingPong(t *testing.T, k *Kernel, out, in, rounds int, first bool) {
	buf := make([]byte, 1)
	for i := range rounds {
		if first || i > 0 {
			if n, errno, err := call(k.Init(), sysWrite, out, buf, 1); n != 1 || errno != 0 || err != nil {
				t.Errorf("write: %d, error %d, %v", n, errno, err)
				return
			}
		}
		if n, errno, err := call(k.Init(), sysRead, in, buf, 1); n != 1 || errno != 0 || err != nil {
			t.Errorf("read: %d, error %d, %v", n, errno, err)
			return
		}
	}
	if !first {
		call(k.Init(), sysWrite, out, buf, 1)
	}
}

func BenchmarkGetpid(b *testing.B) {
	needKit(b)
	k := boot(b)
	l, err := k.Init().LWP()
	if err != nil {
		b.Fatal(err)
	}
	defer k.Init().Return(l)
	for b.Loop() {
		l.Syscall(sysGetpid)
	}
}

// bootSets are the kernels whose boot and size is measured.
var bootSets = [][]string{{}, {"vfs", "tmpfs", "ffs"}, {"netinet", "virtif"}}

// BenchmarkBoot reports the median of boots.
func BenchmarkBoot(b *testing.B) {
	needKit(b)
	for _, components := range bootSets {
		b.Run(strings.Join(append([]string{"rump"}, components...), ","), func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				start := time.Now()
				k, err := tryBoot(components...)
				if err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(start))
				k.Close()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(median(times).Microseconds())/1000, "ms")
		})
	}
}
