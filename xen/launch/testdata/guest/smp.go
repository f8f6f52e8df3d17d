package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
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
)

// processors checks that there are as many as the argument says, and that
// threads run on all of them.
func processors(args []string) {
	n := must(strconv.Atoi(args[0]))
	check(runtime.NumCPU() == n && runtime.GOMAXPROCS(0) == n, "%d processors, GOMAXPROCS %d, want %d", runtime.NumCPU(), runtime.GOMAXPROCS(0), n)
	var seen atomic.Uint32
	var wg sync.WaitGroup
	all, end := uint32(1)<<n-1, time.Now().Add(time.Minute)
	for range n {
		wg.Go(func() {
			runtime.LockOSThread()
			for seen.Load() != all && time.Now().Before(end) { // nobody gives way
				seen.Or(1 << getcpu())
			}
		})
	}
	wg.Wait()
	check(seen.Load() == all, "%d threads ran on processors %b, want %b", n, seen.Load(), all)
	fmt.Println("processors ok")
}

func getcpu() uint32 {
	var cpu uint32
	_, _, e := syscall.RawSyscall(309, uintptr(unsafe.Pointer(&cpu)), 0, 0)
	check(e == 0, "getcpu: %v", e)
	return cpu
}

// hammer uses everything at once that processors have in common, for as many
// seconds as the argument says, and checks sums.
func hammer(args []string) {
	end := time.Now().Add(time.Duration(must(strconv.Atoi(args[0]))) * time.Second)
	on := func() bool { return time.Now().Before(end) }
	debug.SetGCPercent(20)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
	counts := make([]atomic.Int64, len(hammers))
	var wg sync.WaitGroup
	for i, h := range hammers {
		for range 2 {
			wg.Go(func() {
				for first := true; first || on(); first = false {
					h.f()
					counts[i].Add(1)
				}
			})
		}
	}
	wg.Wait()
	for i, h := range hammers {
		fmt.Println(h.name, counts[i].Load())
		check(counts[i].Load() >= 2, "%s had no turn", h.name)
	}
	fmt.Println("hammer ok")
}

var hammers = []struct {
	name string
	f    func()
}{
	{"channels", hammerChannels},
	{"mutexes", hammerMutexes},
	{"mappings", hammerMappings},
	{"protection", hammerProtection},
	{"shared mapping", hammerShared},
	{"garbage", hammerGarbage},
	{"threads", hammerThreads},
	{"pipes", hammerPipes},
	{"timers", hammerTimers},
	{"signals", hammerSignals},
	{"floats", hammerFloats},
}

func hammerChannels() {
	c, sum := make(chan int), make(chan int)
	for range 3 {
		go func() {
			s := 0
			for v := range c {
				s += v
			}
			sum <- s
		}()
	}
	for i := range 1000 {
		c <- i
	}
	close(c)
	total := <-sum + <-sum + <-sum
	check(total == 499500, "channels carried %d", total)
}

