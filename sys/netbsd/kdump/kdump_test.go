package kdump_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
	"github.com/anykernel/anykernel/sys/netbsd/kdump"
)

var update = flag.Bool("update", false, "write what testdata/ktrace.out says into testdata/ktrace.txt")

// recording is what a NetBSD 7.99.34 recorded of a program of this module.
func recording(t testing.TB) []byte {
	b, err := os.ReadFile("testdata/ktrace.out")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func format(b []byte, a *abi.ABI) (string, error) {
	var s strings.Builder
	r := kdump.NewReader(bytes.NewReader(b), a)
	for r.Next() {
		s.WriteString(kdump.Format(r.Record()))
	}
	return s.String(), r.Err()
}

func TestGolden(t *testing.T) {
	got, err := format(recording(t), netbsd.AMD64)
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/ktrace.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("- want, + got:\n%s", d)
	}
}

// record is a record in an ABI's form, of version 2.
func record(a *abi.ABI, kind kdump.Type, data ...byte) []byte {
	b := a.Order.AppendUint32(nil, uint32(len(data)))
	if a.Order == abi.BigEndian {
		b = a.Order.AppendUint16(a.Order.AppendUint16(b, 2), uint16(kind))
	} else {
		b = a.Order.AppendUint16(a.Order.AppendUint16(b, uint16(kind)), 2)
	}
	b = a.Order.AppendUint32(b, 77)
	b = append(b, "sh\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	b = a.Order.AppendUint64(b, 1000)
	if a.PointerSize == 8 {
		b = a.Order.AppendUint64(b, 5)
		b = a.Order.AppendUint32(b, 3)
		b = a.Order.AppendUint32(b, 0)
	} else {
		b = a.Order.AppendUint32(b, 5)
		b = a.Order.AppendUint32(b, 3)
	}
	return append(b, data...)
}

// words is numbers of 4 bytes.
func words(a *abi.ABI, n ...uint32) (b []byte) {
	for _, v := range n {
		b = a.Order.AppendUint32(b, v)
	}
	return b
}

// TestDecode holds each type to its meaning, where pointers have 8 bytes and
// where they have 4.
func TestDecode(t *testing.T) {
	for _, a := range []*abi.ABI{netbsd.AMD64, netbsd.ARM} {
		long := func(n ...uint32) (b []byte) {
			for _, v := range n {
				if b = a.Order.AppendUint32(b, v); a.PointerSize == 8 {
					b = a.Order.AppendUint32(b, 0)
				}
			}
			return b
		}
		pad := []byte{}
		if a.PointerSize == 8 {
			pad = make([]byte, 4)
		}
		join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
		for _, c := range []struct {
			kind kdump.Type
			data []byte
			want any
			text string
		}{
			{kdump.Syscall, join(words(a, 4, uint32(3*a.PointerSize)), long(1, 0x1000, 6)), kdump.CallEvent{4, "write", []uint64{1, 0x1000, 6}}, "CALL  write(1, 0x1000, 6)"},
			{kdump.Syscall, words(a, 499, 0), kdump.CallEvent{499, "", nil}, "CALL  [499]()"},
			{kdump.Sysret, join(words(a, 4, 0), long(6, 0)), kdump.ReturnEvent{Number: 4, Name: "write", Results: [2]int64{6, 0}}, "RET   write 6"},
			{kdump.Sysret, join(words(a, 4, 13), long(0, 0)), kdump.ReturnEvent{Number: 4, Name: "write", Errno: 13, Error: "EACCES"}, "RET   write -1 errno 13 EACCES"},
			{kdump.Sysret, join(words(a, 4, 0xffffffff), long(0, 0)), kdump.ReturnEvent{Number: 4, Name: "write", Errno: -1}, "RET   write RESTART"},
			{kdump.Namei, []byte("/etc/x"), kdump.PathEvent("/etc/x"), `NAMI  "/etc/x"`},
			{kdump.Genio, join(words(a, 1, 1), []byte("hi\n")), kdump.IOEvent{1, true, []byte("hi\n")}, "GIO   fd 1 wrote 3 bytes\n       \"hi\\n\""},
			{kdump.Genio, join(words(a, 0, 0), []byte{0xff}), kdump.IOEvent{0, false, []byte{0xff}}, "GIO   fd 0 read 1 bytes\n       00000000  ff"},
			{kdump.Psig, join(words(a, 15), pad, long(0), words(a, 0, 0, 0, 0, 2)), kdump.SignalEvent{15, "SIGTERM", 0, [4]uint32{}, 2}, "PSIG  SIGTERM SIG_DFL code 2"},
			{kdump.Psig, join(words(a, 2), pad, long(0x400), words(a, 1, 0, 0, 0, 0)), kdump.SignalEvent{2, "SIGINT", 0x400, [4]uint32{1}, 0}, "PSIG  SIGINT caught handler=0x400 mask=(0x1,0x0,0x0,0x0) code 0"},
			{kdump.Csw, words(a, 1, 0), kdump.SwitchEvent{true, false}, "CSW   stop kernel"},
			{kdump.Emul, []byte("netbsd"), kdump.TextEvent("netbsd"), `EMUL  "netbsd"`},
			{kdump.User, join([]byte("label\x00"), make([]byte, 14), []byte("d")), kdump.UserEvent{"label", []byte("d")}, "USER  label: 1 bytes\n       \"d\""},
			{kdump.ExecArg, []byte("ls"), kdump.TextEvent("ls"), `ARG   "ls"`},
			{kdump.Mib, words(a, 1, 0xfffffffe), kdump.MIBEvent{1, -2}, "MIB   1 -2"},
			{kdump.ExecFD, words(a, 2, 1), kdump.FDEvent{2, 1}, "FD    2 type 1"},
			{99, []byte{1}, []byte{1}, "TYPE 99  [1]"},
		} {
			r := kdump.NewReader(bytes.NewReader(record(a, c.kind, c.data...)), a)
			if !r.Next() {
				t.Fatalf("%s: %v: %v", a.Arch, c.kind, r.Err())
			}
			rec := r.Record()
			got, err := rec.Decode()
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: %v is %#v, %v, want %#v", a.Arch, c.kind, got, err, c.want)
			}
			if text := kdump.Format(rec); !strings.HasPrefix(text, "    77      3 sh       "+c.text) {
				t.Errorf("%s: %v is written %q, want %q", a.Arch, c.kind, text, c.text)
			}
			if rec.Time.Unix() != 1000 || rec.Time.Nanosecond() != 5 || r.Next() || r.Err() != nil {
				t.Errorf("%s: %v: time %v, then %v", a.Arch, c.kind, rec.Time, r.Err())
			}
		}
	}
}

