package sys_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/darwin"
	"github.com/anykernel/anykernel/sys/abi/freebsd"
	"github.com/anykernel/anykernel/sys/abi/linux"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
	"github.com/anykernel/anykernel/sys/abi/openbsd"
)

var kqueueABIs = []*abi.ABI{netbsd.AMD64, netbsd.I386, freebsd.AMD64, openbsd.AMD64, darwin.ARM64}

func TestKeventRoundTrip(t *testing.T) {
	events := []sys.Kevent{
		{Ident: 3, Filter: sys.EVFILT_READ, Flags: sys.EV_ADD | sys.EV_CLEAR, Udata: 0x12345678},
		{Ident: 4, Filter: sys.EVFILT_WRITE, Flags: sys.EV_EOF, Data: 65536, Notes: sys.NOTE_LOWAT},
		{Ident: 5, Filter: sys.EVFILT_VNODE, Notes: sys.NOTE_DELETE | sys.NOTE_RENAME | sys.NOTE_ATTRIB},
		{Ident: 6, Filter: sys.EVFILT_PROC, Notes: sys.NOTE_EXIT | sys.NOTE_FORK | sys.NOTE_EXEC},
		{Ident: 7, Filter: sys.EVFILT_SIGNAL, Flags: sys.EV_ADD | sys.EV_ONESHOT, Data: 1},
		{Ident: 8, Filter: sys.EVFILT_TIMER, Flags: sys.EV_ADD | sys.EV_ERROR, Data: -1},
	}
	for _, a := range kqueueABIs {
		b, err := sys.EncodeKevents(a, events)
		if err != nil {
			t.Errorf("%s: %v", abiName(a), err)
			continue
		}
		if want := len(events) * a.Layout("kevent").Size; len(b) != want {
			t.Errorf("%s: %d bytes, want %d", abiName(a), len(b), want)
		}
		got, err := sys.DecodeKevents(a, b)
		if err != nil || !slices.Equal(got, events) {
			t.Errorf("%s: %v became %v, %v", abiName(a), events, got, err)
		}
	}
}

func TestKeventRefused(t *testing.T) {
	if _, err := sys.EncodeKevents(linux.AMD64, []sys.Kevent{{}}); !errors.Is(err, sys.ErrNotSupported) {
		t.Errorf("kevent of Linux: %v", err)
	}
	for _, e := range []sys.Kevent{
		{Filter: 0},
		{Filter: sys.EVFILT_PROCDESC},
		{Filter: sys.EVFILT_READ, Notes: sys.NOTE_EXIT},
		{Filter: sys.EVFILT_READ, Flags: 1 << 30},
	} {
		if b, err := sys.EncodeKevents(netbsd.AMD64, []sys.Kevent{e}); err == nil {
			t.Errorf("%+v of NetBSD became % x", e, b)
		}
	}
	if _, err := sys.DecodeKevents(netbsd.AMD64, make([]byte, 41)); err == nil {
		t.Error("41 bytes are events")
	}
}

func TestKeventText(t *testing.T) {
	f, err := sys.ParseKeventFlags("add, clear")
	n, err2 := sys.ParseKeventNotes("NOTE_WRITE|delete")
	filter, err3 := sys.ParseKeventFilter("vnode")
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	if f.String() != "EV_ADD|EV_CLEAR" || n.String() != "NOTE_DELETE|NOTE_WRITE" || filter.String() != "EVFILT_VNODE" {
		t.Errorf("%v, %v, %v", f, n, filter)
	}
	var e *sys.NameError
	if _, err := sys.ParseKeventFilter("nonesuch"); !errors.As(err, &e) {
		t.Errorf("%v is no NameError", err)
	}
}
