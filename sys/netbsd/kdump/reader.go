package kdump

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/anykernel/anykernel/sys/abi"
)

// A Type is what a record is about.
type Type int16

const (
	Syscall Type = 1
	Sysret  Type = 2
	Namei   Type = 3
	Genio   Type = 4
	Psig    Type = 5
	Csw     Type = 6
	Emul    Type = 7
	User    Type = 8
	ExecArg Type = 10
	ExecEnv Type = 11
	Saup    Type = 13
	Mib     Type = 14
	ExecFD  Type = 15
)

// types are the types as kdump(1) names them.
var types = map[Type]string{
	Syscall: "CALL", Sysret: "RET", Namei: "NAMI", Genio: "GIO", Psig: "PSIG", Csw: "CSW", Emul: "EMUL", User: "USER",
	ExecArg: "ARG", ExecEnv: "ENV", Saup: "SAU", Mib: "MIB", ExecFD: "FD",
}

// String is the type as kdump(1) names it.
func (t Type) String() string {
	if name, ok := types[t]; ok {
		return name
	}
	return fmt.Sprintf("TYPE %d", int16(t))
}

// A Record is one event.
type Record struct {
	Type     Type
	Version  int // of the header: 0, 1 or 2
	PID, LWP int // version 0 has no LWP
	Command  string
	Time     time.Time
	Data     []byte // as it was recorded; see Decode
	ABI      *abi.ABI
}

// MaxRecord bounds the data of one record, in bytes. The kernel writes pages.
const MaxRecord = 1 << 20

// headBytes is what a header has before the part that its version changes:
// length, type and version, process, and the command's name.
const (
	headBytes   = 32
	nameAt      = 12
	nameSize    = 17
	maxVersion  = 2
	tailOf64    = 24 // of all versions, where pointers have 8 bytes
	tailOf32    = 12 // of versions 0 and 1
	tailOf32New = 16 // of version 2
)

// A Reader reads records one after the other.
type Reader struct {
	r    io.Reader
	abi  *abi.ABI
	rec  Record
	err  error
	read int64
}

// NewReader reads what a kernel of an ABI of NetBSD recorded. It reads in small
// pieces: r should be buffered.
func NewReader(r io.Reader, a *abi.ABI) *Reader { return &Reader{r: r, abi: a} }

// Next reads the next record. It is false at the end and after an error.
func (r *Reader) Next() bool {
	if r.err != nil {
		return false
	}
	at := r.read
	if err := r.next(); err != nil {
		if err != io.EOF {
			err = fmt.Errorf("record at byte %d: %w", at, err)
		}
		r.err = err
		return false
	}
	return true
}

// Record is the record that Next read. Its data are valid until the next Next.
func (r *Reader) Record() *Record { return &r.rec }

// Err is why Next was false, nil at the end.
func (r *Reader) Err() error {
	if errors.Is(r.err, io.EOF) && !errors.Is(r.err, io.ErrUnexpectedEOF) {
		return nil
	}
	return r.err
}

func (r *Reader) next() error {
	var head [headBytes + tailOf64]byte
	if err := r.fill(head[:headBytes]); err != nil {
		return err
	}
	order := r.abi.Order
	n := int32(order.Uint32(head[0:]))
	kind, version := int16(order.Uint16(head[4:])), int16(order.Uint16(head[6:]))
	if order == abi.BigEndian {
		kind, version = version, kind
	}
	if version < 0 || version > maxVersion {
		return fmt.Errorf("its version is %d: it is no recording, or one of another machine", version)
	}
	if n < 0 || n > MaxRecord {
		return fmt.Errorf("it has %d bytes; at most %d are read", n, MaxRecord)
	}
	tail := head[headBytes : headBytes+r.tailSize(version)]
	data := r.rec.Data[:0]
	if cap(data) < int(n) {
		data = make([]byte, n)
	}
	data = data[:n]
	if err := errors.Join(r.fill(tail), r.fill(data)); err != nil {
		return fmt.Errorf("it ends early: %w", io.ErrUnexpectedEOF)
	}
	r.rec = Record{
		Type: Type(kind), Version: int(version), PID: int(int32(order.Uint32(head[8:]))),
		Command: text(head[nameAt : nameAt+nameSize]), Data: data, ABI: r.abi,
	}
	r.rec.setTime(tail)
	return nil
}

func (r *Reader) fill(b []byte) error {
	n, err := io.ReadFull(r.r, b)
	r.read += int64(n)
	return err
}

func (r *Reader) tailSize(version int16) int {
	switch {
	case r.abi.PointerSize == 8:
		return tailOf64
	case version < maxVersion:
		return tailOf32
	}
	return tailOf32New
}

// setTime reads a time in seconds and, of version 0, microseconds, of others
// nanoseconds, and of those the LWP. Only version 2 has seconds of 64 bits.
func (r *Record) setTime(tail []byte) {
	order := r.ABI.Order
	word := func(off, size int) int64 { return abi.Field{Offset: off, Size: size, Signed: true}.Int(tail, order) }
	long := r.ABI.PointerSize
	sec, at := word(0, 4), long
	if r.Version == maxVersion {
		sec, at = word(0, 8), 8
	}
	fraction := word(at, long)
	if r.Version == 0 {
		fraction *= 1000
	} else {
		r.LWP = int(word(at+long, 4))
	}
	r.Time = time.Unix(sec, fraction)
}

// text is what is before the first NUL.
func text(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
