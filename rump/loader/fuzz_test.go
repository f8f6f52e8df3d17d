//go:build linux

package loader

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzParse gives the parser damaged libraries, and what survives it to the
// linker and the mapper: nothing may panic or touch memory that is not the
// image's.
func FuzzParse(f *testing.F) {
	for _, s := range []source{upper, lower, netbsdTraits("top", 2),
		{name: "tls", code: `__thread long a; long get(void) { return a; }`}} {
		f.Add(object(f, s))
	}
	f.Add(minimal(0x3e))
	f.Add(minimal(0xb7))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("fuzz", data)
		if err != nil {
			return
		}
		if l.span > 1<<20 {
			return // larger than what a fuzzer should map
		}
		l.Defines()
		l.Wants()
		p, err := Link([]*Library{l, l}, Options{Trap: 0x1000, TLSDescriptor: 0x2000})
		if err != nil {
			return
		}
		im, err := p.Load()
		if err != nil {
			return
		}
		defer im.Close()
		im.Constructors()
		im.LinkSets("things")
		for _, s := range l.Defines() {
			addr, _ := im.Symbol(s.Name)
			im.Describe(addr)
			im.Variable(s.Name)
		}
	})
}

// minimal is the smallest library: one page that is read and one that is
// written, with one relocation.
func minimal(machine uint16) []byte {
	le := binary.LittleEndian
	b := make([]byte, 0x3000)
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], 3) // ET_DYN
	le.PutUint16(b[18:], machine)
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[32:], 64) // program headers
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 3)
	for i, ph := range [][7]uint64{ // type and flags, offset, address, address, size, size, alignment
		{1 | 4<<32, 0, 0, 0, 0x1000, 0x1000, 0x1000},
		{1 | 6<<32, 0x1000, 0x1000, 0x1000, 0x1000, 0x2000, 0x1000},
		{2 | 6<<32, 0x1000, 0x1000, 0x1000, 0x100, 0x100, 8},
	} {
		for j, v := range ph {
			le.PutUint64(b[64+i*56+j*8:], v)
		}
	}
	for i, d := range [][2]uint64{
		{5, 0x800}, {10, 0x10}, // strings
		{6, 0x400},                   // symbols
		{4, 0x600},                   // hash
		{7, 0x700}, {8, 24}, {9, 24}, // relocations
	} {
		le.PutUint64(b[0x1000+i*16:], d[0])
		le.PutUint64(b[0x1000+i*16+8:], d[1])
	}
	le.PutUint32(b[0x600:], 1)
	le.PutUint32(b[0x604:], 2)
	copy(b[0x801:], "thing")
	le.PutUint32(b[0x418:], 1) // symbol 1: its name
	b[0x41c] = 1<<4 | 1        // a global object
	le.PutUint16(b[0x41e:], 1) // defined
	le.PutUint64(b[0x420:], 0x1800)
	le.PutUint64(b[0x428:], 8)
	le.PutUint64(b[0x700:], 0x1800) // a relocation of the object
	relative := map[uint16]uint64{0x3e: 8, 0xb7: 1027}[machine]
	le.PutUint64(b[0x708:], relative)
	le.PutUint64(b[0x710:], 0x1800)
	return b
}

func TestMinimal(t *testing.T) {
	for _, machine := range []uint16{0x3e, 0xb7} {
		l, err := Parse("minimal", minimal(machine))
		if err != nil {
			t.Errorf("machine %#x: %v", machine, err)
			continue
		}
		if d := l.Defines(); len(d) != 1 || d[0].Name != "thing" {
			t.Errorf("machine %#x defines %v", machine, d)
		}
		if l.machine != hostMachine() {
			continue
		}
		im := load(t, Options{}, l)
		if got, _ := im.Symbol("thing"); word(t, im, "thing") != got {
			t.Errorf("the object points to %#x, not to itself at %#x", word(t, im, "thing"), got)
		}
	}
}

// TestRefused damages the smallest library in one place at a time.
func TestRefused(t *testing.T) {
	le := binary.LittleEndian
	for name, damage := range map[string]func(b []byte){
		"class":                func(b []byte) { b[4] = 1 },
		"machine":              func(b []byte) { b[18] = 3 },
		"header count":         func(b []byte) { le.PutUint16(b[56:], 60000) },
		"header offset":        func(b []byte) { le.PutUint64(b[32:], 1<<63) },
		"segment outside":      func(b []byte) { le.PutUint64(b[64+32:], 1<<40) },
		"segment overlap":      func(b []byte) { le.PutUint64(b[64+56+16:], 0); le.PutUint64(b[64+56+8:], 0) },
		"segment alignment":    func(b []byte) { le.PutUint64(b[64+56+16:], 0x1800) },
		"writable code":        func(b []byte) { le.PutUint32(b[64+56+4:], 7) },
		"strings outside":      func(b []byte) { le.PutUint64(b[0x1008:], 1<<50) },
		"strings without end":  func(b []byte) { copy(b[0x800:0x810], bytes.Repeat([]byte("x"), 16)) },
		"symbols outside":      func(b []byte) { le.PutUint64(b[0x1028:], 0xfff) },
		"too many symbols":     func(b []byte) { le.PutUint32(b[0x604:], 1<<31) },
		"symbol outside":       func(b []byte) { le.PutUint64(b[0x420:], 1<<40) },
		"symbol too long":      func(b []byte) { le.PutUint64(b[0x428:], 1<<63) },
		"relocations outside":  func(b []byte) { le.PutUint64(b[0x1058:], 24<<20) },
		"relocation of text":   func(b []byte) { le.PutUint64(b[0x700:], 0x10) },
		"relocation unaligned": func(b []byte) { le.PutUint64(b[0x700:], 0x1801) },
		"relocation at end":    func(b []byte) { le.PutUint64(b[0x700:], 0x2ffc) },
		"relocation type":      func(b []byte) { le.PutUint64(b[0x708:], 5) },
		"relocation symbol":    func(b []byte) { le.PutUint64(b[0x708:], 1<<60|6) },
		"relocation target":    func(b []byte) { le.PutUint64(b[0x710:], 1<<40) },
		"truncated":            func(b []byte) { clear(b[64:]) },
	} {
		b := minimal(0x3e)
		damage(b)
		if _, err := Parse("damaged", b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
