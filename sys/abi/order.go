package abi

import "encoding/binary"

// A ByteOrder is the order of the bytes of an integer in memory. It is a
// [binary.ByteOrder] that is known when a program is linked.
type ByteOrder bool

// The byte orders.
const (
	LittleEndian ByteOrder = false
	BigEndian    ByteOrder = true
)

var _ interface {
	binary.ByteOrder
	binary.AppendByteOrder
} = LittleEndian

// Uint16 is the integer in the first 2 bytes of b.
func (o ByteOrder) Uint16(b []byte) uint16 {
	if o == BigEndian {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

// Uint32 is the integer in the first 4 bytes of b.
func (o ByteOrder) Uint32(b []byte) uint32 {
	if o == BigEndian {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

// Uint64 is the integer in the first 8 bytes of b.
func (o ByteOrder) Uint64(b []byte) uint64 {
	if o == BigEndian {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

// PutUint16 writes v into the first 2 bytes of b.
func (o ByteOrder) PutUint16(b []byte, v uint16) {
	if o == BigEndian {
		binary.BigEndian.PutUint16(b, v)
		return
	}
	binary.LittleEndian.PutUint16(b, v)
}

// PutUint32 writes v into the first 4 bytes of b.
func (o ByteOrder) PutUint32(b []byte, v uint32) {
	if o == BigEndian {
		binary.BigEndian.PutUint32(b, v)
		return
	}
	binary.LittleEndian.PutUint32(b, v)
}

// PutUint64 writes v into the first 8 bytes of b.
func (o ByteOrder) PutUint64(b []byte, v uint64) {
	if o == BigEndian {
		binary.BigEndian.PutUint64(b, v)
		return
	}
	binary.LittleEndian.PutUint64(b, v)
}

// AppendUint16 appends the 2 bytes of v to b.
func (o ByteOrder) AppendUint16(b []byte, v uint16) []byte {
	if o == BigEndian {
		return binary.BigEndian.AppendUint16(b, v)
	}
	return binary.LittleEndian.AppendUint16(b, v)
}

// AppendUint32 appends the 4 bytes of v to b.
func (o ByteOrder) AppendUint32(b []byte, v uint32) []byte {
	if o == BigEndian {
		return binary.BigEndian.AppendUint32(b, v)
	}
	return binary.LittleEndian.AppendUint32(b, v)
}

// AppendUint64 appends the 8 bytes of v to b.
func (o ByteOrder) AppendUint64(b []byte, v uint64) []byte {
	if o == BigEndian {
		return binary.BigEndian.AppendUint64(b, v)
	}
	return binary.LittleEndian.AppendUint64(b, v)
}

// String is "little-endian" or "big-endian".
func (o ByteOrder) String() string {
	if o == BigEndian {
		return "big-endian"
	}
	return "little-endian"
}
