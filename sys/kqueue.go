package sys

import (
	"context"
	"fmt"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// A Kevent is an event of kqueue(2): one to look for, or one that happened.
type Kevent struct {
	Ident  uint64       // what it is about: a descriptor, a process, a signal, a number of one's own
	Filter KeventFilter // what about it
	Flags  KeventFlags
	Notes  KeventNotes // of the filter
	Data   int64       // of the filter: bytes to be read, a timer's period, an exit status
	Udata  uint64      // one's own; it comes back with the event
}

// A Kqueue is a queue of events of kernels that have kqueue(2). Its calls
// block in the kernel; what waits for descriptors only does so with less by
// their own methods.
type Kqueue struct{ *File }

// Kqueue makes a queue, which is closed on exec. Kernels that speak Linux's
// ABI have none: see Epoll in sys/linux.
func (p *Process) Kqueue() (*Kqueue, error) {
	fd, err := p.call(opKqueue)
	if err != nil {
		return nil, p.wrap("kqueue", "", err)
	}
	q := &Kqueue{p.newFile(int(fd), "kqueue")}
	if err := q.SetCloseOnExec(true); err != nil {
		q.Close()
		return nil, err
	}
	return q, nil
}

// With is a view of q whose calls end when ctx does; see [Process.With].
func (q *Kqueue) With(ctx context.Context) *Kqueue { return &Kqueue{q.File.With(ctx)} }

// maxKevents bounds the changes and the events of one call.
const maxKevents = 1 << 16

// Kevent makes changes and stores events that happened in events, waiting for
// the first until timeout has passed; see kevent(2). A negative timeout is
// none, and 0, or no room for events, does not wait. It returns how many
// events there are. A change that fails is an event with EV_ERROR and the
// error number as Data, or an error where there is no room for it.
func (q *Kqueue) Kevent(changes, events []Kevent, timeout time.Duration) (int, error) {
	n, err := q.kevent(changes, events, timeout)
	return n, q.fail("kevent", err)
}

func (q *Kqueue) kevent(changes, events []Kevent, timeout time.Duration) (int, error) {
	if len(changes) > maxKevents || len(events) > maxKevents {
		return 0, fmt.Errorf("%d changes and %d events: at most %d", len(changes), len(events), maxKevents)
	}
	l := &q.p.k.tab.kevent
	in, err := l.encode(changes)
	if err != nil {
		return 0, err
	}
	out := make([]byte, len(events)*l.size)
	m := newScratch()
	defer m.free()
	wait, err := q.p.k.tab.socket.timespec.timeout(m, l.order, timeout)
	if err != nil {
		return 0, err
	}
	if err := q.acquire(); err != nil {
		return 0, err
	}
	defer q.release()
	p := q.view()
	r, err := p.call(opKevent, backends.Int(uintptr(q.num)), backends.Mem(in, backends.In), backends.Int(uintptr(len(changes))),
		backends.Mem(out, backends.Out), backends.Int(uintptr(len(events))), wait)
	if err != nil {
		return 0, err
	}
	n := min(int(r), len(events))
	for i := range n {
		events[i] = l.decode(out[i*l.size:])
	}
	return n, nil
}

// EncodeKevents is events as a kernel of that ABI takes them.
func EncodeKevents(a *abi.ABI, events []Kevent) ([]byte, error) {
	return tableOf(a).kevent.encode(events)
}

// DecodeKevents reads events that a kernel of that ABI wrote. b need not be
// trusted.
func DecodeKevents(a *abi.ABI, b []byte) ([]Kevent, error) {
	l := &tableOf(a).kevent
	if l.size == 0 {
		return nil, errNoCall
	}
	if len(b)%l.size != 0 {
		return nil, fmt.Errorf("%d bytes are no whole number of events of %d", len(b), l.size)
	}
	events := make([]Kevent, len(b)/l.size)
	for i := range events {
		events[i] = l.decode(b[i*l.size:])
	}
	return events, nil
}

// A keventLayout is how an ABI has struct kevent and its numbers.
type keventLayout struct {
	order                                     abi.ByteOrder
	size                                      int
	ident, filter, flags, fflags, data, udata abi.Field
	filters                                   enumTranslation
	flagBits                                  bitTranslation
	io, vnode, proc, user, timer, none        bitTranslation
}

func newKeventLayout(a *abi.ABI) keventLayout {
	s := layoutOf(a, "kevent")
	return keventLayout{
		order: a.Order, size: s.Size,
		ident: s.field("ident"), filter: s.field("filter"), flags: s.field("flags"),
		fflags: s.field("fflags"), data: s.field("data"), udata: s.field("udata"),
		filters: keventFilters.translation(a), flagBits: keventFlags.translation(a),
		io: ioNotes.translation(a), vnode: vnodeNotes.translation(a), proc: procNotes.translation(a),
		user: userNotes.translation(a), timer: timerNotes.translation(a), none: noNotes.translation(a),
	}
}

// notes is the translation of a filter's notes.
func (l *keventLayout) notes(f KeventFilter) *bitTranslation {
	switch f {
	case EVFILT_READ, EVFILT_WRITE:
		return &l.io
	case EVFILT_VNODE:
		return &l.vnode
	case EVFILT_PROC, EVFILT_PROCDESC:
		return &l.proc
	case EVFILT_USER:
		return &l.user
	case EVFILT_TIMER:
		return &l.timer
	}
	return &l.none
}

func (l *keventLayout) encode(events []Kevent) ([]byte, error) {
	if l.size == 0 {
		return nil, errNoCall
	}
	b := make([]byte, len(events)*l.size)
	for i, e := range events {
		if err := l.encodeOne(b[i*l.size:][:l.size], e); err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
	}
	return b, nil
}

func (l *keventLayout) encodeOne(b []byte, e Kevent) error {
	filter, err := l.filters.native(uint32(e.Filter))
	if err != nil {
		return err
	}
	flags, err := l.flagBits.native(uint64(e.Flags))
	if err != nil {
		return err
	}
	notes, err := l.notes(e.Filter).native(uint64(e.Notes))
	if err != nil {
		return fmt.Errorf("%v: %w", e.Filter, err)
	}
	if !l.ident.PutUint(b, l.order, e.Ident) {
		return fmt.Errorf("identifier %d does not fit", e.Ident)
	}
	if !l.data.PutInt(b, l.order, e.Data) {
		return fmt.Errorf("data %d does not fit", e.Data)
	}
	if !l.udata.PutUint(b, l.order, e.Udata) {
		return fmt.Errorf("user data %#x does not fit", e.Udata)
	}
	l.filter.PutInt(b, l.order, int64(int32(filter)))
	l.flags.PutUint(b, l.order, flags)
	l.fflags.PutUint(b, l.order, notes)
	return nil
}

// decode reads an event. A filter without a name here is 0.
func (l *keventLayout) decode(b []byte) Kevent {
	filter, _ := l.filters.portable(uint32(l.filter.Int(b, l.order)))
	return Kevent{
		Ident:  l.ident.Uint(b, l.order),
		Filter: KeventFilter(filter),
		Flags:  KeventFlags(l.flagBits.portable(l.flags.Uint(b, l.order) & 0xffffffff)),
		Notes:  KeventNotes(l.notes(KeventFilter(filter)).portable(l.fflags.Uint(b, l.order) & 0xffffffff)),
		Data:   l.data.Int(b, l.order),
		Udata:  l.udata.Uint(b, l.order),
	}
}
