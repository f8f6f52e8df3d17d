package backends

import (
	"runtime"
	"unsafe"

	"github.com/anykernel/anykernel/sys/abi"
)

// MaxArgs is the number of arguments of the widest call of any ABI. Linux
// passes six; NetBSD up to eight.
const MaxArgs = 8

// Dir says which way memory goes between the caller and the kernel.
type Dir uint8

const (
	In    Dir = 1 << iota // the kernel reads the memory
	Out                   // the kernel writes the memory
	InOut = In | Out
)

// An Arg is one argument of a raw call: a scalar, or a piece of the caller's
// memory. The zero Arg is the scalar 0, which is also the null pointer.
type Arg struct {
	ptr unsafe.Pointer // nil for a scalar
	val uintptr        // the scalar; or the length of the memory times four, plus its Dir
}

// Int is a scalar argument. Signed values are passed sign-extended, as the
// kernel expects them in a register: Int(uintptr(fd)).
func Int(v uintptr) Arg { return Arg{val: v} }

// Mem is an argument that points to b. A nil b is the null pointer. The memory
// belongs to the kernel until the call returns.
func Mem(b []byte, d Dir) Arg {
	if b == nil {
		return Arg{}
	}
	return Arg{ptr: unsafe.Pointer(unsafe.SliceData(b)), val: uintptr(len(b))<<2 | uintptr(d&InOut)}
}

// IsMem reports whether a points to memory.
func (a *Arg) IsMem() bool { return a.ptr != nil }

// Dir is the direction of a memory argument, 0 for a scalar.
func (a *Arg) Dir() Dir {
	if a.ptr == nil {
		return 0
	}
	return Dir(a.val) & InOut
}

// Bytes is the memory of a memory argument, nil for a scalar.
func (a *Arg) Bytes() []byte {
	if a.ptr == nil {
		return nil
	}
	return unsafe.Slice((*byte)(a.ptr), a.val>>2)
}

// Word is what stands in the register of a kernel that shares the caller's
// address space: the scalar, or the address of the memory. Whoever turns an
// Arg into a Word keeps the Call alive until the kernel has answered; see
// [Call.KeepAlive].
func (a *Arg) Word() uintptr {
	if a.ptr != nil {
		return uintptr(a.ptr)
	}
	return a.val
}

// A Ref is a pointer that stands inside memory passed to the kernel, such as
// the base of an iovec. The ABI decides where it stands; Ref says what it
// points to, so that a kernel with another address space can follow it.
type Ref struct {
	// Holder is the memory that the pointer stands in: 0 to MaxArgs-1 is an
	// argument, MaxArgs+i is Refs[i] of the same call. A holder comes before
	// what it points to.
	Holder int
	// Off is the offset of the pointer in its holder, in bytes.
	Off int
	// Mem is the memory pointed to.
	Mem Arg
}

// A Call is one raw system call.
type Call struct {
	// Num is the call's number in the kernel's ABI.
	Num uintptr
	// Args are the arguments by position. A 64-bit argument that the ABI
	// pads or splits stands here as the ABI wants it.
	Args [MaxArgs]Arg
	// Refs are the pointers inside the memory of Args.
	Refs []Ref
	// Cancel interrupts the call when it is closed: the call ends as if a
	// signal had been caught, with [ErrInterrupted] if it did nothing yet. A
	// call that never blocks may ignore it. nil: cannot be interrupted.
	Cancel <-chan struct{}
}

// KeepAlive keeps the memory of c reachable up to the point where it is
// called. It costs nothing.
func (c *Call) KeepAlive() { runtime.KeepAlive(c) } // and so all that it points to

// Link stores the address of what each Ref points to in its holder, for
// kernels that share the caller's address space. It fails with EFAULT's
// cousin [ErrBadCall] where a Ref lies outside its holder.
func (c *Call) Link() error {
	return c.LinkTo(func(ref int) uintptr { return c.Refs[ref].Mem.Word() })
}

// LinkTo is Link for addresses of another address space: address tells where
// what Refs[ref] points to is.
func (c *Call) LinkTo(address func(ref int) uintptr) error {
	for i := range c.Refs {
		r := &c.Refs[i]
		holder, err := c.holder(r.Holder, i)
		if err != nil {
			return err
		}
		if r.Off < 0 || r.Off > len(holder)-abi.PointerSize {
			return &CallError{Num: c.Num, Ref: i, Reason: "pointer lies outside the memory that holds it"}
		}
		// Stored bytewise: holders need not be aligned, and the garbage
		// collector must not take the bytes for a pointer. Refs keeps the
		// memory alive.
		*(*[abi.PointerSize]byte)(holder[r.Off:]) = wordBytes(address(i))
	}
	return nil
}

func (c *Call) holder(h, before int) ([]byte, error) {
	switch {
	case h >= 0 && h < MaxArgs && c.Args[h].IsMem():
		return c.Args[h].Bytes(), nil
	case h >= MaxArgs && h-MaxArgs < before && c.Refs[h-MaxArgs].Mem.IsMem():
		return c.Refs[h-MaxArgs].Mem.Bytes(), nil
	}
	return nil, &CallError{Num: c.Num, Ref: before, Reason: "no memory holds this pointer"}
}

func wordBytes(w uintptr) [abi.PointerSize]byte {
	return *(*[abi.PointerSize]byte)(unsafe.Pointer(&w))
}
