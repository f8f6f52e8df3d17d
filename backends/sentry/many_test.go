//go:build linux && (amd64 || arm64)

package sentry_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/sentry"
)

// use does a little of everything, so that a kernel has something to put away.
func use(t testing.TB, k *sentry.Kernel, content string) {
	t.Helper()
	s := callerOf(k.Init())
	fd := s.must(t, unix.SYS_OPENAT, num(unix.AT_FDCWD), text("/tmp/file"), num(unix.O_CREAT|unix.O_RDWR), num(0o644))
	s.must(t, unix.SYS_WRITE, fdNum(fd), in([]byte(content)), num(len(content)))
	c, _ := tcpPair(t, s)
	s.must(t, unix.SYS_WRITE, fdNum(c), in([]byte(content)), num(len(content)))
	child, err := k.Init().Fork(t.Context(), backends.CopiedDescriptors)
	if err != nil {
		t.Fatal(err)
	}
	callerOf(child).must(t, unix.SYS_GETPID)
}

func TestTwoHundredKernelsAtOnce(t *testing.T) {
	n := 200
	if testing.Short() {
		n = 40
	}
	use(t, boot(t, sentry.Options{}), "warm")
	before := measure(t)
	kernels := make([]*sentry.Kernel, n)
	for i := range kernels {
		k, err := sentry.Open(t.Context(), sentry.Options{Hostname: fmt.Sprint("box", i)}, backends.Config{})
		if err != nil {
			t.Fatalf("kernel %d: %v", i, err)
		}
		kernels[i] = k
	}
	idle := measure(t)
	t.Logf("per kernel: %d KiB RSS, %d KiB heap, %.1f goroutines, %.1f descriptors, %.1f mappings",
		(idle.rss-before.rss)/n, (idle.heap-before.heap)/n, float64(idle.goroutines-before.goroutines)/float64(n),
		float64(idle.descriptors-before.descriptors)/float64(n), float64(idle.mappings-before.mappings)/float64(n))
	if each := (idle.rss - before.rss) / n; each > 700 && !raceEnabled {
		t.Errorf("a kernel takes %d KiB of memory", each)
	}
	var wg sync.WaitGroup
	for i, k := range kernels {
		wg.Go(func() { use(t, k, fmt.Sprint("content ", i)) })
	}
	wg.Wait()
	for i, k := range kernels {
		s := callerOf(k.Init())
		var u unix.Utsname
		s.must(t, unix.SYS_UNAME, out(bytesOf(&u)))
		if got, want := unix.ByteSliceToString(u.Nodename[:]), fmt.Sprint("box", i); got != want {
			t.Errorf("kernel %d is called %q, want %q", i, got, want)
		}
		if got, want := readFile(t, s, "/tmp/file"), fmt.Sprint("content ", i); got != want {
			t.Errorf("kernel %d has %q in its file, want %q", i, got, want)
		}
	}
	for _, k := range kernels {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
	compareUsage(t, before, measure(t), n)
}

func TestBootsLeaveNothing(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 100
	}
	cycle := func() {
		k, err := sentry.Open(t.Context(), sentry.Options{}, backends.Config{})
		if err != nil {
			t.Fatal(err)
		}
		use(t, k, "content")
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		cycle()
	}
	before := measure(t)
	start := time.Now()
	for range n {
		cycle()
	}
	t.Logf("%v for a boot with use and close", time.Since(start)/time.Duration(n))
	compareUsage(t, before, measure(t), n)
}

// compareUsage fails where n kernels left something.
func compareUsage(t *testing.T, before, after usage, n int) {
	t.Helper()
	t.Logf("before %+v, after %+v", before, after)
	if after.goroutines > before.goroutines {
		t.Errorf("%d goroutines are left", after.goroutines-before.goroutines)
	}
	if after.descriptors > before.descriptors {
		t.Errorf("%d descriptors are left", after.descriptors-before.descriptors)
	}
	// The Go runtime maps memory for itself now and then.
	if after.mappings > before.mappings+16 {
		t.Errorf("%d mappings are left", after.mappings-before.mappings)
	}
	if grown := (after.heap - before.heap) / n; grown > 16 {
		t.Errorf("the heap has grown by %d KiB for each kernel", grown)
	}
}

func readFile(t testing.TB, s syscaller, name string) string {
	t.Helper()
	fd := s.must(t, unix.SYS_OPENAT, num(unix.AT_FDCWD), text(name), num(unix.O_RDONLY), num(0))
	defer s.must(t, unix.SYS_CLOSE, fdNum(fd))
	var all []byte
	for {
		buf := make([]byte, 4096)
		n := s.must(t, unix.SYS_READ, fdNum(fd), out(buf), num(len(buf)))
		if n == 0 {
			return string(all)
		}
		all = append(all, buf[:n]...)
	}
}
