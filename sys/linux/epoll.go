package linux

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// EpollFlags are the flags of epoll_create1(2).
type EpollFlags uint32

const EPOLL_CLOEXEC EpollFlags = 0x80000

var epollFlags = sys.NewFlagNames("epoll flags", "EPOLL_", name("CLOEXEC", uint64(EPOLL_CLOEXEC)))

// ParseEpollFlags reads flags by name. The error is a [*sys.NameError].
func ParseEpollFlags(text string) (EpollFlags, error) {
	v, err := epollFlags.Parse(text)
	return EpollFlags(v), err
}

// String is the flags by name.
func (f EpollFlags) String() string { return epollFlags.Format(uint64(f)) }

// EpollEvents is what a file is watched for, and what it is ready for; see
// epoll_ctl(2).
type EpollEvents uint32

const (
	EPOLLIN        EpollEvents = 0x1
	EPOLLPRI       EpollEvents = 0x2
	EPOLLOUT       EpollEvents = 0x4
	EPOLLERR       EpollEvents = 0x8  // comes without being watched for
	EPOLLHUP       EpollEvents = 0x10 // the same
	EPOLLRDNORM    EpollEvents = 0x40
	EPOLLRDBAND    EpollEvents = 0x80
	EPOLLWRNORM    EpollEvents = 0x100
	EPOLLWRBAND    EpollEvents = 0x200
	EPOLLMSG       EpollEvents = 0x400
	EPOLLRDHUP     EpollEvents = 0x2000
	EPOLLEXCLUSIVE EpollEvents = 1 << 28 // wakes one of several Epolls
	EPOLLWAKEUP    EpollEvents = 1 << 29
	EPOLLONESHOT   EpollEvents = 1 << 30 // until Modify, after the first event
	EPOLLET        EpollEvents = 1 << 31 // when it becomes ready, not while it is
)

var epollEvents = sys.NewFlagNames("epoll events", "EPOLL",
	name("IN", uint64(EPOLLIN)),
	name("PRI", uint64(EPOLLPRI)),
	name("OUT", uint64(EPOLLOUT)),
	name("ERR", uint64(EPOLLERR)),
	name("HUP", uint64(EPOLLHUP)),
	name("RDNORM", uint64(EPOLLRDNORM)),
	name("RDBAND", uint64(EPOLLRDBAND)),
	name("WRNORM", uint64(EPOLLWRNORM)),
	name("WRBAND", uint64(EPOLLWRBAND)),
	name("MSG", uint64(EPOLLMSG)),
	name("RDHUP", uint64(EPOLLRDHUP)),
	name("EXCLUSIVE", uint64(EPOLLEXCLUSIVE)),
	name("WAKEUP", uint64(EPOLLWAKEUP)),
	name("ONESHOT", uint64(EPOLLONESHOT)),
	name("ET", uint64(EPOLLET)),
)

// ParseEpollEvents reads events by name, such as "in, et". The error is a
// [*sys.NameError].
func ParseEpollEvents(text string) (EpollEvents, error) {
	v, err := epollEvents.Parse(text)
	return EpollEvents(v), err
}

// String is the events by name.
func (e EpollEvents) String() string { return epollEvents.Format(uint64(e)) }

// An EpollEvent is a file that is ready.
type EpollEvent struct {
	Events EpollEvents
	Data   uint64 // as it was given for the file
}

// String is the event in one line.
func (e EpollEvent) String() string { return fmt.Sprintf("%v data %d", e.Events, e.Data) }

// An Epoll watches files for readiness; see epoll(7). It is for programs that
// are written in terms of it: goroutines that read from files with O_NONBLOCK
// wait for them without.
type Epoll struct{ *sys.File }

// NewEpoll makes an Epoll that watches nothing yet.
func NewEpoll(p *sys.Process, flags EpollFlags) (*Epoll, error) {
	f, err := open(p, "epoll_create1", "epoll", epollFlags, uint64(flags))
	if err != nil {
		return nil, err
	}
	return &Epoll{f}, nil
}

// The operations of epoll_ctl(2).
const (
	epollAdd    = 1
	epollDelete = 2
	epollModify = 3
)

// epollLayout is where the ABI has what in struct epoll_event, which x86
// packs.
type epollLayout struct {
	size         int
	events, data abi.Field
}

var epollLayouts = layoutOf("epoll_event", func(l abi.Layout) epollLayout {
	return epollLayout{l.Size, field(&l, "events"), field(&l, "data")}
})

// Add watches f. data comes with its events; f's number is what most programs
// give. The kernel forgets f when it is closed.
func (e *Epoll) Add(f *sys.File, events EpollEvents, data uint64) error {
	return e.control(epollAdd, f, EpollEvent{events, data})
}

// Modify changes what f is watched for.
func (e *Epoll) Modify(f *sys.File, events EpollEvents, data uint64) error {
	return e.control(epollModify, f, EpollEvent{events, data})
}

// Delete ends watching f.
func (e *Epoll) Delete(f *sys.File) error { return e.control(epollDelete, f, EpollEvent{}) }

func (e *Epoll) control(op int, f *sys.File, ev EpollEvent) error {
	p := e.Process()
	l, o := epollLayouts.of(p), p.Kernel().ABI().Order
	b := make([]byte, l.size)
	l.events.PutUint(b, o, uint64(ev.Events))
	l.data.PutUint(b, o, ev.Data)
	return with(f, e.File, "epoll_ctl", func(fd int) error {
		_, err := e.Call("epoll_ctl", integer(op), integer(fd), backends.Mem(b, backends.In))
		return err
	})
}

// maxEvents bounds what Wait asks for at a time.
const maxEvents = 4096

// Wait waits until files are ready, for no longer than timeout, and fills
// events; see epoll_wait(2). A negative timeout has no end, and 0 does not
// wait. It returns how many files are ready: 0 where time ran out. Parts of a
// millisecond count as a whole one.
func (e *Epoll) Wait(events []EpollEvent, timeout time.Duration) (int, error) {
	ms := -1
	if timeout >= 0 {
		ms = int(min((timeout+time.Millisecond-1)/time.Millisecond, 1<<31-1))
	}
	p := e.Process()
	l, o := epollLayouts.of(p), p.Kernel().ABI().Order
	want := min(len(events), maxEvents)
	b := make([]byte, l.size*want)
	// epoll_pwait: newer architectures have no epoll_wait.
	r, err := e.Call("epoll_pwait", backends.Mem(b, backends.Out), integer(want), integer(ms), backends.Arg{}, integer(8))
	if err != nil {
		return 0, err
	}
	n := min(int(r), want)
	for i := range n {
		at := b[i*l.size:]
		events[i] = EpollEvent{EpollEvents(l.events.Uint(at, o)), l.data.Uint(at, o)}
	}
	return n, nil
}

// Events waits for events, one after the other, until the loop breaks, ctx
// ends, or waiting fails.
func (e *Epoll) Events(ctx context.Context) iter.Seq2[EpollEvent, error] {
	return func(yield func(EpollEvent, error) bool) {
		view := Epoll{e.With(ctx)}
		var events [64]EpollEvent
		for {
			n, err := view.Wait(events[:], -1)
			if err != nil {
				yield(EpollEvent{}, err)
				return
			}
			for _, ev := range events[:n] {
				if !yield(ev, nil) {
					return
				}
			}
		}
	}
}
