//go:build linux && (amd64 || arm64)

package sentry

import (
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/hostarch"
	"gvisor.dev/gvisor/pkg/sentry/memmap"
	"gvisor.dev/gvisor/pkg/sentry/mm"

	"github.com/anykernel/anykernel/backends"
)

// In a kernel that was opened for guests, no process reaches this program's
// memory: not those of clients, whom nobody trusts, and not the first one,
// whose memory root reads by ptrace(2) and /proc. What calls bring lies in an
// arena, one for each process, and the arena is all that is mapped besides
// what the kernel itself maps.

// An arena is memory of this program's that one process of a kernel has at
// arenaBase. It outlives the process as long as somebody holds it: the kernel's
// mappings, and the calls that memory was lent for.
type arena struct {
	mapping hostMapping
	mem     []byte

	mu    sync.Mutex
	holds int
	free  []span // in order, with something between them
}

type span struct{ off, end int }

// arenaSize bounds what the calls of a process bring at a time. Pages that
// nothing used cost nothing but addresses.
const arenaSize = 256 << 20

// arenaBase is where processes have their arenas: in the middle of the window,
// far from what the kernel puts at its ends.
func (w window) arenaBase() uintptr { return w.start + windowSize/2 }

// newArena makes an arena that its process holds.
func newArena() (*arena, error) {
	mem, err := unix.Mmap(-1, 0, arenaSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("memory for the calls of a process: %w", err)
	}
	a := &arena{mem: mem, holds: 1, free: []span{{0, arenaSize}}}
	a.mapping.file = hostMemory{present: true, arena: a}
	return a, nil
}

// hold keeps the arena. A nil arena is nobody's.
func (a *arena) hold() {
	if a != nil {
		a.mu.Lock()
		a.holds++
		a.mu.Unlock()
	}
}

// drop is the end of a hold.
func (a *arena) drop() {
	if a == nil {
		return
	}
	a.mu.Lock()
	a.holds--
	last := a.holds == 0
	a.mu.Unlock()
	if last {
		_ = unix.Munmap(a.mem)
	}
}

// arenaAlign is how the pieces of an arena are aligned.
const arenaAlign = 64

// lend takes n bytes out of the arena.
func (a *arena) lend(n int) ([]byte, error) {
	size := (n + arenaAlign - 1) &^ (arenaAlign - 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.holds == 0 {
		return nil, backends.ErrExited
	}
	for i := range a.free {
		if s := &a.free[i]; s.end-s.off >= size {
			off := s.off
			if s.off += size; s.off == s.end {
				a.free = slices.Delete(a.free, i, i+1)
			}
			a.holds++
			return a.mem[off : off+n : off+size], nil
		}
	}
	return nil, fmt.Errorf("the calls of a process have %d bytes of memory, and no %d are left", arenaSize, n)
}

// keptPages is up to which size pieces keep their pages when they come back.
const keptPages = 1 << 20

// release takes back what lend gave.
func (a *arena) release(mem []byte) {
	if cap(mem) > 0 {
		if cap(mem) > keptPages {
			// Pages that it shares with others it keeps.
			start, end := a.offset(mem), a.offset(mem)+cap(mem)
			start, end = (start+hostarch.PageSize-1)&^(hostarch.PageSize-1), end&^(hostarch.PageSize-1)
			_ = unix.Madvise(a.mem[start:end], unix.MADV_DONTNEED)
		}
		off := a.offset(mem)
		a.mu.Lock()
		a.put(span{off, off + cap(mem)})
		a.mu.Unlock()
	}
	a.drop()
}

// put adds s to the free spans.
func (a *arena) put(s span) {
	i, _ := slices.BinarySearchFunc(a.free, s, func(x, s span) int { return x.off - s.off })
	if i < len(a.free) && a.free[i].off == s.end {
		s.end = a.free[i].end
		a.free = slices.Delete(a.free, i, i+1)
	}
	if i > 0 && a.free[i-1].end == s.off {
		a.free[i-1].end = s.end
		return
	}
	a.free = slices.Insert(a.free, i, s)
}

// offset is where in the arena memory lies that was lent.
func (a *arena) offset(mem []byte) int {
	return int(uintptr(unsafe.Pointer(unsafe.SliceData(mem))) - uintptr(unsafe.Pointer(unsafe.SliceData(a.mem))))
}

// at is the n bytes at an address of the process, nil where it has none there.
func (a *arena) at(base, addr uintptr, n int) []byte {
	if off := addr - base; addr >= base && off <= arenaSize-uintptr(n) {
		return a.mem[off : off+uintptr(n)]
	}
	return nil
}

// mapInto shows the arena to a process, instead of the one that it inherited.
func (a *arena) mapInto(ctx context.Context, space *mm.MemoryManager, win window) error {
	_, err := space.MMap(ctx, memmap.MMapOpts{
		Length:          arenaSize,
		Mappable:        &a.mapping,
		MappingIdentity: &a.mapping,
		Offset:          uint64(uintptr(unsafe.Pointer(unsafe.SliceData(a.mem)))),
		Addr:            hostarch.Addr(win.arenaBase()),
		Fixed:           true,
		Unmap:           true,
		Perms:           hostarch.ReadWrite,
		MaxPerms:        hostarch.ReadWrite,
	})
	return err
}
