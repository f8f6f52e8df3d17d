// Package shm is memory that is shared with somebody who cannot be trusted: a
// device, a backend in another domain. Numbers in it are little-endian.
//
// What is read from such memory may change at any time: read a value once,
// check what was read, and use that. Accesses to numbers are atomic, so that
// what one side publishes with Store32 is seen after all that it wrote before.
//
// What may be in this room: access to such memory. It is the one package of
// the drivers that uses unsafe.
package shm

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// A Region is a piece of shared memory. Where a method is given an offset
// outside of it, or one that is not aligned to the number's size, it panics:
// offsets come from layouts, and never from the other side.
type Region struct {
	Bytes []byte
	// Address is what the other side knows the region by, such as its
	// physical address.
	Address uint64
}

// An Allocator makes regions that are zeroed, aligned to 4096 bytes and stay
// for good.
type Allocator interface {
	Alloc(size int) (Region, error)
}

// Slice is the part of size bytes at offset off.
func (r Region) Slice(off, size int) Region {
	return Region{r.Bytes[off : off+size : off+size], r.Address + uint64(off)}
}

// pointer is the address of a number of size bytes in bounds.
func (r Region) pointer(off, size int) unsafe.Pointer {
	p := unsafe.Pointer(&r.Bytes[off : off+size][0])
	if uintptr(p)%uintptr(size) != 0 {
		panic(fmt.Sprintf("shm: %d bytes at offset %d are not aligned", size, off))
	}
	return p
}

// Load32 reads the number at off.
func (r Region) Load32(off int) uint32 {
	return atomic.LoadUint32((*uint32)(r.pointer(off, 4)))
}

// Store32 writes the number at off, after all writes before it.
func (r Region) Store32(off int, v uint32) {
	atomic.StoreUint32((*uint32)(r.pointer(off, 4)), v)
}

// Load64 reads the number at off.
func (r Region) Load64(off int) uint64 {
	return atomic.LoadUint64((*uint64)(r.pointer(off, 8)))
}

// Store64 writes the number at off, after all writes before it.
func (r Region) Store64(off int, v uint64) {
	atomic.StoreUint64((*uint64)(r.pointer(off, 8)), v)
}

// Swap64 writes the number at off and returns what was there.
func (r Region) Swap64(off int, v uint64) uint64 {
	return atomic.SwapUint64((*uint64)(r.pointer(off, 8)), v)
}

// Or64 sets bits of the number at off.
func (r Region) Or64(off int, bits uint64) {
	atomic.OrUint64((*uint64)(r.pointer(off, 8)), bits)
}

// And64 clears the bits of the number at off that bits has not.
func (r Region) And64(off int, bits uint64) {
	atomic.AndUint64((*uint64)(r.pointer(off, 8)), bits)
}

// CompareAndSwap32 writes new where the number at off is old.
func (r Region) CompareAndSwap32(off int, old, new uint32) bool {
	return atomic.CompareAndSwapUint32((*uint32)(r.pointer(off, 4)), old, new)
}

// Load16 reads the number at off, which shares a word of 4 bytes with another.
func (r Region) Load16(off int) uint16 {
	w := r.Load32(off &^ 3)
	return uint16(w >> (off & 2 * 8))
}

// Store16 writes the number at off; nobody else may write the other half of
// its word of 4 bytes at the same time.
func (r Region) Store16(off int, v uint16) {
	shift := off & 2 * 8
	w := r.Load32(off &^ 3)
	r.Store32(off&^3, w&^(0xffff<<shift)|uint32(v)<<shift)
}
