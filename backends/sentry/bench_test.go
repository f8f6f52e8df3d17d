//go:build linux && (amd64 || arm64)

package sentry_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/sentry"
)

// The benchmarks here measure this kernel beside the host's, in turns, and
// report the ratio of the medians as "x-host": below 1 is faster than the host
// for times, above 1 for throughput. "x-host-cpu" is the ratio of the CPU time
// that the process took, which says more on a machine that is busy with other
// things.

// A syscaller makes Linux calls: the host's by x/sys, or a kernel's.
type syscaller func(nr uintptr, args ...backends.Arg) (uintptr, error)

func hostCall(nr uintptr, args ...backends.Arg) (uintptr, error) {
	var a [6]uintptr
	for i := range args {
		a[i] = args[i].Word()
	}
	r, _, e := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	keep(args)
	if e != 0 {
		return 0, e
	}
	return r, nil
}

//go:noinline
func keep([]backends.Arg) {}

func callerOf(p backends.Process) syscaller {
	return func(nr uintptr, args ...backends.Arg) (uintptr, error) {
		c := backends.Call{Num: nr}
		copy(c.Args[:], args)
		r, _, err := p.Call(c)
		return r, err
	}
}

func (s syscaller) must(b testing.TB, nr uintptr, args ...backends.Arg) uintptr {
	b.Helper()
	r, err := s(nr, args...)
	if err != nil {
		b.Fatalf("call %d: %v", nr, err)
	}
	return r
}

func num(v int) backends.Arg        { return backends.Int(uintptr(v)) }
func in(p []byte) backends.Arg      { return backends.Mem(p, backends.In) }
func out(p []byte) backends.Arg     { return backends.Mem(p, backends.Out) }
func text(s string) backends.Arg    { return in(append([]byte(s), 0)) }
func fdNum(fd uintptr) backends.Arg { return backends.Int(fd) }

func bytesOf[T any](p *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p))
}

// A sample is what some operations took.
type sample struct{ wall, cpu []float64 }

func (s *sample) take(b testing.TB, f func()) {
	start, cpu := time.Now(), cpuTime(b)
	f()
	s.wall = append(s.wall, float64(time.Since(start)))
	s.cpu = append(s.cpu, float64(cpuTime(b)-cpu))
}

// inTurns runs both in turns.
func inTurns(b *testing.B, host, kernel func()) (h, k sample) {
	host()
	kernel()
	for b.Loop() {
		h.take(b, host)
		k.take(b, kernel)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(k.cpu)/max(1, median(h.cpu)), "x-host-cpu")
	return h, k
}

// compare reports the time of one operation of a batch.
func compare(b *testing.B, batch int, host, kernel func()) {
	b.Helper()
	many := func(f func()) func() {
		return func() {
			for range batch {
				f()
			}
		}
	}
	h, k := inTurns(b, many(host), many(kernel))
	hm, km := median(h.wall)/float64(batch), median(k.wall)/float64(batch)
	b.ReportMetric(hm, "host-ns")
	b.ReportMetric(km, "sentry-ns")
	b.ReportMetric(km/hm, "x-host")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func bootBench(b *testing.B) *sentry.Kernel {
	b.Helper()
	k, err := sentry.Open(b.Context(), sentry.Options{}, backends.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { k.Close() })
	return k
}

func BenchmarkGetpid(b *testing.B) {
	s := callerOf(bootBench(b).Init())
	// getppid, because C libraries and people expect getpid to be cached.
	compare(b, 2000, func() { hostCall(unix.SYS_GETPPID) }, func() { s(unix.SYS_GETPPID) })
}

// scratchFile is a file on the host's memory file system, and one in /tmp.
func scratchFiles(b *testing.B, s syscaller) (hostName, name string) {
	dir := "/dev/shm"
	if unix.Access(dir, unix.W_OK) != nil {
		dir = b.TempDir()
	}
	hostName = filepath.Join(dir, fmt.Sprintf("anykernel-bench-%d", unix.Getpid()))
	b.Cleanup(func() { unix.Unlink(hostName) })
	name = "/tmp/bench"
	for _, f := range []struct {
		call syscaller
		name string
	}{{hostCall, hostName}, {s, name}} {
		fd := f.call.must(b, unix.SYS_OPENAT, num(unix.AT_FDCWD), text(f.name), num(unix.O_CREAT|unix.O_RDWR), num(0o644))
		f.call.must(b, unix.SYS_CLOSE, fdNum(fd))
	}
	return hostName, name
}

func open(b *testing.B, s syscaller, name string) uintptr {
	return s.must(b, unix.SYS_OPENAT, num(unix.AT_FDCWD), text(name), num(unix.O_RDWR), num(0))
}

func benchmarkReadWrite(b *testing.B, size int) {
	s := callerOf(bootBench(b).Init())
	hostName, name := scratchFiles(b, s)
	pair := func(call syscaller, name string) func() {
		fd := open(b, call, name)
		buf := make([]byte, size)
		return func() {
			call(unix.SYS_PWRITE64, fdNum(fd), in(buf), num(size), num(0))
			call(unix.SYS_PREAD64, fdNum(fd), out(buf), num(size), num(0))
		}
	}
	compare(b, max(1, 4<<20/(size+4096)), pair(hostCall, hostName), pair(s, name))
}

func BenchmarkReadWrite64(b *testing.B) { benchmarkReadWrite(b, 64) }
func BenchmarkReadWrite4K(b *testing.B) { benchmarkReadWrite(b, 4<<10) }
func BenchmarkReadWrite1M(b *testing.B) { benchmarkReadWrite(b, 1<<20) }

func BenchmarkStat(b *testing.B) {
	s := callerOf(bootBench(b).Init())
	hostName, name := scratchFiles(b, s)
	stat := func(call syscaller, name string) func() {
		path, st := text(name), out(bytesOf(new(unix.Stat_t)))
		return func() { call(unix.SYS_NEWFSTATAT, num(unix.AT_FDCWD), path, st, num(0)) }
	}
	compare(b, 1000, stat(hostCall, hostName), stat(s, name))
}

func BenchmarkOpenClose(b *testing.B) {
	s := callerOf(bootBench(b).Init())
	hostName, name := scratchFiles(b, s)
	cycle := func(call syscaller, name string) func() {
		path := text(name)
		return func() {
			fd, _ := call(unix.SYS_OPENAT, num(unix.AT_FDCWD), path, num(unix.O_RDWR), num(0))
			call(unix.SYS_CLOSE, fdNum(fd))
		}
	}
	compare(b, 1000, cycle(hostCall, hostName), cycle(s, name))
}

func BenchmarkPipe(b *testing.B) {
	s := callerOf(bootBench(b).Init())
	cycle := func(call syscaller) func() {
		var fds [2]int32
		call.must(b, unix.SYS_PIPE2, out(bytesOf(&fds)), num(0))
		buf := make([]byte, 1)
		return func() {
			call(unix.SYS_WRITE, num(int(fds[1])), in(buf), num(1))
			call(unix.SYS_READ, num(int(fds[0])), out(buf), num(1))
		}
	}
	compare(b, 1000, cycle(hostCall), cycle(s))
}

// tcpPair is a connection over the loopback interface.
func tcpPair(b testing.TB, call syscaller) (client, server uintptr) {
	addr := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte{127, 0, 0, 1}}
	l := call.must(b, unix.SYS_SOCKET, num(unix.AF_INET), num(unix.SOCK_STREAM), num(0))
	call.must(b, unix.SYS_BIND, fdNum(l), in(bytesOf(&addr)), num(16))
	call.must(b, unix.SYS_LISTEN, fdNum(l), num(8))
	size := uint32(16)
	call.must(b, unix.SYS_GETSOCKNAME, fdNum(l), out(bytesOf(&addr)), backends.Mem(bytesOf(&size), backends.InOut))
	client = call.must(b, unix.SYS_SOCKET, num(unix.AF_INET), num(unix.SOCK_STREAM), num(0))
	call.must(b, unix.SYS_CONNECT, fdNum(client), in(bytesOf(&addr)), num(16))
	server = call.must(b, unix.SYS_ACCEPT4, fdNum(l), num(0), num(0), num(0))
	call.must(b, unix.SYS_CLOSE, fdNum(l))
	return client, server
}

