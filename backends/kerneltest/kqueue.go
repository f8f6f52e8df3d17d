package kerneltest

import (
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

var kqueueCases = []Case{
	{Name: "kqueue tells of descriptors, timers and files", Needs: backends.Kqueue, Run: testKqueue},
}

func testKqueue(t T, k *sys.Kernel) {
	q, err := k.Init().Kqueue()
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer q.Close()
	r, w := pipe(t, k.Init())
	change := func(e sys.Kevent) {
		t.Helper()
		if _, err := q.Kevent([]sys.Kevent{e}, nil, 0); err != nil {
			t.Errorf("%+v: %v", e, err)
		}
	}
	next := func(what string) sys.Kevent {
		t.Helper()
		events := make([]sys.Kevent, 1)
		if n, err := q.Kevent(nil, events, socketTime); n != 1 || err != nil {
			t.Errorf("%s: %d events, %v", what, n, err)
		}
		return events[0]
	}
	none := func(what string) {
		t.Helper()
		events := make([]sys.Kevent, 1)
		if n, err := q.Kevent(nil, events, 5*time.Millisecond); n != 0 || err != nil {
			t.Errorf("%s: %d events %+v, %v", what, n, events, err)
		}
	}
	fd := uint64(r.FD())
	change(sys.Kevent{Ident: fd, Filter: sys.EVFILT_READ, Flags: sys.EV_ADD | sys.EV_CLEAR, Udata: 42})
	none("nothing was written")
	send(t, w, []byte("four"))
	if e := next("a write"); e.Ident != fd || e.Filter != sys.EVFILT_READ || e.Data != 4 || e.Udata != 42 {
		t.Errorf("a write is the event %+v", e)
	}
	none("the event was cleared")
	change(sys.Kevent{Ident: fd, Filter: sys.EVFILT_READ, Flags: sys.EV_DELETE})
	send(t, w, []byte("more"))
	none("the event was deleted")
	change(sys.Kevent{Ident: uint64(w.FD()), Filter: sys.EVFILT_WRITE, Flags: sys.EV_ADD | sys.EV_ONESHOT})
	if e := next("room to write"); e.Filter != sys.EVFILT_WRITE || e.Data <= 0 {
		t.Errorf("room to write is the event %+v", e)
	}
	none("the event was for once")
	change(sys.Kevent{Ident: 7, Filter: sys.EVFILT_TIMER, Flags: sys.EV_ADD | sys.EV_ONESHOT, Data: 10})
	if e := next("a timer"); e.Ident != 7 || e.Filter != sys.EVFILT_TIMER || e.Data < 1 {
		t.Errorf("the timer is the event %+v", e)
	}
	if k.Capabilities().Has(backends.Files) {
		testKqueueFile(t, k, change, next)
	}
	if _, err := q.Kevent([]sys.Kevent{{Ident: 987654, Filter: sys.EVFILT_READ, Flags: sys.EV_ADD}}, nil, 0); err == nil {
		t.Errorf("an unused descriptor was added")
	}
}

func testKqueueFile(t T, k *sys.Kernel, change func(sys.Kevent), next func(string) sys.Kevent) {
	const path = "/tmp/anykernel-kqueue"
	f, err := k.Init().Open(path, sys.O_CREAT|sys.O_RDWR|sys.O_CLOEXEC, 0o600)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	defer f.Close()
	ident := uint64(f.FD())
	change(sys.Kevent{
		Ident: ident, Filter: sys.EVFILT_VNODE, Flags: sys.EV_ADD | sys.EV_CLEAR,
		Notes: sys.NOTE_WRITE | sys.NOTE_DELETE,
	})
	send(t, f, []byte("x"))
	if e := next("a write to a file"); e.Filter != sys.EVFILT_VNODE || e.Notes != sys.NOTE_WRITE {
		t.Errorf("a write to a file is the event %+v", e)
	}
	if err := k.Init().Unlink(path); err != nil {
		t.Errorf("%v", err)
	}
	if e := next("the end of a file"); e.Notes&sys.NOTE_DELETE == 0 {
		t.Errorf("the end of a file is the event %+v", e)
	}
}
