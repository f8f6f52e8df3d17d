package sysproxy

import "math"

// A Dir says which way memory goes: as in package backends.
type Dir uint8

const (
	In    Dir = 1 // from the client to the kernel
	Out   Dir = 2 // from the kernel to the client
	InOut     = In | Out
)

// MaxRefs bounds the pointers inside the memory of a call. NetBSD and Linux
// take vectors of 1024 elements, and messages with a few more pointers.
const MaxRefs = 8 << 10

// align is how each piece of memory of a call is aligned.
const align = 16

// A Call is a system call with its memory: what its arguments point to, and
// what that memory points to in turn. It is laid out, without gaps but for
// alignment, in one area of memory at the server, which knows where; no address
// goes over the wire. The bytes of all pieces that go in follow the Call, in
// order.
//
//	u64 × 8  arguments: the value, or the length of the memory
//	u32      two bits for each argument: its Dir, 0 for a value; bit 16: Interruptible
//	u32      number of Refs
//	16 × …   Refs: u16 holder, u16 Dir, u32 offset, u64 length
//
// The answer is a Result, whose error is one of the kernel's, or one of those
// below; then for each piece that goes out, in order, a u32 with the number of
// its first bytes that the kernel may have written, and these bytes; or for
// AnswerText, a text.
type Call struct {
	Args          [MaxArgs]uint64
	Dirs          [MaxArgs]Dir
	Interruptible bool
	Refs          []Ref
}

// A Ref is a pointer inside the memory of a call.
type Ref struct {
	Holder uint16 // the argument that the pointer stands in, or MaxArgs plus the Ref
	Dir    Dir
	Off    uint32 // where it stands there
	Len    uint64 // of what it points to
}

// What a server answers to a Call where the kernel did not.
const (
	AnswerInterrupted int32 = -1 - iota
	AnswerExited
	AnswerClosed
	AnswerNotSupported
	AnswerText // another error: its text follows
)

const (
	callSize     = 72
	refSize      = 16
	interruptBit = 1 << 16
)

// Size is the size of c on the wire, without the memory.
func (c *Call) Size() int { return callSize + refSize*len(c.Refs) }

// Append writes c behind b.
func (c *Call) Append(b []byte) []byte {
	flags := uint32(0)
	for i, a := range c.Args {
		b = order.AppendUint64(b, a)
		flags |= uint32(c.Dirs[i]&InOut) << (2 * i)
	}
	if c.Interruptible {
		flags |= interruptBit
	}
	b = order.AppendUint32(b, flags)
	b = order.AppendUint32(b, uint32(len(c.Refs)))
	for _, r := range c.Refs {
		b = order.AppendUint16(b, r.Holder)
		b = order.AppendUint16(b, uint16(r.Dir))
		b = order.AppendUint32(b, r.Off)
		b = order.AppendUint64(b, r.Len)
	}
	return b
}

// Read reads a Call from a message. The slice of c's Refs is used again.
func (c *Call) Read(r *Conn) error {
	b, err := r.Peek(callSize)
	if err != nil {
		return err
	}
	for i := range c.Args {
		c.Args[i] = order.Uint64(b[8*i:])
	}
	flags, n := order.Uint32(b[64:]), order.Uint32(b[68:])
	if flags >= 2*interruptBit || n > MaxRefs {
		return ErrMalformed
	}
	for i := range c.Dirs {
		c.Dirs[i] = Dir(flags>>(2*i)) & InOut
	}
	c.Interruptible = flags&interruptBit != 0
	r.Skip(callSize)
	c.Refs = c.Refs[:0]
	for range n {
		if b, err = r.Peek(refSize); err != nil {
			return err
		}
		ref := Ref{Holder: order.Uint16(b), Off: order.Uint32(b[4:]), Len: order.Uint64(b[8:])}
		dir := order.Uint16(b[2:])
		if dir == 0 || dir > uint16(InOut) || int(ref.Holder) >= MaxArgs+len(c.Refs) {
			return ErrMalformed
		}
		ref.Dir = Dir(dir)
		c.Refs = append(c.Refs, ref)
		r.Skip(refSize)
	}
	return nil
}

// Sizes is the size of the area that c needs, and how many bytes of it come
// with the call and go back. It fails where the area is larger than max.
func (c *Call) Sizes(max int) (area, in, out int, err error) {
	sum := uint64(0)
	for p := range c.pieces {
		if p.n > uint64(max) || p.n > math.MaxUint32 {
			return 0, 0, 0, ErrNoMemory
		}
		sum += (p.n + align - 1) &^ (align - 1)
		if sum > uint64(max) {
			return 0, 0, 0, ErrNoMemory
		}
		if p.dir&In != 0 {
			in += int(p.n)
		}
		if p.dir&Out != 0 {
			out += int(p.n)
		}
	}
	return int(sum), in, out, nil
}

type piece struct {
	index int // of the argument, or MaxArgs plus that of the Ref
	dir   Dir
	n     uint64
}

func (c *Call) pieces(yield func(piece) bool) {
	for i, d := range c.Dirs {
		if d != 0 && !yield(piece{i, d, c.Args[i]}) {
			return
		}
	}
	for i, r := range c.Refs {
		if !yield(piece{MaxArgs + i, r.Dir, r.Len}) {
			return
		}
	}
}

// A Piece is where a piece of memory of a call is in the area.
type Piece struct {
	Index    int // of the argument, or MaxArgs plus that of the Ref
	Dir      Dir
	Off, End int
}

// Pieces is the pieces of memory of c in order. Sizes has found that they fit.
func (c *Call) Pieces(yield func(Piece) bool) {
	off := 0
	for p := range c.pieces {
		if !yield(Piece{p.index, p.dir, off, off + int(p.n)}) {
			return
		}
		off += (int(p.n) + align - 1) &^ (align - 1)
	}
}

// CountSize is the size of the count before the bytes of a piece that goes
// back.
const CountSize = 4

// PutCount writes a count.
func PutCount(b []byte, n int) { order.PutUint32(b, uint32(n)) }

// ParseCount reads a count, which is at most max.
func ParseCount(b []byte, max int) (int, error) {
	n := order.Uint32(b)
	if uint64(n) > uint64(max) {
		return 0, ErrMalformed
	}
	return int(n), nil
}
