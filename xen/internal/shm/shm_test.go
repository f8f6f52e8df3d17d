package shm

import (
	"bytes"
	"testing"
	"unsafe"
)

// region is 64 bytes that are aligned.
func region() Region {
	words := make([]uint64, 8)
	return Region{Bytes: unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 64), Address: 0x1000}
}

func TestNumbers(t *testing.T) {
	r := region()
	r.Store64(0, 0x8877665544332211)
	if want := []byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}; !bytes.Equal(r.Bytes[:8], want) {
		t.Errorf("the bytes are %x", r.Bytes[:8])
	}
	if r.Load32(4) != 0x88776655 || r.Load16(0) != 0x2211 || r.Load16(2) != 0x4433 || r.Load16(6) != 0x8877 {
		t.Errorf("%#x %#x %#x %#x", r.Load32(4), r.Load16(0), r.Load16(2), r.Load16(6))
	}
	r.Store16(2, 0xabcd)
	if r.Load32(0) != 0xabcd2211 {
		t.Errorf("%#x", r.Load32(0))
	}
	r.Or64(0, 1<<63)
	r.And64(0, ^uint64(1))
	if v := r.Swap64(0, 0); v != 0x88776655abcd2210 {
		t.Errorf("%#x", v)
	}
	s := r.Slice(8, 8)
	if s.Address != 0x1008 || len(s.Bytes) != 8 || cap(s.Bytes) != 8 {
		t.Errorf("%+v", s)
	}
}

func TestBounds(t *testing.T) {
	r := region()
	for _, off := range []int{-4, 62, 61, 64, 1, 2} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("offset %d was let through", off)
				}
			}()
			r.Load32(off)
		}()
	}
}
