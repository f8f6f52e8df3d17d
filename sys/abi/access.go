package abi

// Uint reads the field in b, which holds the structure. It is the zero value
// where b ends before the field does or the field is no integer of 1, 2, 4 or
// 8 bytes. A signed field is extended by its sign, so that int64(f.Uint(…))
// is its value; see [Field.Int].
func (f Field) Uint(b []byte, order ByteOrder) uint64 {
	if !f.In(b) {
		return 0
	}
	b = b[f.Offset:]
	var v uint64
	switch f.Size {
	case 8:
		return order.Uint64(b)
	case 4:
		v = uint64(order.Uint32(b))
	case 2:
		v = uint64(order.Uint16(b))
	case 1:
		v = uint64(b[0])
	default:
		return 0
	}
	if f.Signed {
		unused := 64 - 8*f.Size
		v = uint64(int64(v<<unused) >> unused)
	}
	return v
}

// Int reads the field as [Field.Uint] does, for fields that may be negative.
func (f Field) Int(b []byte, order ByteOrder) int64 { return int64(f.Uint(b, order)) }

// PutUint writes v to the field in b, which holds the structure. It reports
// whether it did: b must hold all of the field, the field must be an integer
// of 1, 2, 4 or 8 bytes, and v must fit it. Where it returns false b is
// unchanged.
func (f Field) PutUint(b []byte, order ByteOrder, v uint64) bool {
	if !f.In(b) || !f.fits(v) {
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

// fits reports whether v loses nothing in the field. Numbers that fit an
// unsigned field of that size fit a signed one too: C programs store flags in
// an int.
func (f Field) fits(v uint64) bool {
	if f.Size >= 8 {
		return true
	}
	if f.Size < 1 {
		return false
	}
	bits := 8 * f.Size
	return v>>bits == 0 || f.Signed && int64(v) < 0 && int64(v) >= -1<<(bits-1)
}

// In reports whether b is long enough to hold the field.
func (f Field) In(b []byte) bool {
	return f.Offset >= 0 && f.Size >= 0 && f.Offset <= len(b) && f.Size <= len(b)-f.Offset
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
