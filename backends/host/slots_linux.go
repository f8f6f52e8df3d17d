//go:build amd64 || arm64

package host

import (
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// slots is the memory of LWPs: outside of Go's heap, because it is used by
// threads that Go does not know, and mapped in arenas, because LWPs come and
// go. A slot is zero when it is handed out, but for what its stack left.
type slots struct {
	mu     sync.Mutex
	arenas [][]byte
	free   []*block
	// dying is the slots of LWPs that were told to exit. Each is free when
	// its state is stateDead.
	dying []*block
}

// arenaSlots makes an arena 2 MiB. Pages that no LWP touches cost nothing.
const arenaSlots = 64

func (s *slots) get() (*block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	if len(s.free) == 0 {
		if err := s.grow(); err != nil {
			return nil, err
		}
	}
	last := len(s.free) - 1
	b := s.free[last]
	s.free = s.free[:last]
	*b = block{state: stateIdle}
	return b, nil
}

func (s *slots) grow() error {
	arena, err := unix.Mmap(-1, 0, arenaSlots*slotSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("memory for a thread: %w", err)
	}
	s.arenas = append(s.arenas, arena)
	for i := range arenaSlots {
		s.free = append(s.free, (*block)(unsafe.Pointer(&arena[i*slotSize])))
	}
	return nil
}

// put takes back the slot of an LWP that is dead or about to die. It is not
// used again before the kernel has cleared the LWP's word: otherwise that
// would be taken for the death of the next one. Where the maker of an LWP died
// while it made it, nobody knows whether there is one; if there is none, the
// slot stays unused.
func (s *slots) put(b *block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dying = append(s.dying, b)
}

func (s *slots) sweep() {
	s.dying = slices.DeleteFunc(s.dying, func(b *block) bool {
		dead := b.load() == stateDead
		if dead {
			s.free = append(s.free, b)
		}
		return dead
	})
}

// unmap gives back all memory. Every LWP has been told to exit.
func (s *slots) unmap() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.dying {
		b.wait()
	}
	for _, arena := range s.arenas {
		_ = unix.Munmap(arena)
	}
	s.arenas, s.free, s.dying = nil, nil, nil
}

// stack is the address where the LWP's stack begins, growing down.
func (b *block) stack() uintptr { return uintptr(unsafe.Pointer(b)) + slotSize }

func (b *block) addr() uintptr { return uintptr(unsafe.Pointer(b)) }

func (b *block) pidfdAddr() uintptr { return uintptr(unsafe.Pointer(&b.pidfd)) }
