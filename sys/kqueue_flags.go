package sys

// A KeventFilter is what an event of kqueue(2) is about.
type KeventFilter uint8

const (
	EVFILT_READ     KeventFilter = 1
	EVFILT_WRITE    KeventFilter = 2
	EVFILT_AIO      KeventFilter = 3
	EVFILT_VNODE    KeventFilter = 4
	EVFILT_PROC     KeventFilter = 5
	EVFILT_SIGNAL   KeventFilter = 6
	EVFILT_TIMER    KeventFilter = 7
	EVFILT_FS       KeventFilter = 8
	EVFILT_USER     KeventFilter = 9
	EVFILT_EMPTY    KeventFilter = 10
	EVFILT_PROCDESC KeventFilter = 11
	EVFILT_EXCEPT   KeventFilter = 12
	EVFILT_DEVICE   KeventFilter = 13
)

var keventFilters = enumTable{
	name:   "kqueue filters",
	prefix: "EVFILT_",
	values: []enumValue{
		{"READ", uint32(EVFILT_READ)}, {"WRITE", uint32(EVFILT_WRITE)}, {"AIO", uint32(EVFILT_AIO)},
		{"VNODE", uint32(EVFILT_VNODE)}, {"PROC", uint32(EVFILT_PROC)}, {"SIGNAL", uint32(EVFILT_SIGNAL)},
		{"TIMER", uint32(EVFILT_TIMER)}, {"FS", uint32(EVFILT_FS)}, {"USER", uint32(EVFILT_USER)},
		{"EMPTY", uint32(EVFILT_EMPTY)}, {"PROCDESC", uint32(EVFILT_PROCDESC)}, {"EXCEPT", uint32(EVFILT_EXCEPT)},
		{"DEVICE", uint32(EVFILT_DEVICE)},
	},
}

// ParseKeventFilter reads a filter by name, such as "read" or "EVFILT_READ".
// The error is a [*NameError].
func ParseKeventFilter(text string) (KeventFilter, error) {
	v, err := keventFilters.parse(text)
	return KeventFilter(v), err
}

// String is the name, such as "EVFILT_READ".
func (f KeventFilter) String() string { return keventFilters.format(uint32(f)) }

// KeventFlags are what is to be done with an event, and what is said of one.
type KeventFlags uint32

const (
	EV_ADD      KeventFlags = 0x1
	EV_DELETE   KeventFlags = 0x2
	EV_ENABLE   KeventFlags = 0x4
	EV_DISABLE  KeventFlags = 0x8
	EV_ONESHOT  KeventFlags = 0x10
	EV_CLEAR    KeventFlags = 0x20
	EV_RECEIPT  KeventFlags = 0x40
	EV_DISPATCH KeventFlags = 0x80
	EV_ERROR    KeventFlags = 0x4000
	EV_EOF      KeventFlags = 0x8000
)

var keventFlags = flagTable{
	name:   "kqueue flags",
	prefix: "EV_",
	flags: []flag{
		{name: "ADD", value: uint64(EV_ADD)}, {name: "DELETE", value: uint64(EV_DELETE)},
		{name: "ENABLE", value: uint64(EV_ENABLE)}, {name: "DISABLE", value: uint64(EV_DISABLE)},
		{name: "ONESHOT", value: uint64(EV_ONESHOT)}, {name: "CLEAR", value: uint64(EV_CLEAR)},
		{name: "RECEIPT", value: uint64(EV_RECEIPT)}, {name: "DISPATCH", value: uint64(EV_DISPATCH)},
		{name: "ERROR", value: uint64(EV_ERROR)}, {name: "EOF", value: uint64(EV_EOF)},
	},
}

// ParseKeventFlags reads flags by name, such as "add, clear". The error is a
// [*NameError].
func ParseKeventFlags(text string) (KeventFlags, error) {
	v, err := keventFlags.parse(text)
	return KeventFlags(v), err
}

// String is the flags by name, such as "EV_ADD|EV_CLEAR".
func (f KeventFlags) String() string { return keventFlags.format(uint64(f)) }

// KeventNotes are what a filter looks for, and what it saw. In a kernel the
// notes of one filter have the bits of another's; here each has its own.
type KeventNotes uint32

const (
	NOTE_LOWAT    KeventNotes = 1 << 0 // EVFILT_READ and EVFILT_WRITE: Data is the least to tell of
	NOTE_DELETE   KeventNotes = 1 << 1 // EVFILT_VNODE
	NOTE_WRITE    KeventNotes = 1 << 2
	NOTE_EXTEND   KeventNotes = 1 << 3
	NOTE_ATTRIB   KeventNotes = 1 << 4
	NOTE_LINK     KeventNotes = 1 << 5
	NOTE_RENAME   KeventNotes = 1 << 6
	NOTE_REVOKE   KeventNotes = 1 << 7
	NOTE_EXIT     KeventNotes = 1 << 8 // EVFILT_PROC
	NOTE_FORK     KeventNotes = 1 << 9
	NOTE_EXEC     KeventNotes = 1 << 10
	NOTE_TRACK    KeventNotes = 1 << 11
	NOTE_TRACKERR KeventNotes = 1 << 12
	NOTE_CHILD    KeventNotes = 1 << 13
	NOTE_TRIGGER  KeventNotes = 1 << 14 // EVFILT_USER
	NOTE_SECONDS  KeventNotes = 1 << 15 // EVFILT_TIMER: the unit of Data, without one milliseconds
	NOTE_MSECONDS KeventNotes = 1 << 16
	NOTE_USECONDS KeventNotes = 1 << 17
	NOTE_NSECONDS KeventNotes = 1 << 18
	NOTE_ABSTIME  KeventNotes = 1 << 19
)

// The notes of each filter. Those of the others have none.
var (
	ioNotes    = noteTable("LOWAT")
	vnodeNotes = noteTable("DELETE", "WRITE", "EXTEND", "ATTRIB", "LINK", "RENAME", "REVOKE")
	procNotes  = noteTable("EXIT", "FORK", "EXEC", "TRACK", "TRACKERR", "CHILD")
	userNotes  = noteTable("TRIGGER")
	timerNotes = noteTable("SECONDS", "MSECONDS", "USECONDS", "NSECONDS", "ABSTIME")
	allNotes   = noteTable(noteNames[:]...)
	noNotes    = noteTable()
)

// noteNames is the notes by bit.
var noteNames = [...]string{
	"LOWAT", "DELETE", "WRITE", "EXTEND", "ATTRIB", "LINK", "RENAME", "REVOKE",
	"EXIT", "FORK", "EXEC", "TRACK", "TRACKERR", "CHILD", "TRIGGER",
	"SECONDS", "MSECONDS", "USECONDS", "NSECONDS", "ABSTIME",
}

func noteTable(names ...string) *flagTable {
	t := &flagTable{name: "kqueue notes", prefix: "NOTE_"}
	for i, name := range noteNames {
		for _, n := range names {
			if n == name {
				t.flags = append(t.flags, flag{name: name, value: 1 << i})
			}
		}
	}
	return t
}

// ParseKeventNotes reads notes by name, such as "write, delete". The error is
// a [*NameError].
func ParseKeventNotes(text string) (KeventNotes, error) {
	v, err := allNotes.parse(text)
	return KeventNotes(v), err
}

// String is the notes by name, such as "NOTE_DELETE|NOTE_WRITE".
func (n KeventNotes) String() string { return allNotes.format(uint64(n)) }
