package abi_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/anykernel/anykernel/sys/abi"
)

func TestFieldUint(t *testing.T) {
	b := []byte{0xff, 0x80, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0xfe}
	for _, c := range []struct {
		field       abi.Field
		little, big int64
	}{
		{abi.Field{Offset: 1, Size: 1}, 0x80, 0x80},
		{abi.Field{Offset: 1, Size: 1, Signed: true}, -128, -128},
		{abi.Field{Offset: 0, Size: 2}, 0x80ff, 0xff80},
		{abi.Field{Offset: 0, Size: 2, Signed: true}, -0x7f01, -0x80},
		{abi.Field{Offset: 1, Size: 4}, 0x03020180, 0x80010203},
		{abi.Field{Offset: 1, Size: 4, Signed: true}, 0x03020180, -0x7ffefdfd},
		{abi.Field{Offset: 1, Size: 8}, 0x0605040302_0180 | -2<<56, math.MinInt64 | 0x01020304_0506fe},
		{abi.Field{Offset: 0, Size: 3}, 0, 0},                // no integer
		{abi.Field{Offset: 2, Size: 8}, 0, 0},                // ends behind the buffer
		{abi.Field{Offset: 10, Size: 1}, 0, 0},               // begins there
		{abi.Field{Offset: -1, Size: 1}, 0, 0},               // before it
		{abi.Field{Offset: 1, Size: math.MaxInt}, 0, 0},      // overflows
		{abi.Field{Offset: math.MaxInt, Size: 1}, 0, 0},      // overflows
		{abi.Field{Offset: math.MaxInt - 1, Size: 8}, 0, 0},  // overflows
		{abi.Field{Offset: 0, Size: 0, Signed: true}, 0, 0},  // empty
		{abi.Field{Offset: 0, Size: -1, Signed: true}, 0, 0}, // nonsense
	} {
		if got := c.field.Int(b, abi.LittleEndian); got != c.little {
			t.Errorf("%+v little-endian: %#x, want %#x", c.field, got, c.little)
		}
		if got := c.field.Int(b, abi.BigEndian); got != c.big {
			t.Errorf("%+v big-endian: %#x, want %#x", c.field, got, c.big)
		}
	}
}

func TestFieldPut(t *testing.T) {
	for _, c := range []struct {
		field abi.Field
		v     int64
		ok    bool
		want  int64 // as read back
	}{
		{abi.Field{Offset: 3, Size: 1}, 255, true, 255},
		{abi.Field{Offset: 3, Size: 1}, 256, false, 0},
		{abi.Field{Offset: 3, Size: 1}, -1, true, 255},
		{abi.Field{Offset: 3, Size: 1}, -129, false, 0},
		{abi.Field{Offset: 3, Size: 1, Signed: true}, -128, true, -128},
		{abi.Field{Offset: 3, Size: 1, Signed: true}, -129, false, 0},
		{abi.Field{Offset: 3, Size: 1, Signed: true}, 200, true, -56},
		{abi.Field{Offset: 2, Size: 2}, 65535, true, 65535},
		{abi.Field{Offset: 2, Size: 2}, 65536, false, 0},
		{abi.Field{Offset: 0, Size: 4, Signed: true}, math.MinInt32, true, math.MinInt32},
		{abi.Field{Offset: 0, Size: 4, Signed: true}, math.MinInt32 - 1, false, 0},
		{abi.Field{Offset: 0, Size: 4}, math.MaxUint32, true, math.MaxUint32},
		{abi.Field{Offset: 1, Size: 4}, 1, false, 0},
		{abi.Field{Offset: 0, Size: 3}, 1, false, 0},
	} {
		for _, order := range []abi.ByteOrder{abi.LittleEndian, abi.BigEndian} {
			b := make([]byte, 4)
			if ok := c.field.PutInt(b, order, c.v); ok != c.ok {
				t.Errorf("%+v %v: put %d: %v, want %v", c.field, order, c.v, ok, c.ok)
			}
			if got := c.field.Int(b, order); c.ok && got != c.want {
				t.Errorf("%+v %v: put %d, read %d, want %d", c.field, order, c.v, got, c.want)
			}
			if !c.ok && !bytes.Equal(b, make([]byte, 4)) {
				t.Errorf("%+v %v: a refused write changed the buffer to %x", c.field, order, b)
			}
		}
	}
}

func TestFieldBytes(t *testing.T) {
	b := []byte("..abc\x00def")
	f := abi.Field{Offset: 2, Size: 5}
	if got := f.Text(b); got != "abc" {
		t.Errorf("text %q", got)
	}
	if got := f.Bytes(b); string(got) != "abc\x00d" || cap(got) != 5 {
		t.Errorf("bytes %q, capacity %d", got, cap(got))
	}
	if got := f.Bytes(b[:6]); got != nil {
		t.Errorf("bytes of a short buffer: %q", got)
	}
	if got := (abi.Field{Offset: 0, Size: 4}).Text(b); got != "..ab" {
		t.Errorf("text without NUL %q", got)
	}
}

func TestFieldNoAllocation(t *testing.T) {
	b := make([]byte, 16)
	f := abi.Field{Offset: 8, Size: 4, Signed: true}
	if n := testing.AllocsPerRun(100, func() { f.PutInt(b, abi.BigEndian, f.Int(b, abi.BigEndian)-1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzField: no field and no buffer make an accessor panic, and what was
// written is read back.
func FuzzField(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), 4, 8, true, false, int64(-1))
	f.Add([]byte{}, -1, math.MaxInt, false, true, int64(1)<<40)
	f.Fuzz(func(t *testing.T, b []byte, offset, size int, signed, big bool, v int64) {
		field := abi.Field{Offset: offset, Size: size, Signed: signed}
		order := abi.ByteOrder(big)
		field.Text(b)
		before := bytes.Clone(b)
		if !field.PutInt(b, order, v) {
			if !bytes.Equal(b, before) {
				t.Fatalf("%+v: a refused write changed the buffer", field)
			}
			return
		}
		if got := field.Int(b, order); uint64(got^v)<<(64-8*size) != 0 {
			t.Fatalf("%+v: wrote %#x, read %#x", field, v, got)
		}
	})
}

func BenchmarkFieldUint(b *testing.B) {
	buf := make([]byte, 144)
	f := abi.Field{Offset: 48, Size: 8, Signed: true}
	for b.Loop() {
		f.Uint(buf, abi.LittleEndian)
	}
}

func BenchmarkFieldUintPlain(b *testing.B) {
	buf := make([]byte, 144)
	for b.Loop() {
		binary.LittleEndian.Uint64(buf[48:])
	}
}
