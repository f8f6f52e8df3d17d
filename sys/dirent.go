package sys

import (
	"bytes"
	"fmt"
	"io/fs"

	"github.com/anykernel/anykernel/sys/abi"
)

// A DirentError says that a kernel gave an entry of a directory that makes no
// sense.
type DirentError struct {
	Offset int    // of the entry in what the kernel gave
	Reason string // what is wrong with it
}

func (e *DirentError) Error() string {
	return fmt.Sprintf("malformed directory entry at byte %d: %s", e.Offset, e.Reason)
}

// A direntLayout is where an ABI has what in struct dirent.
type direntLayout struct {
	order                     abi.ByteOrder
	ino, reclen, namlen, kind abi.Field
	name                      int // offset of the name
}

func newDirentLayout(a *abi.ABI) direntLayout {
	l := layoutOf(a, "dirent64", "dirent")
	return direntLayout{
		order:  a.Order,
		ino:    l.field("d_ino", "d_fileno"),
		reclen: l.field("d_reclen"),
		namlen: l.field("d_namlen"),
		kind:   l.field("d_type"),
		name:   l.field("d_name").Offset,
	}
}

// A rawDirent is an entry as the kernel gave it. The name is part of the
// buffer that it was read from. An entry of number 0 is a hole without a name.
type rawDirent struct {
	ino  uint64
	kind uint8
	name []byte
}

// next is the entry at off of b, and the offset of the one behind it. It
// trusts nothing in b.
func (l *direntLayout) next(b []byte, off int) (e rawDirent, after int, err error) {
	rest := b[off:]
	if l.reclen.Size == 0 || len(rest) <= l.name {
		return e, 0, &DirentError{off, "it is cut short"}
	}
	reclen := l.reclen.Uint(rest, l.order)
	if reclen <= uint64(l.name) || reclen > uint64(len(rest)) {
		return e, 0, &DirentError{off, fmt.Sprintf("its length is %d, with %d bytes left and %d for its head", reclen, len(rest), l.name)}
	}
	rest = rest[:reclen]
	if e.ino = l.ino.Uint(rest, l.order); e.ino == 0 {
		return e, off + int(reclen), nil // a hole, which has no name: BSD
	}
	e.name, err = l.nameOf(rest, off)
	e.kind = uint8(l.kind.Uint(rest, l.order))
	return e, off + int(reclen), err
}

func (l *direntLayout) nameOf(entry []byte, off int) ([]byte, error) {
	name := entry[l.name:]
	end := bytes.IndexByte(name, 0)
	if l.namlen.Size != 0 {
		n := l.namlen.Uint(entry, l.order)
		if n > uint64(len(name)) {
			return nil, &DirentError{off, fmt.Sprintf("its name is of %d bytes in an entry of %d", n, len(entry))}
		}
		if end < 0 || uint64(end) > n {
			end = int(n)
		}
	}
	if end < 0 {
		return nil, &DirentError{off, "its name does not end"}
	}
	name = name[:end]
	if len(name) == 0 || bytes.IndexByte(name, '/') >= 0 {
		return nil, &DirentError{off, fmt.Sprintf("its name is %q", name)}
	}
	return name, nil
}

// direntTypes are the types by d_type, the same in every Unix.
var direntTypes = [16]struct {
	mode  fs.FileMode
	known bool
}{
	1:  {fs.ModeNamedPipe, true},
	2:  {fs.ModeDevice | fs.ModeCharDevice, true},
	4:  {fs.ModeDir, true},
	6:  {fs.ModeDevice, true},
	8:  {0, true},
	10: {fs.ModeSymlink, true},
	12: {fs.ModeSocket, true},
	14: {fs.ModeIrregular, true}, // whiteout
}

// mode is the type of the file, false where the kernel does not tell.
func (e *rawDirent) mode() (fs.FileMode, bool) {
	t := direntTypes[e.kind&15]
	return t.mode, t.known && e.kind < 16
}

// isDot reports whether it is "." or "..".
func (e *rawDirent) isDot() bool {
	return e.name[0] == '.' && (len(e.name) == 1 || len(e.name) == 2 && e.name[1] == '.')
}