func hammerMutexes() {
	var mu sync.Mutex
	var wg sync.WaitGroup
	n := 0
	for range 4 {
		wg.Go(func() {
			runtime.LockOSThread() // so that it waits by a futex of its own
			for range 200 {
				mu.Lock()
				n++
				yield := n%7 == 0
				mu.Unlock()
				if yield {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	check(n == 800, "a mutex let %d through, of 800", n)
}

// hammerMappings: a page that was given back is not seen again, by whoever
// touched it, on whatever processor.
func hammerMappings() {
	const size = 64 * 4096
	m := must(syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE))
	var wg sync.WaitGroup
	mark := byte(rand.IntN(255) + 1)
	for part := range 4 {
		wg.Go(func() {
			for i := part * 4096; i < size; i += 4 * 4096 {
				check(m[i] == 0, "a new page holds %d", m[i])
				m[i], m[i+4095] = mark, mark
			}
		})
	}
	wg.Wait()
	for i := 0; i < size; i += 4096 {
		check(m[i] == mark && m[i+4095] == mark, "a page holds %d and %d, want %d", m[i], m[i+4095], mark)
	}
	check(syscall.Madvise(m, syscall.MADV_DONTNEED) == nil, "madvise")
	for part := range 2 {
		wg.Go(func() {
			for i := part * 4096; i < size; i += 2 * 4096 {
				check(m[i] == 0 && m[i+4095] == 0, "a page that was given back holds %d", m[i])
			}
		})
	}
	wg.Wait()
	check(syscall.Munmap(m) == nil, "munmap")
}

// hammerProtection: when mprotect has returned, no processor writes any more.
func hammerProtection() {
	m := must(syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE))
	word := (*atomic.Uint64)(unsafe.Pointer(&m[0]))
	var writing, stopped sync.WaitGroup
	for range 2 {
		writing.Add(1)
		stopped.Go(func() {
			debug.SetPanicOnFault(true)
			started := false
			defer func() {
				check(recover() != nil, "a writer ended by itself")
				if !started {
					writing.Done()
				}
			}()
			for {
				word.Add(1)
				if !started {
					started = true
					writing.Done()
				}
			}
		})
	}
	writing.Wait()
	check(syscall.Mprotect(m, syscall.PROT_READ) == nil, "mprotect")
	before := word.Load()
	for range 1000 {
		check(word.Load() == before, "a page was written after mprotect")
	}
	stopped.Wait()
	check(syscall.Munmap(m) == nil, "munmap")
}

// hammerShared: a file's pages that were cut off are nobody's any more.
func hammerShared() {
	name := []byte("shared\x00")
	fd, _, e := syscall.Syscall(319, uintptr(unsafe.Pointer(&name[0])), 0, 0) // memfd_create
	if e == syscall.EMFILE || e == syscall.ENFILE {
		return
	}
	check(e == 0, "memfd_create: %v", e)
	defer syscall.Close(int(fd))
	const size = 8 * 4096
	check(syscall.Ftruncate(int(fd), size) == nil, "ftruncate")
	a := must(syscall.Mmap(int(fd), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED))
	b := must(syscall.Mmap(int(fd), 0, size, syscall.PROT_READ, syscall.MAP_SHARED))
	var wg sync.WaitGroup
	for part := range 2 {
		wg.Go(func() {
			for i := part; i < size; i += 2 {
				a[i] = byte(i)
			}
		})
	}
	wg.Wait()
	for i := range size {
		check(b[i] == byte(i), "byte %d of a shared mapping is %d", i, b[i])
	}
	check(syscall.Ftruncate(int(fd), 0) == nil && syscall.Ftruncate(int(fd), size) == nil, "ftruncate")
	for i := range size {
		check(a[i] == 0 && b[i] == 0, "byte %d is back: %d", i, b[i])
	}
	check(syscall.Munmap(a) == nil && syscall.Munmap(b) == nil, "munmap")
}

func hammerGarbage() {
	type node struct {
		next *node
		data [40]byte
	}
	var list *node
	for i := range 2000 {
		list = &node{next: list}
		list.data[i%40] = byte(i)
	}
	n := 0
	for at := list; at != nil; at = at.next {
		n++
		i := 2000 - n
		check(at.data[i%40] == byte(i), "node %d holds %d", i, at.data[i%40])
	}
	check(n == 2000, "a list of 2000 has %d", n)
	if rand.IntN(20) == 0 {
		debug.FreeOSMemory()
	}
}

func hammerThreads() {
	done := make(chan int)
	for i := range 5 {
		go func() {
			runtime.LockOSThread() // and the thread ends with the goroutine
			done <- i
		}()
	}
	sum := 0
	for range 5 {
		sum += <-done
	}
	check(sum == 10, "threads gave %d", sum)
}

func hammerPipes() {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], 0); err != nil {
		return // others have all there are
	}
	sent := make([]byte, 100_000)
	for i := range sent {
		sent[i] = byte(rand.Uint32())
	}
	go func() {
		for b := sent; len(b) > 0; {
			b = b[must(syscall.Write(fds[1], b)):]
		}
		syscall.Close(fds[1])
	}()
	h := sha256.New()
	for b := make([]byte, 7000); ; {
		n := must(syscall.Read(fds[0], b))
		if n == 0 {
			break
		}
		h.Write(b[:n])
	}
	syscall.Close(fds[0])
	check([32]byte(h.Sum(nil)) == sha256.Sum256(sent), "a pipe changed what went through it")
}

func hammerTimers() {
	start := time.Now()
	time.Sleep(time.Millisecond)
	check(time.Since(start) >= time.Millisecond, "a sleep of 1ms took %v", time.Since(start))
	select {
	case <-time.After(2 * time.Millisecond):
	case <-make(chan int):
	}
}

// hammerSignals sends a signal to a thread that computes, and one to itself.
func hammerSignals() {
	tid := make(chan int)
	var stop atomic.Bool
	done := make(chan bool)
	go func() {
		runtime.LockOSThread()
		tid <- syscall.Gettid()
		for !stop.Load() {
		}
		done <- true
	}()
	t := <-tid
	runtime.LockOSThread() // or another goroutine may end the thread in between
	defer runtime.UnlockOSThread()
	for range 20 {
		check(errors.Join(tgkill(t), tgkill(syscall.Gettid())) == nil, "tgkill")
	}
	stop.Store(true)
	<-done
}

func hammerFloats() {
	x := 0.0
	for i := range 200_000 {
		x += float64(i) * 0.5
	}
	check(x == 9999950000, "floating point went wrong: %v", x)
}

// compute measures a loop on one processor, and on as many as the argument
// says: the best of six times each, because others use the machine, too.
func compute(args []string) {
	n := must(strconv.Atoi(args[0]))
	one, many := work(1), work(n)
	for range 5 {
		one, many = min(one, work(1)), min(many, work(n))
	}
	fmt.Printf("compute %d %d\n", one.Microseconds(), many.Microseconds())
}

// work has one loop made by each of n threads, and gives the time of all.
func work(n int) time.Duration {
	start := time.Now()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			x := uint64(88172645463325252)
			for range 60_000_000 {
				x ^= x << 13
				x ^= x >> 7
				x ^= x << 17
			}
			check(x != 0, "xorshift gave 0")
		})
	}
	wg.Wait()
	return time.Since(start)
}
