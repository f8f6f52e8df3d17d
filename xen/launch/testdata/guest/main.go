// Command guest is what the tests of package launch run in a guest. Its first
// argument says what to do.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/anykernel/anykernel/xen/device"
)

var tests = map[string]func(args []string){
	"hello":      func([]string) { fmt.Println("hello") },
	"exit":       exit,
	"echo":       echo,
	"addresses":  addresses,
	"env":        func(args []string) { fmt.Println(os.Getenv(args[0]), os.Args[2:]) },
	"cat":        cat,
	"list":       list,
	"runtime":    runtimeTest,
	"time":       timeTest,
	"protection": protection,
	"memory":     memory,
	"hostile":    hostile,
	"masks":      masks,
	"memfd":      memfd,
	"pipes":      pipes,
	"crash":      crash,
	"disk":       disk,
	"processors": processors,
	"hammer":     hammer,
	"storm":      storm,
	"compute":    compute,
	"speed":      speed,
	"stuck":      stuck,
	"busy":       busy,
	"random":     random,
	"auxv":       auxv,
	"oom":        oom,
	"watch":      watch,
	"suspend":    suspend,
	"terminate":  terminate,
	"sleep":      func([]string) { fmt.Println("sleeping"); time.Sleep(time.Hour) },
}

func main() {
	if len(os.Args) < 2 || tests[os.Args[1]] == nil {
		fmt.Println("no such test:", os.Args)
		os.Exit(2)
	}
	tests[os.Args[1]](os.Args[2:])
}

func check(ok bool, format string, args ...any) {
	if !ok {
		fmt.Printf("FAIL "+format+"\n", args...)
		os.Exit(1)
	}
}

func must[T any](v T, err error) T {
	check(err == nil, "%v", err)
	return v
}

func exit(args []string) { os.Exit(must(strconv.Atoi(args[0]))) }

func echo([]string) {
	s := bufio.NewScanner(os.Stdin)
	for s.Scan() && s.Text() != "end" {
		fmt.Println("got", s.Text())
	}
}

func cat(args []string) {
	for _, name := range args {
		fmt.Printf("%s: %q\n", name, must(os.ReadFile(name)))
	}
}

func list(args []string) {
	for _, e := range must(os.ReadDir(args[0])) {
		fmt.Println(e.Type(), e.Name(), must(e.Info()).Size())
	}
}

