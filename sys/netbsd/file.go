package netbsd

import (
	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// FileFlags are the flags of a file; see chflags(2).
type FileFlags uint32

const (
	UF_NODUMP    FileFlags = 0x1 // dump(8) leaves it out
	UF_IMMUTABLE FileFlags = 0x2 // nobody changes it
	UF_APPEND    FileFlags = 0x4 // it can only grow
	UF_OPAQUE    FileFlags = 0x8 // a directory hides what a union has below
	SF_ARCHIVED  FileFlags = 0x10000
	SF_IMMUTABLE FileFlags = 0x20000 // as UF_IMMUTABLE, and only root changes that
	SF_APPEND    FileFlags = 0x40000
	SF_SNAPSHOT  FileFlags = 0x200000
	SF_LOG       FileFlags = 0x400000
	SF_SNAPINVAL FileFlags = 0x800000
)

var fileFlags = sys.NewFlagNames("file flags", "",
	sys.FlagName{Name: "UF_NODUMP", Value: 0x1}, sys.FlagName{Name: "UF_IMMUTABLE", Value: 0x2},
	sys.FlagName{Name: "UF_APPEND", Value: 0x4}, sys.FlagName{Name: "UF_OPAQUE", Value: 0x8},
	sys.FlagName{Name: "SF_ARCHIVED", Value: 0x10000}, sys.FlagName{Name: "SF_IMMUTABLE", Value: 0x20000},
	sys.FlagName{Name: "SF_APPEND", Value: 0x40000}, sys.FlagName{Name: "SF_SNAPSHOT", Value: 0x200000},
	sys.FlagName{Name: "SF_LOG", Value: 0x400000}, sys.FlagName{Name: "SF_SNAPINVAL", Value: 0x800000})

// ParseFileFlags reads flags by name, such as "uf_append, uf_nodump". The error
// is a [*sys.NameError].
func ParseFileFlags(text string) (FileFlags, error) {
	v, err := fileFlags.Parse(text)
	return FileFlags(v), err
}

// String is the flags by name.
func (f FileFlags) String() string { return fileFlags.Format(uint64(f)) }

// Chflags sets the flags of a file.
func Chflags(p *sys.Process, path string, flags FileFlags) error {
	return pathCall(p, "chflags", path, integer(flags))
}

// Lchflags is [Chflags] for a symbolic link itself.
func Lchflags(p *sys.Process, path string, flags FileFlags) error {
	return pathCall(p, "lchflags", path, integer(flags))
}

// Fchflags is [Chflags] for an open file.
func Fchflags(f *sys.File, flags FileFlags) error {
	_, err := f.Call("fchflags", integer(flags))
	return err
}

// Flags is the flags of a file, of a symbolic link its own.
func Flags(p *sys.Process, path string) (FileFlags, error) {
	r := newRecord(p.Kernel().ABI(), "stat")
	err := want(p, "lstat")
	if err == nil {
		err = pathCall(p, "__lstat50", path, backends.Mem(r.b, backends.Out))
	}
	return FileFlags(r.get("st_flags")), err
}

// Revoke makes every descriptor of a device or a file useless; see revoke(2).
func Revoke(p *sys.Process, path string) error { return pathCall(p, "revoke", path) }

// IsSetID reports whether the process's rights were changed when it was
// executed; see issetugid(2).
func IsSetID(p *sys.Process) (bool, error) {
	v, err := p.Call("issetugid")
	return v != 0, err
}

// pathCall makes a call of NetBSD whose first argument is a path.
func pathCall(p *sys.Process, call, path string, more ...backends.Arg) error {
	str, err := sys.CString(path)
	if err == nil {
		err = rawCall(p, call, append([]backends.Arg{str}, more...))
	}
	return p.Fail(call, path, err)
}

// rawCall makes a call by name, whose error has no origin yet.
func rawCall(p *sys.Process, name string, args []backends.Arg) error {
	num, ok := p.Kernel().ABI().Call(name)
	if !ok {
		return sys.ErrNotSupported
	}
	c := backends.Call{Num: num}
	copy(c.Args[:], args)
	_, _, err := p.Raw(c)
	return err
}

// SyncKind is how much [SyncRange] writes.
type SyncKind uint32

const (
	FDATASYNC SyncKind = 0x10 // the data, and what finds them
	FFILESYNC SyncKind = 0x20 // all of the file
	FDISKSYNC SyncKind = 0x40 // out of the disk's cache too; with one of the others
)

// SyncRange writes n bytes of a file from off on to its device, with n 0 all
// that is behind off; see fsync_range(2).
func SyncRange(f *sys.File, how SyncKind, off, n int64) error {
	_, err := f.Call("fsync_range", integer(how), integer(off), integer(n))
	return err
}

// Discard gives back the space of n bytes of a file from off on, which read as
// zero; see fdiscard(2).
func Discard(f *sys.File, off, n int64) error {
	_, err := f.Call("fdiscard", backends.Int(0), integer(off), integer(n)) // an argument that pads
	return err
}
