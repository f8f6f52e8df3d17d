package sys

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/darwin"
	"github.com/anykernel/anykernel/sys/abi/freebsd"
	"github.com/anykernel/anykernel/sys/abi/linux"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
	"github.com/anykernel/anykernel/sys/abi/openbsd"
)

var testABIs = []*abi.ABI{
	linux.AMD64, linux.ARM64, netbsd.AMD64, netbsd.ARM64, freebsd.AMD64, openbsd.AMD64, darwin.ARM64,
}

// appendDirent is an entry in the form of an ABI.
func appendDirent(b []byte, a *abi.ABI, ino uint64, kind uint8, name string) []byte {
	l := newDirentLayout(a)
	size := (l.name + len(name) + 1 + 7) &^ 7
	e := make([]byte, size)
	l.ino.PutUint(e, a.Order, ino)
	l.kind.PutUint(e, a.Order, uint64(kind))
	l.reclen.PutUint(e, a.Order, uint64(size))
	if l.namlen.Size != 0 {
		l.namlen.PutUint(e, a.Order, uint64(len(name)))
	}
	copy(e[l.name:], name)
	return append(b, e...)
}

func TestDirents(t *testing.T) {
	for _, a := range testABIs {
		l := newDirentLayout(a)
		var b []byte
		b = appendDirent(b, a, 1, 4, ".")
		b = appendDirent(b, a, 2, 8, "a file")
		b = appendDirent(b, a, 3, 10, string(bytes.Repeat([]byte("n"), 255)))
		b = appendDirent(b, a, 4, 0, "..x")
		var got []string
		for off := 0; off < len(b); {
			e, after, err := l.next(b, off)
			if err != nil {
				t.Fatalf("%s: %v", a.OS, err)
			}
			mode, known := e.mode()
			got = append(got, fmt.Sprint(e.ino, mode, known, e.isDot(), len(e.name)))
			off = after
		}
		want := fmt.Sprint([]string{
			fmt.Sprint(1, fs.ModeDir, true, true, 1), fmt.Sprint(2, fs.FileMode(0), true, false, 6),
			fmt.Sprint(3, fs.ModeSymlink, true, false, 255), fmt.Sprint(4, fs.FileMode(0), false, false, 3)})
		if fmt.Sprint(got) != want {
			t.Errorf("%s/%s: %v, want %v", a.OS, a.Arch, got, want)
		}
	}
}

// TestDirentHoles: an entry that is not in use has no name.
func TestDirentHoles(t *testing.T) {
	for _, a := range testABIs {
		l := newDirentLayout(a)
		b := appendDirent(appendDirent(nil, a, 0, 0, ""), a, 5, 8, "file")
		e, after, err := l.next(b, 0)
		if e.ino != 0 || e.name != nil || err != nil {
			t.Fatalf("%s: a hole is %+v, %v", a.OS, e, err)
		}
		if e, _, err = l.next(b, after); string(e.name) != "file" || err != nil {
			t.Errorf("%s: behind the hole is %q, %v", a.OS, e.name, err)
		}
	}
}

func TestDirentsRefused(t *testing.T) {
	for _, a := range testABIs {
		l := newDirentLayout(a)
		good := appendDirent(nil, a, 7, 8, "name")
		for what, spoil := range map[string]func(b []byte) []byte{
			"cut in the head":    func(b []byte) []byte { return b[:l.name] },
			"cut in the name":    func(b []byte) []byte { return b[:len(b)-1] },
			"a length of 0":      func(b []byte) []byte { l.reclen.PutUint(b, a.Order, 0); return b },
			"a length too long":  func(b []byte) []byte { l.reclen.PutUint(b, a.Order, 0xffff); return b },
			"a length too short": func(b []byte) []byte { l.reclen.PutUint(b, a.Order, uint64(l.name)); return b },
			"no name":            func(b []byte) []byte { b[l.name] = 0; return b },
			"a slash":            func(b []byte) []byte { b[l.name+1] = '/'; return b },
			"a name without end": func(b []byte) []byte {
				if l.namlen.Size != 0 {
					l.namlen.PutUint(b, a.Order, 200)
					return b
				}
				for i := l.name; i < len(b); i++ {
					b[i] = 'x'
				}
				return b
			},
		} {
			_, _, err := l.next(spoil(bytes.Clone(good)), 0)
			var e *DirentError
			if !errors.As(err, &e) {
				t.Errorf("%s: %s: %v, want a *DirentError", a.OS, what, err)
			}
		}
	}
}

func FuzzDirents(f *testing.F) {
	for i, a := range testABIs {
		b := appendDirent(nil, a, 1, 4, ".")
		f.Add(uint8(i), appendDirent(b, a, 2, 8, "name"))
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		l := newDirentLayout(testABIs[int(which)%len(testABIs)])
		for off := 0; off < len(b); {
			e, after, err := l.next(b, off)
			if err != nil {
				return
			}
			if after <= off || after > len(b) {
				t.Fatalf("the entry at %d of %d ends at %d", off, len(b), after)
			}
			if e.ino != 0 && len(e.name) == 0 || bytes.ContainsAny(e.name, "/\x00") {
				t.Fatalf("the entry at %d is named %q", off, e.name)
			}
			off = after
		}
	})
}