func TestHostile(t *testing.T) {
	good := record(netbsd.AMD64, kdump.Csw, words(netbsd.AMD64, 0, 0)...)
	for what, spoil := range map[string]func(b []byte) []byte{
		"ends early: unexpected EOF": func(b []byte) []byte { return b[:len(b)-1] },
		"unexpected EOF":             func(b []byte) []byte { return b[:5] },
		"its version is 9":           func(b []byte) []byte { b[6] = 9; return b },
		"bytes; at most":             func(b []byte) []byte { b[3] = 0x70; return b },
		"it has -":                   func(b []byte) []byte { b[3] = 0xff; return b },
	} {
		r := kdump.NewReader(bytes.NewReader(spoil(bytes.Clone(good))), netbsd.AMD64)
		if r.Next() || r.Err() == nil || !strings.Contains(r.Err().Error(), what) {
			t.Errorf("%v, want an error that says %q", r.Err(), what)
		}
	}
	short := record(netbsd.AMD64, kdump.Syscall, words(netbsd.AMD64, 4, 800)...)
	r := kdump.NewReader(bytes.NewReader(short), netbsd.AMD64)
	r.Next()
	var e *kdump.DataError
	if _, err := r.Record().Decode(); !errors.As(err, &e) {
		t.Errorf("a call without its arguments: %v", err)
	}
	if text := kdump.Format(r.Record()); !strings.Contains(text, "a record of CALL has 8 bytes") {
		t.Errorf("it is written %q", text)
	}
}

// TestNothingForTerminals: what is written disturbs no terminal.
func TestNothingForTerminals(t *testing.T) {
	for _, b := range [][]byte{
		record(netbsd.AMD64, kdump.Namei, []byte("\x1b[2J\n")...), record(netbsd.AMD64, kdump.Genio, append(make([]byte, 8), "\x1b[2J"...)...),
		record(netbsd.AMD64, kdump.User, append([]byte("\x1b[2J"), make([]byte, 20)...)...), record(netbsd.AMD64, kdump.Emul, 0x1b),
	} {
		if text, err := format(b, netbsd.AMD64); err != nil || strings.ContainsRune(text, 0x1b) || text == "" {
			t.Errorf("%q, %v", text, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(recording(f), true)
	f.Add(record(netbsd.AMD64, kdump.Psig, make([]byte, 40)...), true)
	f.Add(record(netbsd.ARM, kdump.Sysret, make([]byte, 16)...), false)
	f.Fuzz(func(t *testing.T, b []byte, long bool) {
		a := netbsd.ARM
		if long {
			a = netbsd.AMD64
		}
		if _, err := format(b, a); errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the end is an error: %v", err)
		}
	})
}

func Example() {
	data := record(netbsd.AMD64, kdump.Namei, []byte("/etc/passwd")...)
	r := kdump.NewReader(bytes.NewReader(data), netbsd.AMD64)
	for r.Next() {
		fmt.Print(kdump.Format(r.Record()))
	}
	fmt.Println(r.Err())
	// Output:
	//     77      3 sh       NAMI  "/etc/passwd"
	// <nil>
}
