package abi

import (
	"encoding/binary"
	"math/bits"
)

// Uint reads the field in b, which holds the structure. It is the zero value
// where b ends before the field does or the field is no integer of 1, 2, 4 or
// 8 bytes. A signed field is extended by its sign, so that int64(f.Uint(…))
// is its value; see [Field.Int].
func (f Field) Uint(b []byte, order ByteOrder) uint64 {
	// Not f.In: to hand on all of f would copy it.
	if !inside(f.Offset, f.Size, len(b)) {
		return 0
	}
	b = b[f.Offset:]
	var v uint64
	switch f.Size {
	case 8:
		v = binary.LittleEndian.Uint64(b)
	case 4:
		v = uint64(binary.LittleEndian.Uint32(b)) << 32
	case 2:
		v = uint64(binary.LittleEndian.Uint16(b)) << 48
	case 1:
		v = uint64(b[0]) << 56
	default:
		return 0
	}
	// The integer stands in the high bits, so that one shift extends it.
	unused := uint(64-8*f.Size) & 63
	if order == BigEndian {
		v = bits.ReverseBytes64(v) << unused
	}
	if f.Signed {
		return uint64(int64(v) >> unused)
	}
	return v >> unused
}

// Int reads the field as [Field.Uint] does, for fields that may be negative.
func (f Field) Int(b []byte, order ByteOrder) int64 { return int64(f.Uint(b, order)) }

// PutUint writes v to the field in b, which holds the structure. It reports
// whether it did: b must hold all of the field, the field must be an integer
// of 1, 2, 4 or 8 bytes, and v must fit it. Where it returns false b is
// unchanged.
func (f Field) PutUint(b []byte, order ByteOrder, v uint64) bool {
	if !inside(f.Offset, f.Size, len(b)) || !fits(v, f.Size, f.Signed) {
		return false
	}
	b = b[f.Offset:]
	switch f.Size {
	case 8:
		order.PutUint64(b, v)
	case 4:
		order.PutUint32(b, uint32(v))
	case 2:
		order.PutUint16(b, uint16(v))
	case 1:
		b[0] = byte(v)
	default:
		return false
	}
	return true
}

// PutInt writes v to the field as [Field.PutUint] does. A negative v goes into
// an unsigned field as its two's complement, as C assigns it.
func (f Field) PutInt(b []byte, order ByteOrder, v int64) bool {
	if v < 0 && !f.Signed && f.Size > 0 && f.Size < 8 && v >= -1<<(8*f.Size-1) {
		return f.PutUint(b, order, uint64(v)&(1<<(8*f.Size)-1))
	}
	return f.PutUint(b, order, uint64(v))
}

// fits reports whether v loses nothing in a field. Numbers that fit an unsigned
// field of that size fit a signed one too: C programs store flags in an int.
func fits(v uint64, size int, signed bool) bool {
	if size >= 8 {
		return true
	}
	if size < 1 {
		return false
	}
	bits := 8 * size
	return v>>bits == 0 || signed && int64(v) < 0 && int64(v) >= -1<<(bits-1)
}

// In reports whether b is long enough to hold the field.
func (f Field) In(b []byte) bool { return inside(f.Offset, f.Size, len(b)) }

func inside(offset, size, length int) bool {
	return offset >= 0 && size >= 0 && offset <= length && size <= length-offset
}

// Bytes is the part of b that is the field, nil where b ends before it does.
// It shares b's memory.
func (f Field) Bytes(b []byte) []byte {
	if !f.In(b) {
		return nil
	}
	return b[f.Offset : f.Offset+f.Size : f.Offset+f.Size]
}

// Text is the text in a field that is an array of characters: up to its
// first NUL, or all of it where there is none.
func (f Field) Text(b []byte) string {
	b = f.Bytes(b)
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
