package sys

import (
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opFstatat = newOp("newfstatat", "fstatat64", "fstatat")
	opFstat   = newOp("__fstat50", "fstat64", "fstat")
)

// A Stat is what stat(2) tells of a file.
type Stat struct {
	Dev     Device      // the device that the file is on
	Ino     uint64      // its number there
	Mode    fs.FileMode // type and permissions
	Nlink   uint64      // names that it has
	UID     uint32
	GID     uint32
	Rdev    Device // the device that it is, for device files
	Size    int64  // in bytes
	Blksize int64  // the size that it is best read and written in
	Blocks  int64  // what it occupies, in units of 512 bytes

	Atime time.Time // last read
	Mtime time.Time // last written
	Ctime time.Time // last changed, data or attributes
	Btime time.Time // created; zero where the kernel's stat does not tell
}

// IsDir reports whether the file is a directory.
func (st *Stat) IsDir() bool { return st.Mode.IsDir() }

// IsRegular reports whether it is a regular file.
func (st *Stat) IsRegular() bool { return st.Mode.IsRegular() }

// TypeName is its type in words; see [TypeName].
func (st *Stat) TypeName() string { return TypeName(st.Mode) }

// SameFile reports whether both are the same file of one kernel.
func (st *Stat) SameFile(other *Stat) bool { return st.Dev == other.Dev && st.Ino == other.Ino }

// String is one line, like that of ls -il.
func (st *Stat) String() string {
	size := fmt.Sprint(st.Size)
	if st.Mode&fs.ModeDevice != 0 {
		size = st.Rdev.String()
	}
	return fmt.Sprintf("%d %s %d %d %d %s %s", st.Ino, FormatMode(st.Mode), st.Nlink, st.UID, st.GID,
		size, st.Mtime.UTC().Format(time.RFC3339))
}

// Info is st as an fs.FileInfo under the name that a path ends in. Its Sys is
// a *Stat.
func (st *Stat) Info(name string) fs.FileInfo { return &fileInfo{path.Base(name), *st} }

type fileInfo struct {
	name string
	st   Stat
}

func (i *fileInfo) Name() string       { return i.name }
func (i *fileInfo) Size() int64        { return i.st.Size }
func (i *fileInfo) Mode() fs.FileMode  { return i.st.Mode }
func (i *fileInfo) ModTime() time.Time { return i.st.Mtime }
func (i *fileInfo) IsDir() bool        { return i.st.IsDir() }
func (i *fileInfo) Sys() any           { return &i.st }
func (i *fileInfo) String() string     { return fs.FormatFileInfo(i) }

// A statLayout is where an ABI has what in struct stat.
type statLayout struct {
	size                         int
	dev, ino, mode, nlink        abi.Field
	uid, gid, rdev, length       abi.Field
	blksize, blocks              abi.Field
	atime, mtime, ctime, created timeField
}

func newStatLayout(a *abi.ABI) statLayout {
	l := layoutOf(a, "stat")
	return statLayout{
		size: l.Size,
		dev:  l.field("st_dev"), ino: l.field("st_ino"), mode: l.field("st_mode"), nlink: l.field("st_nlink"),
		uid: l.field("st_uid"), gid: l.field("st_gid"), rdev: l.field("st_rdev"), length: l.field("st_size"),
		blksize: l.field("st_blksize"), blocks: l.field("st_blocks"),
		atime:   newTimeField(l, "st_atim", "st_atimespec"),
		mtime:   newTimeField(l, "st_mtim", "st_mtimespec"),
		ctime:   newTimeField(l, "st_ctim", "st_ctimespec"),
		created: newTimeField(l, "st_birthtim", "st_birthtimespec", "__st_birthtim", "st_btim"),
	}
}

func (t *fileTable) decodeStat(b []byte) Stat {
	l, o := &t.stat, t.order
	return Stat{
		Dev:     t.device.unpack(l.dev.Uint(b, o)),
		Ino:     l.ino.Uint(b, o),
		Mode:    modeOf(uint32(l.mode.Uint(b, o))),
		Nlink:   l.nlink.Uint(b, o),
		UID:     uint32(l.uid.Uint(b, o)),
		GID:     uint32(l.gid.Uint(b, o)),
		Rdev:    t.device.unpack(l.rdev.Uint(b, o)),
		Size:    l.length.Int(b, o),
		Blksize: l.blksize.Int(b, o),
		Blocks:  l.blocks.Int(b, o),
		Atime:   l.atime.time(b, o),
		Mtime:   l.mtime.time(b, o),
		Ctime:   l.ctime.time(b, o),
		Btime:   l.created.time(b, o),
	}
}

// Stat tells of the file that a path leads to, through symbolic links; see
// stat(2).
func (p *Process) Stat(path string) (Stat, error) { return p.at(path).stat("stat", 0) }

// Lstat is Stat that tells of a symbolic link itself.
func (p *Process) Lstat(path string) (Stat, error) {
	return p.at(path).stat("lstat", AT_SYMLINK_NOFOLLOW)
}

// StatAt is [Process.Stat] for a path relative to the directory f, with
// AT_SYMLINK_NOFOLLOW [Process.Lstat].
func (f *File) StatAt(path string, flags AtFlags) (Stat, error) {
	return f.at(path).stat("stat", flags)
}

// Stat tells of the open file; see fstat(2).
func (f *File) Stat() (Stat, error) {
	s := newScratch()
	defer s.free()
	t := &f.p.k.tab.files
	b := s.zeroed(t.stat.size)
	if _, err := f.call("stat", opFstat, backends.Mem(b, backends.Out)); err != nil {
		return Stat{}, err
	}
	return t.decodeStat(b), nil
}

func (l place) stat(name string, flags AtFlags) (Stat, error) {
	t := &l.p.k.tab.files
	native, err := t.at.native(uint64(flags))
	if err != nil {
		return Stat{}, l.fail(name, err)
	}
	s := newScratch()
	defer s.free()
	b := s.zeroed(t.stat.size)
	if _, err := l.call(s, name, opFstatat, backends.Mem(b, backends.Out), backends.Int(uintptr(native))); err != nil {
		return Stat{}, err
	}
	return t.decodeStat(b), nil
}
