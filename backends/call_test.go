package backends

import (
	"encoding/binary"
	"errors"
	"testing"
	"unsafe"
)

func TestArg(t *testing.T) {
	n := Int(42)
	if n.IsMem() || n.Dir() != 0 || n.Bytes() != nil || n.Word() != 42 {
		t.Errorf("Int(42) is %+v", n)
	}
	null := Mem(nil, In)
	if null.IsMem() || null.Bytes() != nil || null.Word() != 0 {
		t.Errorf("Mem(nil) is memory: %+v", null)
	}
	b := make([]byte, 5, 9)
	m := Mem(b, Out)
	if !m.IsMem() || m.Dir() != Out || len(m.Bytes()) != 5 || &m.Bytes()[0] != &b[0] {
		t.Errorf("Mem of 5 bytes is %+v", m)
	}
	if m.Word() != uintptr(unsafe.Pointer(&b[0])) {
		t.Errorf("Word is %#x, want the address of the memory", m.Word())
	}
}

func TestLink(t *testing.T) {
	inner, outer, data := make([]byte, 16), make([]byte, 32), []byte("data")
	c := Call{Refs: []Ref{
		{Holder: 1, Off: 8, Mem: Mem(inner, InOut)},
		{Holder: MaxArgs, Off: 0, Mem: Mem(data, In)},
	}}
	c.Args[1] = Mem(outer, In)
	if err := c.Link(); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		holder []byte
		off    int
		to     []byte
	}{{outer, 8, inner}, {inner, 0, data}} {
		got := uintptr(binary.NativeEndian.Uint64(tc.holder[tc.off:]))
		if got != uintptr(unsafe.Pointer(&tc.to[0])) {
			t.Errorf("pointer at %d is %#x, want the address of what it refers to", tc.off, got)
		}
	}
}

func TestLinkRefuses(t *testing.T) {
	b := make([]byte, 8)
	for name, r := range map[string]Ref{
		"scalar holder":       {Holder: 0, Mem: Mem(b, In)},
		"itself":              {Holder: MaxArgs, Mem: Mem(b, In)},
		"later holder":        {Holder: MaxArgs + 1, Mem: Mem(b, In)},
		"negative holder":     {Holder: -1, Mem: Mem(b, In)},
		"offset too large":    {Holder: 1, Off: 1, Mem: Mem(b, In)},
		"negative offset":     {Holder: 1, Off: -1, Mem: Mem(b, In)},
		"offset that wraps":   {Holder: 1, Off: int(^uint(0) >> 1), Mem: Mem(b, In)},
		"holder out of range": {Holder: 1 << 40, Mem: Mem(b, In)},
	} {
		c := Call{Num: 7, Refs: []Ref{r}}
		c.Args[1] = Mem(make([]byte, 8), In)
		if err := c.Link(); !errors.Is(err, ErrBadCall) {
			t.Errorf("%s: Link gave %v, want ErrBadCall", name, err)
		}
	}
}

func TestNilMemoryIsTheNullPointer(t *testing.T) {
	for _, d := range []Dir{In, Out, InOut} {
		if a := Mem(nil, d); a.IsMem() || a.Word() != 0 || a.Bytes() != nil {
			t.Errorf("Mem(nil, %d) has the word %#x", d, a.Word())
		}
	}
	if a := Mem([]byte{}, In); !a.IsMem() || a.Word() == 0 {
		t.Error("an empty slice is no pointer")
	}
}
