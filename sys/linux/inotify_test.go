package linux

import (
	"bytes"
	"errors"
	"testing"

	"github.com/anykernel/anykernel/sys/abi"
	abilinux "github.com/anykernel/anykernel/sys/abi/linux"
)

func testLayout(a *abi.ABI) inotifyLayout { return inotifyLayouts.make(*a.Layout("inotify_event")) }

// appendEvent is an event in the form of an ABI.
func appendEvent(b []byte, a *abi.ABI, e InotifyEvent, name []byte) []byte {
	l := testLayout(a)
	head := make([]byte, l.size)
	l.watch.PutInt(head, a.Order, int64(e.Watch))
	l.mask.PutUint(head, a.Order, uint64(e.Mask))
	l.cookie.PutUint(head, a.Order, uint64(e.Cookie))
	l.name.PutUint(head, a.Order, uint64(len(name)))
	return append(append(b, head...), name...)
}

func TestInotifyEvents(t *testing.T) {
	a := abilinux.AMD64
	want := []InotifyEvent{
		{Watch: 1, Mask: IN_CREATE, Name: "file"},
		{Watch: -1, Mask: IN_Q_OVERFLOW},
		{Watch: 2, Mask: IN_MOVED_TO | IN_ISDIR, Cookie: 7, Name: "full-to-the-last"},
	}
	var b []byte
	b = appendEvent(b, a, want[0], []byte("file\x00\x00\x00\x00"))
	b = appendEvent(b, a, want[1], nil)
	b = appendEvent(b, a, want[2], []byte("full-to-the-last"))
	l := testLayout(a)
	off := 0
	for i := range want {
		got, after, err := l.next(b, off, a.Order)
		if err != nil || got != want[i] {
			t.Errorf("event %d is %v, %v, want %v", i, got, err, want[i])
		}
		off = after
	}
	if off != len(b) {
		t.Errorf("the events end at %d of %d", off, len(b))
	}
}

func TestInotifyEventsRefused(t *testing.T) {
	a := abilinux.ARM64
	l := testLayout(a)
	good := appendEvent(nil, a, InotifyEvent{Watch: 1, Mask: IN_CREATE}, []byte("name"))
	long := bytes.Clone(good)
	l.name.PutUint(long, a.Order, 0xffffffff)
	slash := appendEvent(nil, a, InotifyEvent{Watch: 1}, []byte("../x"))
	for what, b := range map[string][]byte{"cut head": good[:l.size-1], "cut name": good[:len(good)-1], "long name": long, "slash": slash} {
		_, _, err := l.next(b, 0, a.Order)
		var e *InotifyError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v, want an *InotifyError", what, err)
		}
	}
}

func FuzzInotifyEvents(f *testing.F) {
	a := abilinux.AMD64
	f.Add(appendEvent(appendEvent(nil, a, InotifyEvent{Watch: 1, Mask: IN_CREATE}, []byte("name\x00")), a, InotifyEvent{}, nil))
	l := testLayout(a)
	f.Fuzz(func(t *testing.T, b []byte) {
		for off := 0; off < len(b); {
			e, after, err := l.next(b, off, a.Order)
			if err != nil {
				return
			}
			if after <= off || after > len(b) || bytes.ContainsAny([]byte(e.Name), "/\x00") {
				t.Fatalf("the event at %d of %d ends at %d and is named %q", off, len(b), after, e.Name)
			}
			off = after
		}
	})
}
