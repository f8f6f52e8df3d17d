package linux

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// InotifyFlags are the flags of inotify_init1(2).
type InotifyFlags uint32

const (
	IN_NONBLOCK InotifyFlags = 0x800
	IN_CLOEXEC  InotifyFlags = 0x80000
)

var inotifyFlags = sys.NewFlagNames("inotify flags", "IN_",
	name("NONBLOCK", uint64(IN_NONBLOCK)), name("CLOEXEC", uint64(IN_CLOEXEC)))

// ParseInotifyFlags reads flags by name, such as "cloexec". The error is a
// [*sys.NameError].
func ParseInotifyFlags(text string) (InotifyFlags, error) {
	v, err := inotifyFlags.Parse(text)
	return InotifyFlags(v), err
}

// String is the flags by name.
func (f InotifyFlags) String() string { return inotifyFlags.Format(uint64(f)) }

// InotifyMask is what is watched for, and what happened; see inotify(7).
type InotifyMask uint32

const (
	IN_ACCESS        InotifyMask = 0x1
	IN_MODIFY        InotifyMask = 0x2
	IN_ATTRIB        InotifyMask = 0x4
	IN_CLOSE_WRITE   InotifyMask = 0x8
	IN_CLOSE_NOWRITE InotifyMask = 0x10
	IN_OPEN          InotifyMask = 0x20
	IN_MOVED_FROM    InotifyMask = 0x40
	IN_MOVED_TO      InotifyMask = 0x80
	IN_CREATE        InotifyMask = 0x100
	IN_DELETE        InotifyMask = 0x200
	IN_DELETE_SELF   InotifyMask = 0x400
	IN_MOVE_SELF     InotifyMask = 0x800

	IN_CLOSE      = IN_CLOSE_WRITE | IN_CLOSE_NOWRITE
	IN_MOVE       = IN_MOVED_FROM | IN_MOVED_TO
	IN_ALL_EVENTS = InotifyMask(0xfff)

	// Events that come without being watched for.
	IN_UNMOUNT    InotifyMask = 0x2000
	IN_Q_OVERFLOW InotifyMask = 0x4000 // events were lost
	IN_IGNORED    InotifyMask = 0x8000 // the watch has gone
	IN_ISDIR      InotifyMask = 0x40000000

	// What AddWatch takes as well.
	IN_ONLYDIR     InotifyMask = 0x1000000
	IN_DONT_FOLLOW InotifyMask = 0x2000000
	IN_EXCL_UNLINK InotifyMask = 0x4000000
	IN_MASK_CREATE InotifyMask = 0x10000000
	IN_MASK_ADD    InotifyMask = 0x20000000
	IN_ONESHOT     InotifyMask = 0x80000000
)

var inotifyMask = sys.NewFlagNames("inotify events", "IN_",
	name("ALL_EVENTS", uint64(IN_ALL_EVENTS)),
	name("CLOSE", uint64(IN_CLOSE)),
	name("MOVE", uint64(IN_MOVE)),
	name("ACCESS", uint64(IN_ACCESS)),
	name("MODIFY", uint64(IN_MODIFY)),
	name("ATTRIB", uint64(IN_ATTRIB)),
	name("CLOSE_WRITE", uint64(IN_CLOSE_WRITE)),
	name("CLOSE_NOWRITE", uint64(IN_CLOSE_NOWRITE)),
	name("OPEN", uint64(IN_OPEN)),
	name("MOVED_FROM", uint64(IN_MOVED_FROM)),
	name("MOVED_TO", uint64(IN_MOVED_TO)),
	name("CREATE", uint64(IN_CREATE)),
	name("DELETE", uint64(IN_DELETE)),
	name("DELETE_SELF", uint64(IN_DELETE_SELF)),
	name("MOVE_SELF", uint64(IN_MOVE_SELF)),
	name("UNMOUNT", uint64(IN_UNMOUNT)),
	name("Q_OVERFLOW", uint64(IN_Q_OVERFLOW)),
	name("IGNORED", uint64(IN_IGNORED)),
	name("ISDIR", uint64(IN_ISDIR)),
	name("ONLYDIR", uint64(IN_ONLYDIR)),
	name("DONT_FOLLOW", uint64(IN_DONT_FOLLOW)),
	name("EXCL_UNLINK", uint64(IN_EXCL_UNLINK)),
	name("MASK_CREATE", uint64(IN_MASK_CREATE)),
	name("MASK_ADD", uint64(IN_MASK_ADD)),
	name("ONESHOT", uint64(IN_ONESHOT)),
)

// ParseInotifyMask reads events by name, such as "create, delete". The error
// is a [*sys.NameError].
func ParseInotifyMask(text string) (InotifyMask, error) {
	v, err := inotifyMask.Parse(text)
	return InotifyMask(v), err
}

