//go:build cgo && linux && (amd64 || arm64)

package rumpuser

// #include <stdlib.h>
// #include "rumpuser.h"
import "C"

import (
	"runtime/cgo"
	"sync/atomic"
	"unsafe"
)

// GuestMemory is the memory of a process that is not in this address space,
// where its calls do not bring theirs. Errors are NetBSD's numbers, 0 for
// none. The methods but Raise may block, and are called while a call of the
// process is under way.
type GuestMemory interface {
	// CopyIn reads len(p) bytes at an address.
	CopyIn(p []byte, addr uint64) (errno int)
	// CopyInString reads up to and with a NUL, or until p is full.
	CopyInString(p []byte, addr uint64) (n, errno int)
	// CopyOut writes p at an address.
	CopyOut(addr uint64, p []byte) (errno int)
	// Map gives the process size bytes of new memory.
	Map(size uint64) (addr uint64, errno int)
	// Raise is told of a signal to the process. The kernel holds locks: it
	// must not block.
	Raise(signal int)
	// Halt is told that a call of the process halts the kernel, and will not
	// return.
	Halt()
}

// A Guest is the host side of a process whose memory is not in this address
// space. It lives as long as the process.
type Guest struct {
	handle cgo.Handle
	memory atomic.Pointer[GuestMemory]
}

// NewGuest makes a guest without memory. It is given back by Free.
func NewGuest() *Guest {
	g := &Guest{}
	g.handle = cgo.NewHandle(g)
	return g
}

// Free gives back a guest whose process is gone.
func (g *Guest) Free() { g.handle.Delete() }

// SetMemory says where calls that bring no memory find theirs. nil: nowhere.
func (g *Guest) SetMemory(m GuestMemory) {
	if m == nil {
		g.memory.Store(nil)
		return
	}
	g.memory.Store(&m)
}

// SetGuest makes a thread one of a guest's process.
func (t *Thread) SetGuest(g *Guest) { t.c.guest = C.uintptr_t(g.handle) }

// SetArea is the memory that the next call of a guest's thread brings: from
// start up to end. The call reaches nothing else. Where end is 0, it has the
// guest's.
func (t *Thread) SetArea(start, end uintptr) {
	t.c.area, t.c.area_end, t.c.touched = C.uintptr_t(start), C.uintptr_t(end), C.uintptr_t(start)
}

// Touched is the end of what the kernel wrote of the area.
func (t *Thread) Touched() uintptr { return uintptr(t.c.touched) }

// ForkGuest makes the process of a guest, a child of that of the thread's LWP,
// or of the first one where the thread has none. The child's first LWP is the
// thread's afterwards. It returns the kernel's error number, 0 for none.
func (t *Thread) ForkGuest(g *Guest, flags int, name string) (errno int, err error) {
	text, free := cString(name)
	defer free()
	return t.Invoke(uintptr(C.hyp_rfork), uintptr(g.handle), uintptr(flags), text)
}

// Exec tells the kernel that the process, of which the thread is the only one,
// runs another program: descriptors that say so are closed.
func (t *Thread) Exec(name string) error {
	text, free := cString(name)
	defer free()
	_, err := t.Invoke(uintptr(C.hyp_exec), text)
	return err
}

// cString is a string for C, the null pointer for "".
func cString(s string) (p uintptr, free func()) {
	if s == "" {
		return 0, func() {}
	}
	c := C.CString(s)
	return uintptr(unsafe.Pointer(c)), func() { C.free(unsafe.Pointer(c)) }
}

// What a kernel asks of a guest, in the order of enum what.
const (
	askCopyIn = iota
	askCopyInString
	askCopyOut
	askMap
	askRaise
	askHalt
)

//export goGuest
func goGuest(handle C.uintptr_t, what C.int, addr *C.uintptr_t, buf unsafe.Pointer, size *C.size_t) C.int {
	p := cgo.Handle(handle).Value().(*Guest).memory.Load()
	if p == nil {
		return efault
	}
	m := *p
	switch what {
	case askCopyIn:
		return C.int(m.CopyIn(unsafe.Slice((*byte)(buf), *size), uint64(*addr)))
	case askCopyInString:
		n, errno := m.CopyInString(unsafe.Slice((*byte)(buf), *size), uint64(*addr))
		*size = C.size_t(n)
		return C.int(errno)
	case askCopyOut:
		return C.int(m.CopyOut(uint64(*addr), unsafe.Slice((*byte)(buf), *size)))
	case askMap:
		a, errno := m.Map(uint64(*size))
		*addr = C.uintptr_t(a)
		return C.int(errno)
	case askRaise:
		m.Raise(int(*size))
	case askHalt:
		m.Halt()
	}
	return 0
}
