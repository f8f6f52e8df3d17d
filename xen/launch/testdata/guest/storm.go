package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	stormPages  = 64
	stormShared = 16 // pages of the file
)

// storm changes mappings at random on all processors, while others use them:
// every access works or faults, the shim survives, and no memory is lost.
func storm(args []string) {
	seconds := time.Duration(must(strconv.Atoi(args[0]))) * time.Second
	fd := must(unix.MemfdCreate("storm", 0))
	arena := must(unix.MmapPtr(-1, 0, nil, stormPages*page, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE))
	round(fd, arena, time.Second/4) // what the runtime needs, it has by then
	before := freeMemory()
	used := round(fd, arena, seconds)
	after := freeMemory()
	fmt.Printf("%d operations; %d KiB free before, %d after\n", used, before>>10, after>>10)
	check(after+4<<20 > before, "%d KiB were lost", (before-after)>>10)
	fmt.Println("storm ok")
}

// round lets it rage, and gives everything back. It returns the number of operations.
func round(fd int, arena unsafe.Pointer, d time.Duration) int {
	var wg sync.WaitGroup
	var mu sync.Mutex
	end, total := time.Now().Add(d), 0
	for range 2 * runtime.NumCPU() {
		wg.Go(func() {
			runtime.LockOSThread()
			debug.SetPanicOnFault(true)
			n := 0
			for ; time.Now().Before(end); n++ {
				recovered(func() { stormOne(fd, arena) })
			}
			mu.Lock()
			total += n
			mu.Unlock()
		})
	}
	wg.Wait()
	must(unix.MmapPtr(-1, 0, arena, stormPages*page, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_FIXED))
	check(unix.Ftruncate(fd, 0) == nil, "ftruncate")
	debug.FreeOSMemory()
	return total
}

// stormOne does one thing somewhere. Errors and faults are no failures.
func stormOne(fd int, arena unsafe.Pointer) {
	first := rand.IntN(stormPages)
	n := 1 + rand.IntN(min(8, stormPages-first))
	at := unsafe.Add(arena, first*page)
	size := uintptr(n * page)
	prot := []int{unix.PROT_NONE, unix.PROT_READ, unix.PROT_READ | unix.PROT_WRITE, unix.PROT_READ | unix.PROT_WRITE}[rand.IntN(4)]
	switch rand.IntN(10) {
	case 0, 1:
		unix.MmapPtr(-1, 0, at, size, prot, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_FIXED)
	case 2:
		unix.MmapPtr(fd, int64(rand.IntN(stormShared)*page), at, size, prot, unix.MAP_SHARED|unix.MAP_FIXED)
	case 3:
		syscall.Syscall(syscall.SYS_MPROTECT, uintptr(at), size, uintptr(prot))
	case 4:
		syscall.Syscall(syscall.SYS_MADVISE, uintptr(at), size, unix.MADV_DONTNEED)
	case 5:
		unix.Ftruncate(fd, int64(rand.IntN(stormShared+1)*page))
	case 6: // the shim touches it
		syscall.Syscall6(syscall.SYS_PREAD64, uintptr(fd), uintptr(at), size, 0, 0, 0)
	case 7:
		syscall.Syscall6(syscall.SYS_PWRITE64, uintptr(fd), uintptr(at), size, 0, 0, 0)
	default:
		for i := range n {
			p := (*byte)(unsafe.Add(at, i*page+rand.IntN(page)))
			*p += byte(i)
		}
	}
}

func freeMemory() uint64 {
	var s unix.Sysinfo_t
	check(unix.Sysinfo(&s) == nil, "sysinfo")
	return uint64(s.Freeram) * uint64(s.Unit)
}
