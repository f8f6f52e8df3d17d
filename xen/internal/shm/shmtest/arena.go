// Package shmtest is memory that both sides of a test share: a driver's, and
// that of the device or back end that the test plays.
package shmtest

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

// Base is the address of the first byte of an arena.
const Base = 0x40000000

// An Arena is an shm.Allocator.
type Arena struct {
	mu   sync.Mutex
	all  shm.Region
	used int
}

// New is an arena of a size in bytes.
func New(size int) *Arena {
	words := make([]uint64, size/8)
	return &Arena{all: shm.Region{Bytes: unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), size), Address: Base}}
}

// Alloc makes a region.
func (a *Arena) Alloc(size int) (shm.Region, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	size = (size + 4095) &^ 4095
	if size > len(a.all.Bytes)-a.used {
		return shm.Region{}, fmt.Errorf("the arena is full")
	}
	a.used += size
	return a.all.Slice(a.used-size, size), nil
}

// At is the memory at an address that a driver told.
func (a *Arena) At(address uint64, size int) shm.Region { return a.all.Slice(int(address-Base), size) }

// Used is all that was allocated.
func (a *Arena) Used() shm.Region { return a.all.Slice(0, a.used) }

// Fill allocates what is left.
func (a *Arena) Fill() { a.used = len(a.all.Bytes) }