// runtimeTest: what Go's runtime asks of an operating system.
func runtimeTest([]string) {
	check(recovered(func() { var p *int; *p = 1 }) != nil, "a nil dereference did not panic")

	start := time.Now()
	for range 3 {
		go func() {
			for {
			}
		}()
	}
	time.Sleep(5 * time.Millisecond)
	fmt.Println("busy loops were preempted after", time.Since(start))

	var mu sync.Mutex
	var wg sync.WaitGroup
	total := 0
	for range 200 {
		wg.Go(func() {
			for range 10 {
				mu.Lock()
				total++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	check(total == 2000, "200 goroutines counted to %d", total)

	sums := make(chan float64)
	for range 4 {
		go func() {
			x := 0.0
			for i := range 2_000_000 {
				x += float64(i) * 0.5
			}
			sums <- x
		}()
	}
	for range 4 {
		check(<-sums == 999999500000.0, "floating point went wrong across threads")
	}

	var keep [][]byte
	for i := range 1000 {
		keep = append(keep, make([]byte, 10_000))
		if i%100 == 0 {
			keep = nil
		}
	}
	runtime.GC()
	debug.FreeOSMemory()

	locked := make(chan int)
	for range 20 {
		go func() {
			runtime.LockOSThread() // and the thread ends with the goroutine
			time.Sleep(time.Millisecond)
			locked <- syscall.Gettid()
		}()
	}
	tids := map[int]bool{}
	for range 20 {
		tids[<-locked] = true
	}
	check(len(tids) == 20, "20 locked goroutines had %d threads", len(tids))
	fmt.Println("runtime ok")
}

func recovered(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func timeTest([]string) {
	fmt.Println("unix", time.Now().Unix())
	start := time.Now()
	t := time.NewTicker(10 * time.Millisecond)
	for range 10 {
		<-t.C
	}
	fmt.Println("ten ticks of 10ms", time.Since(start).Milliseconds())

	var vdso, call syscall.Timespec
	vdso = syscall.NsecToTimespec(time.Now().UnixNano())
	_, _, e := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 0, uintptr(unsafe.Pointer(&call)), 0)
	check(e == 0, "clock_gettime: %v", e)
	d := time.Duration(call.Nano() - vdso.Nano())
	check(d >= 0 && d < 100*time.Millisecond, "the vdso's clock and the call's differ by %v", d)
	last := time.Now()
	for range 100_000 {
		now := time.Now()
		check(!now.Before(last), "time went back")
		last = now
	}
	fmt.Println("time ok")
}

var sink byte // so that the compiler keeps a read

func protection([]string) {
	debug.SetPanicOnFault(true)
	m := must(syscall.Mmap(-1, 0, 3*4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE))
	m[0], m[4096], m[8192] = 1, 2, 3
	check(syscall.Mprotect(m[4096:8192], syscall.PROT_READ) == nil, "mprotect")
	check(recovered(func() { m[4096] = 9 }) != nil, "a read-only page was written")
	check(m[4096] == 2, "a read-only page cannot be read")
	check(syscall.Mprotect(m[4096:8192], syscall.PROT_NONE) == nil, "mprotect")
	check(recovered(func() { sink = m[4096] }) != nil, "a page without any access was read")
	check(m[0] == 1 && m[8192] == 3, "its neighbours changed")
	check(syscall.Mprotect(m[4096:8192], syscall.PROT_READ|syscall.PROT_WRITE) == nil, "mprotect")
	check(m[4096] == 2, "a page lost its contents while it was hidden")
	check(syscall.Munmap(m) == nil, "munmap")
	check(recovered(func() { sink = m[0] }) != nil, "an unmapped page was read")
	code := funcAddress(must[int])
	check(recovered(func() { *(*byte)(code) = 0xc3 }) != nil, "code was written")
	fmt.Println("protection ok")
}

func funcAddress(f func(int, error) int) unsafe.Pointer {
	return **(**unsafe.Pointer)(unsafe.Pointer(&f))
}

// memory: pages that are given back can be had again, many times over.
func memory([]string) {
	const size = 16 << 20
	for range 20 {
		m := must(syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE))
		for i := 0; i < size; i += 4096 {
			check(m[i] == 0, "a new page is not zeroed")
			m[i] = 1
		}
		check(syscall.Madvise(m, syscall.MADV_DONTNEED) == nil, "madvise")
		check(m[4096] == 0, "a discarded page kept its contents")
		check(syscall.Munmap(m) == nil, "munmap")
	}
	fmt.Println("memory ok")
}

// hostile: every call with arguments that are no good, on all processors at
// once. The shim must survive, and say EFAULT or EINVAL or what it likes.
func hostile([]string) {
	var wg sync.WaitGroup
	var n atomic.Int64
	for range runtime.NumCPU() {
		wg.Go(func() {
			runtime.LockOSThread() // some calls spoil their thread, which ends here
			n.Add(int64(hostileCalls()))
		})
	}
	wg.Wait()
	fmt.Println("hostile ok after", n.Load(), "calls")
}

func hostileCalls() (n int) {
	bad := []uintptr{0, 1, 0xfff, 0x10000, 0x7fffffffefff, 0x7ffffffff000, 0x800000000000, 0xffff800000100000,
		0xffffffff80100000, ^uintptr(0), ^uintptr(0) - 4095, 0x8000000000000000}
	skip := map[uintptr]bool{15: true, 56: true, 57: true, 58: true, 60: true, 231: true, // they end the test
		0: true, 34: true, 202: true, 7: true, 271: true, 232: true, 281: true, 35: true, 230: true, // they may wait for ever
		11: true, 9: true, 10: true, 28: true, 12: true, 158: true, 131: true, 13: true, 14: true, 200: true, 234: true, 62: true, 3: true, 33: true, 292: true, 1: true, 20: true}
	for nr := range uintptr(450) {
		if skip[nr] {
			continue
		}
		for i, a := range bad {
			b := bad[(i*7+int(nr))%len(bad)]
			syscall.Syscall6(nr, a, b, a, b, a, b)
			syscall.Syscall6(nr, uintptr(i), a, b, a, b, a)
			n += 2
		}
	}
	// Pointers to nowhere, where the other arguments are right.
	for _, p := range bad[3:] {
		for _, c := range [][6]uintptr{
			{1, 1, p, 10}, {17, 3, p, 10}, {20, 1, p, 2}, {4, p, p}, {9, p, 4096, 3, 0x32}, {10, p, 4096, 3}, {11, p, 4096},
			{28, p, 4096, 4}, {13, 10, p, p, 8}, {14, 0, p, p, 8}, {131, p, p}, {228, 0, p}, {257, ^uintptr(99), p, 0},
			{202, p, 0, 0, 0}, {202, p, 1, 1}, {35, p, 0}, {233, 4, 1, 0, p}, {318, p, 100, 0}, {63, p}, {158, 0x1002, p | 1<<63},
			{0x4b00, 2, p}, {0x4b00, 3, 4096, p}, {0x4b00, 4, p, 4096, 0}, {0x4b00, 4, 0x100000, 4096, 0}, {0x4b00, 99},
		} {
			if c[0] == 9 || c[0] == 10 || c[0] == 11 || c[0] == 28 {
				if p < 0x7ffffffff000 && p > 0xffff {
					continue // may well be ours
				}
			}
			syscall.Syscall6(c[0], c[1], c[2], c[3], c[4], c[5], 0)
			n++
		}
	}
	return n
}

func crash([]string) {
	debug.SetTraceback("crash")
	var p *int
	*p = 1
}

// disk writes and reads all of disk 0, and leaves its first sector for the test.
func disk([]string) {
	devices := must(device.Open())
	d := must(devices.Disk(0))
	fmt.Println("disk", d.Size(), d.BlockSize(), d.ReadOnly())
	if d.ReadOnly() {
		b := make([]byte, 512)
		must(d.ReadAt(b, 0))
		_, err := d.WriteAt(b, 0)
		check(err != nil, "a read-only disk was written")
		fmt.Printf("disk holds %q\n", b[:5])
		return
	}
	want := make([]byte, d.Size())
	for i := range want {
		want[i] = byte(i * 7 >> 3)
	}
	must(d.WriteAt(want, 0))
	check(d.Flush() == nil, "flush")
	got := make([]byte, len(want))
	must(d.ReadAt(got, 0))
	check(bytes.Equal(got, want), "the disk does not hold what was written")
	check(d.Discard(4096, 4096) == nil, "discard")
	check(devices.Close() == nil, "close")
	fmt.Println("disk ok")
}

// speed writes and reads all of disk 0 in order, some times over, and prints
// how fast that is: with calls of 1 MiB, and of 4 KiB by 32 goroutines.
func speed([]string) {
	devices := must(device.Open())
	d := must(devices.Disk(0))
	size := d.Size()
	at := func(call int, do func([]byte, int64) (int, error)) func() {
		return func() {
			b := make([]byte, call)
			for off := int64(0); off < size; off += int64(call) {
				must(do(b, off))
			}
		}
	}
	small := func() {
		var wg sync.WaitGroup
		for i := range int64(32) {
			wg.Go(func() {
				b := make([]byte, page)
				for off := i * page; off < size; off += 32 * page {
					must(d.ReadAt(b, off))
				}
			})
		}
		wg.Wait()
	}
	for range 3 {
		fmt.Printf("write %.1f MB/s, read %.1f MB/s, small reads %.1f MB/s\n",
			rate(size, at(1<<20, d.WriteAt)), rate(size, at(1<<20, d.ReadAt)), rate(size, small))
	}
	check(devices.Close() == nil, "close")
	fmt.Println("speed ok")
}

// rate is MB in a second.
func rate(size int64, f func()) float64 {
	start := time.Now()
	f()
	return float64(size) / 1e6 / time.Since(start).Seconds()
}

// watch answers what is asked in xenstore, until that is "end".
func watch([]string) {
	const question = "data/question"
	ctx := context.Background()
	bus := must(device.OpenBus())
	w := must(bus.Store.Watch(ctx, question))
	fmt.Println("watching")
	for range w.Changed() {
		v, err := bus.Store.Now().Read(ctx, question)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		check(err == nil, "%v", err)
		if v == "end" {
			break
		}
		var a, b int
		must(fmt.Sscanf(v, "%dx%d", &a, &b))
		check(bus.Store.Now().Write(ctx, "data/answer", strconv.Itoa(a*b)) == nil, "write")
		fmt.Println("changed to", v)
	}
	check(w.Close() == nil, "close")
	fmt.Println("watch ok")
}

// terminate ends when it is asked to.
func terminate([]string) {
	must(device.OpenBus())
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	fmt.Println("waiting")
	<-asked
	fmt.Println("ends by itself")
}

// suspend uses its disk, its clock and its memory until xenstore says "end",
// whatever domain it is by then.
func suspend([]string) {
	ctx := context.Background()
	devices := must(device.Open())
	d := must(devices.Disk(0))
	store := devices.Bus.Store.Now()
	w := must(devices.Bus.Store.Watch(ctx, "data/end"))
	id := must(store.Read(ctx, "domid"))
	fmt.Println("working in domain", id)
	block, got := make([]byte, 4096), make([]byte, 4096)
	last, wall := time.Now(), time.Now().Unix()
	for i := range 1_000_000 {
		rand.Read(block)
		at := int64(i%64) * 4096
		must(d.WriteAt(block, at))
		must(d.ReadAt(got, at))
		check(bytes.Equal(block, got), "round %d: the disk does not hold what was written", i)
		now := time.Now()
		check(now.Sub(last) >= 0 && now.Sub(last) < 5*time.Minute, "round %d took %v", i, now.Sub(last))
		check(now.Unix() >= wall && now.Unix() < wall+1000, "the date went from %d to %d", wall, now.Unix())
		last, wall = now, now.Unix()
		if is := must(store.Read(ctx, "domid")); is != id {
			fmt.Println("goes on in domain", is)
			id = is
		}
		time.Sleep(5 * time.Millisecond)
		select {
		case <-w.Changed():
			if _, err := store.Read(ctx, "data/end"); err == nil {
				fmt.Println("suspend ok")
				return
			}
		default:
		}
	}
}

func oom([]string) {
	debug.SetGCPercent(-1)
	var keep [][]byte
	for {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = 1
		}
		keep = append(keep, b)
	}
}

// addresses: those of the kernel's interfaces, and its name servers.
func addresses([]string) {
	fmt.Println(must(net.InterfaceAddrs()))
	os.Stdout.Write(must(os.ReadFile("/etc/resolv.conf")))
}