// sendAll sends total bytes in writes of chunk through a new connection.
func sendAll(b *testing.B, call syscaller, chunk, total int) {
	c, s := tcpPair(b, call)
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 256<<10)
		for {
			if n, err := call(unix.SYS_READ, fdNum(s), out(buf), num(len(buf))); n == 0 || err != nil {
				break
			}
		}
		call(unix.SYS_CLOSE, fdNum(s))
	})
	buf := make([]byte, chunk)
	for sent := 0; sent < total; {
		sent += int(call.must(b, unix.SYS_WRITE, fdNum(c), in(buf), num(chunk)))
	}
	call.must(b, unix.SYS_CLOSE, fdNum(c))
	wg.Wait()
}

func benchmarkTCP(b *testing.B, chunk, total int) {
	s := callerOf(bootBench(b).Init())
	h, k := inTurns(b, func() { sendAll(b, hostCall, chunk, total) }, func() { sendAll(b, s, chunk, total) })
	rate := func(ns float64) float64 { return float64(total) / 1e6 / (ns / 1e9) }
	hm, km := rate(median(h.wall)), rate(median(k.wall))
	b.ReportMetric(hm, "host-MB/s")
	b.ReportMetric(km, "sentry-MB/s")
	b.ReportMetric(km/hm, "x-host")
}

func BenchmarkTCP64K(b *testing.B) { benchmarkTCP(b, 64<<10, 128<<20) }
func BenchmarkTCP1K(b *testing.B)  { benchmarkTCP(b, 1<<10, 16<<20) }

// tripOf is one byte there and back through a new connection.
func tripOf(b *testing.B, call syscaller) func() {
	c, s := tcpPair(b, call)
	one := uint32(1)
	for _, fd := range []uintptr{c, s} {
		call.must(b, unix.SYS_SETSOCKOPT, fdNum(fd), num(unix.IPPROTO_TCP), num(unix.TCP_NODELAY), in(bytesOf(&one)), num(4))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1)
		for {
			if n, err := call(unix.SYS_READ, fdNum(s), out(buf), num(1)); n == 0 || err != nil {
				return
			}
			call(unix.SYS_WRITE, fdNum(s), in(buf), num(1))
		}
	}()
	b.Cleanup(func() { call(unix.SYS_CLOSE, fdNum(c)); <-done })
	buf := make([]byte, 1)
	return func() {
		call(unix.SYS_WRITE, fdNum(c), in(buf), num(1))
		call(unix.SYS_READ, fdNum(c), out(buf), num(1))
	}
}

func BenchmarkTCPRoundTrip(b *testing.B) {
	call := callerOf(bootBench(b).Init())
	compare(b, 200, tripOf(b, hostCall), tripOf(b, call))
}

func BenchmarkBoot(b *testing.B) {
	var times []float64
	for b.Loop() {
		start := time.Now()
		k, err := sentry.Open(b.Context(), sentry.Options{}, backends.Config{})
		if err != nil {
			b.Fatal(err)
		}
		times = append(times, float64(time.Since(start).Microseconds()))
		if err := k.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(median(times), "boot-µs")
}
