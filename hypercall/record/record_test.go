package record_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/record"
)

var header = record.Header{Program: []string{"test", "me"}, Case: "7", Made: time.Unix(1, 0).UTC()}

// entries are some of each kind.
func entries() []*record.Entry {
	long := bytes.Repeat([]byte("long "), 20_000)
	return []*record.Entry{
		{Begins: true, Kernel: "a", Name: hypercall.EventSyscall, PID: 3, Time: time.Second, Args: hypercall.Fields{
			{Name: "call", Value: "open"}, {Name: "number", Value: int64(-5)}, {Name: "arg0", Value: []byte("/etc\x00")},
		}},
		{Begins: true, Ends: true, Kernel: "b", Name: hypercall.EventBio, Time: time.Minute,
			Args:    hypercall.Fields{{Name: "op", Value: "read"}, {Name: "found", Value: true}, {Name: "not", Value: false}},
			Results: hypercall.Fields{{Name: "data", Value: long}}},
		{Ends: true, Kernel: "a", Name: hypercall.EventSyscall, PID: 3, Time: time.Second,
			Results: hypercall.Fields{{Name: "r0", Value: int64(1) << 60}, {Name: "sum", Value: record.Digest{Length: 9, Sum: [8]byte{1}}}},
			Err:     &record.Error{Errno: syscall.ENOENT, Text: "no such file"}},
	}
}

func write(t testing.TB, list []*record.Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := record.NewWriter(&b, header)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		if err := w.Write(x); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read is all entries, and the error that ends them.
func read(b []byte) (all []*record.Entry, err error) {
	r, err := record.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	for {
		x, err := r.Next()
		if err != nil {
			return all, err
		}
		all = append(all, x)
	}
}

func TestWriteAndRead(t *testing.T) {
	var want []*record.Entry
	for range 100 {
		want = append(want, entries()...)
	}
	b := write(t, want)
	got, err := read(b)
	if err != io.EOF || !reflect.DeepEqual(got, want) {
		t.Errorf("%d entries, %v, want %d", len(got), err, len(want))
	}
	if r, err := record.NewReader(bytes.NewReader(b)); err != nil || !reflect.DeepEqual(r.Header, header) {
		t.Errorf("header %+v, %v", r.Header, err)
	}
	if len(b) > 300<<10 { // of 10 MB
		t.Errorf("%d bytes", len(b))
	}
}

// TestDamage cuts a recording at each byte, and alters each.
func TestDamage(t *testing.T) {
	b := write(t, entries())
	for i := range b {
		if _, err := read(b[:i]); !errors.Is(err, record.ErrDamaged) {
			t.Fatalf("cut at %d: %v", i, err)
		}
		other := bytes.Clone(b)
		other[i] ^= 0x10
		if _, err := read(other); !errors.Is(err, record.ErrDamaged) {
			t.Fatalf("altered at %d: %v", i, err)
		}
	}
	if _, err := read(append(b, 0)); !errors.Is(err, record.ErrDamaged) {
		t.Errorf("something behind the end: %v", err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(write(f, entries()))
	f.Add(write(f, nil))
	f.Add([]byte("akrec\x01\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := read(b)
		if err == io.EOF && len(all) > 0 {
			again, err := read(write(t, all))
			if err != io.EOF || !reflect.DeepEqual(all, again) {
				t.Errorf("%+v is read again as %+v, %v", all, again, err)
			}
		}
	})
}

// kernel asks a host that hooks are around for n things, and is what it was
// answered.
func kernel(hooks *hypercall.Hooks, questions ...string) (answers string) {
	for _, q := range questions {
		ev := &hypercall.Event{Name: hypercall.EventParam, Args: hypercall.Fields{{Name: "param", Value: q}}}
		hooks.Emit(ev, func() {
			if q == "none" {
				ev.Err = syscall.ENOENT
				return
			}
			ev.Result.Set("value", strings.ToUpper(q))
		})
		answers += ev.Result.Text("value")
		if ev.Err != nil {
			answers += "<" + ev.Err.Error() + ">"
		}
	}
	return answers
}

func recording(t *testing.T, questions ...string) ([]byte, string) {
	t.Helper()
	var b bytes.Buffer
	w, err := record.NewWriter(&b, header)
	if err != nil {
		t.Fatal(err)
	}
	rec := record.NewRecorder(w)
	hooks := hypercall.NewHooks("box", rec.Hook(hypercall.NewVirtualClock(time.Unix(0, 0))))
	answers := kernel(hooks, questions...)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), answers
}

func replay(t *testing.T, b []byte, questions ...string) (string, error) {
	t.Helper()
	r, err := record.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	p := record.NewReplayer(r)
	asked := hypercall.Observe(func(*hypercall.Event) { t.Error("the host was asked") })
	hooks := hypercall.NewHooks("box", p.Hook(hypercall.NewVirtualClock(time.Unix(0, 0))), asked)
	return kernel(hooks, questions...), p.Close()
}

func TestReplay(t *testing.T) {
	b, want := recording(t, "one", "none", "two")
	if got, err := replay(t, b, "one", "none", "two"); got != want || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	for _, c := range []struct {
		questions []string
		want      string
	}{
		{[]string{"one", "other", "two"}, "at entry 2:\n  expected param of box at 0s param=\"none\"\n  came     param of box at 0s param=\"other\""},
		{[]string{"one"}, "at entry 2:\n  expected param of box at 0s param=\"none\""},
		{[]string{"one", "none", "two", "three"}, "at entry 4:\n  expected the end\n  came     param of box at 0s param=\"three\""},
	} {
		_, err := replay(t, b, c.questions...)
		var d *record.Difference
		if !errors.As(err, &d) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.questions, err, c.want)
		}
	}
}

type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	f.left -= len(b)
	if f.left < 0 {
		return 0, syscall.ENOSPC
	}
	return len(b), nil
}

// TestFull has a recording that cannot be written stop the kernel.
func TestFull(t *testing.T) {
	w, err := record.NewWriter(&full{4 << 10}, header)
	if err != nil {
		t.Fatal(err)
	}
	rec := record.NewRecorder(w)
	hooks := hypercall.NewHooks("box", rec.Hook(hypercall.NewVirtualClock(time.Unix(0, 0))))
	for i := range 1000 {
		kernel(hooks, strings.Repeat("x", i)+time.Now().String())
	}
	if !errors.Is(hooks.Err(), syscall.ENOSPC) || !errors.Is(rec.Close(), syscall.ENOSPC) {
		t.Errorf("the kernel was stopped with %v", hooks.Err())
	}
}
