package sys

// OpenFlags are the flags of open(2).
type OpenFlags uint32

// Exactly one of O_RDONLY, O_WRONLY and O_RDWR is given to open, with any of
// the others.
const (
	O_RDONLY    OpenFlags = 0x0
	O_WRONLY    OpenFlags = 0x1
	O_RDWR      OpenFlags = 0x2
	O_ACCMODE   OpenFlags = 0x3
	O_CREAT     OpenFlags = 0x40
	O_EXCL      OpenFlags = 0x80
	O_NOCTTY    OpenFlags = 0x100
	O_TRUNC     OpenFlags = 0x200
	O_APPEND    OpenFlags = 0x400
	O_NONBLOCK  OpenFlags = 0x800
	O_DSYNC     OpenFlags = 0x1000
	O_ASYNC     OpenFlags = 0x2000
	O_DIRECT    OpenFlags = 0x4000
	O_DIRECTORY OpenFlags = 0x10000
	O_NOFOLLOW  OpenFlags = 0x20000
	O_NOATIME   OpenFlags = 0x40000
	O_CLOEXEC   OpenFlags = 0x80000
	O_SYNC      OpenFlags = 0x101000
	O_PATH      OpenFlags = 0x200000
	O_TMPFILE   OpenFlags = 0x410000
)

var openFlags = flagTable{
	name:   "open flags",
	prefix: "O_",
	flags: []flag{
		{"RDONLY", 0, uint64(O_ACCMODE)},
		{"WRONLY", uint64(O_WRONLY), uint64(O_ACCMODE)},
		{"RDWR", uint64(O_RDWR), uint64(O_ACCMODE)},
		{name: "TMPFILE", value: uint64(O_TMPFILE)},
		{name: "SYNC", value: uint64(O_SYNC)},
		{name: "CREAT", value: uint64(O_CREAT)},
		{name: "EXCL", value: uint64(O_EXCL)},
		{name: "NOCTTY", value: uint64(O_NOCTTY)},
		{name: "TRUNC", value: uint64(O_TRUNC)},
		{name: "APPEND", value: uint64(O_APPEND)},
		{name: "NONBLOCK", value: uint64(O_NONBLOCK)},
		{name: "DSYNC", value: uint64(O_DSYNC)},
		{name: "ASYNC", value: uint64(O_ASYNC)},
		{name: "DIRECT", value: uint64(O_DIRECT)},
		{name: "DIRECTORY", value: uint64(O_DIRECTORY)},
		{name: "NOFOLLOW", value: uint64(O_NOFOLLOW)},
		{name: "NOATIME", value: uint64(O_NOATIME)},
		{name: "CLOEXEC", value: uint64(O_CLOEXEC)},
		{name: "PATH", value: uint64(O_PATH)},
	},
}

// ParseOpenFlags reads flags by name, such as "rdwr, creat" or
// "O_RDWR|O_CREAT". A name behind "~" removes what an earlier one set. The
// error is a [*NameError].
func ParseOpenFlags(text string) (OpenFlags, error) {
	v, err := openFlags.parse(text)
	return OpenFlags(v), err
}

// String is the flags by name, such as "O_RDWR|O_CREAT".
func (f OpenFlags) String() string { return openFlags.format(uint64(f)) }