// String is the events by name.
func (m InotifyMask) String() string { return inotifyMask.Format(uint64(m)) }

// An InotifyEvent is something that happened to a file.
type InotifyEvent struct {
	Watch  int // as AddWatch returned it; -1 for IN_Q_OVERFLOW
	Mask   InotifyMask
	Cookie uint32 // the same in both events of a rename
	Name   string // in a directory that is watched; else empty
}

// String is the event in one line.
func (e InotifyEvent) String() string {
	return fmt.Sprintf("watch %d: %v %q cookie %d", e.Watch, e.Mask, e.Name, e.Cookie)
}

// An InotifyError says that a kernel gave an event that makes no sense.
type InotifyError struct {
	Offset int    // of the event in what was read
	Reason string // what is wrong with it
}

func (e *InotifyError) Error() string {
	return fmt.Sprintf("malformed inotify event at byte %d: %s", e.Offset, e.Reason)
}

// An Inotify watches files; see inotify(7).
type Inotify struct{ *sys.File }

// NewInotify makes an Inotify that watches nothing yet.
func NewInotify(p *sys.Process, flags InotifyFlags) (*Inotify, error) {
	f, err := open(p, "inotify_init1", "inotify", inotifyFlags, uint64(flags))
	if err != nil {
		return nil, err
	}
	return &Inotify{f}, nil
}

// AddWatch watches the file at path for the events of mask, and returns the
// number of the watch; see inotify_add_watch(2). A file that is watched
// already keeps its number and gets a new mask, or, with IN_MASK_ADD, a wider
// one.
func (i *Inotify) AddWatch(path string, mask InotifyMask) (int, error) {
	str, err := sys.CString(path)
	if err != nil {
		return 0, i.Fail("inotify_add_watch", err)
	}
	wd, err := i.Call("inotify_add_watch", str, integer(uint32(mask)))
	return int(wd), err
}

// RemoveWatch ends a watch. An event IN_IGNORED follows.
func (i *Inotify) RemoveWatch(watch int) error {
	_, err := i.Call("inotify_rm_watch", integer(watch))
	return err
}

// eventBuffer is what is read at a time. The kernel refuses reads that have no
// room for an event with the longest name.
const eventBuffer = 16 << 10

// ReadEvents waits for events and returns those that there are, one at least.
func (i *Inotify) ReadEvents() ([]InotifyEvent, error) {
	b := make([]byte, eventBuffer)
	n, err := i.Read(b)
	if err != nil {
		return nil, err
	}
	p := i.Process()
	l := inotifyLayouts.of(p)
	var list []InotifyEvent
	for off := 0; off < n; {
		e, after, err := l.next(b[:n], off, p.Kernel().ABI().Order)
		if err != nil {
			return list, i.Fail("read", err)
		}
		list, off = append(list, e), after
	}
	return list, nil
}

// Events waits for events, one after the other, until the loop breaks or
// reading fails. A view that [sys.File.With] made ends with its context.
func (i *Inotify) Events() iter.Seq2[InotifyEvent, error] {
	return func(yield func(InotifyEvent, error) bool) {
		for {
			list, err := i.ReadEvents()
			for _, e := range list {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(InotifyEvent{}, err)
				return
			}
		}
	}
}

// inotifyLayout is where the ABI has what in struct inotify_event.
type inotifyLayout struct {
	size                      int
	watch, mask, cookie, name abi.Field
}

var inotifyLayouts = layoutOf("inotify_event", func(l abi.Layout) inotifyLayout {
	return inotifyLayout{l.Size, field(&l, "wd"), field(&l, "mask"), field(&l, "cookie"), field(&l, "len")}
})

// next is the event at off of b, and the offset of the one behind it. It
// trusts nothing in b.
func (l *inotifyLayout) next(b []byte, off int, o abi.ByteOrder) (e InotifyEvent, after int, err error) {
	rest := b[off:]
	if l.size == 0 || len(rest) < l.size {
		return e, 0, &InotifyError{off, fmt.Sprintf("%d bytes are left, and its head has %d", len(rest), l.size)}
	}
	name := rest[l.size:]
	n := l.name.Uint(rest, o)
	if n > uint64(len(name)) {
		return e, 0, &InotifyError{off, fmt.Sprintf("its name is of %d bytes, and %d are left", n, len(name))}
	}
	name, _, _ = bytes.Cut(name[:n], []byte{0})
	if bytes.IndexByte(name, '/') >= 0 {
		return e, 0, &InotifyError{off, fmt.Sprintf("its name is %q", name)}
	}
	e = InotifyEvent{
		Watch:  int(l.watch.Int(rest, o)),
		Mask:   InotifyMask(l.mask.Uint(rest, o)),
		Cookie: uint32(l.cookie.Uint(rest, o)),
		Name:   string(name),
	}
	return e, off + l.size + int(n), nil
}
