package sys

import (
	"errors"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/anykernel/anykernel/backends"
)

var (
	opGetdents      = newOp("getdents64", "__getdents30", "getdents")
	opGetdirentries = newOp("getdirentries64", "getdirentries")
)

// A DirEntry is an entry of a directory. It is an fs.DirEntry.
type DirEntry struct {
	name string
	ino  uint64
	kind fs.FileMode
	from *place // the directory: an open one with no path, or a path
}

var _ fs.DirEntry = (*DirEntry)(nil)

// Name is the name in the directory.
func (e *DirEntry) Name() string { return e.name }

// Ino is the number of the file on its device.
func (e *DirEntry) Ino() uint64 { return e.ino }

// Type is the type bits of the file's mode.
func (e *DirEntry) Type() fs.FileMode { return e.kind }

// IsDir reports whether it is a directory.
func (e *DirEntry) IsDir() bool { return e.kind.IsDir() }

// Stat tells of the file, of a symbolic link itself. An entry that came from a
// File needs that to be open still.
func (e *DirEntry) Stat() (Stat, error) {
	l := *e.from
	l.path = path.Join(l.path, e.name)
	return l.stat("lstat", AT_SYMLINK_NOFOLLOW)
}

// Info is Stat as fs.DirEntry has it.
func (e *DirEntry) Info() (fs.FileInfo, error) {
	st, err := e.Stat()
	if err != nil {
		return nil, err
	}
	return st.Info(e.name), nil
}

// String is the entry as fs.FormatDirEntry prints it, such as "d tmp/".
func (e *DirEntry) String() string { return fs.FormatDirEntry(e) }

// A dirReader is how far a directory was read.
type dirReader struct {
	mu       sync.Mutex
	buf      *[direntBuffer]byte // nil: nothing was read yet, or all was
	pos, end int                 // of what was read and not yet given
}

// direntBuffer is what is read of a directory at a time. No kernel has
// entries that do not fit it.
const direntBuffer = 32 << 10

var direntBuffers = sync.Pool{New: func() any { return new([direntBuffer]byte) }}

// rewind forgets what was read ahead.
func (r *dirReader) rewind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
}

func (r *dirReader) drop() {
	if r.buf != nil {
		direntBuffers.Put(r.buf)
	}
	r.buf, r.pos, r.end = nil, 0, 0
}

// next is the next entry of f but "." and ".."; io.EOF behind the last. The
// entry is looked up in from.
func (r *dirReader) next(f *File, from *place) (DirEntry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if r.pos >= r.end {
			if err := r.fill(f); err != nil {
				r.drop()
				return DirEntry{}, err
			}
		}
		raw, after, err := f.p.k.tab.files.dirent.next(r.buf[:r.end], r.pos)
		if err != nil {
			r.drop()
			return DirEntry{}, f.fail("getdents", err)
		}
		r.pos = after
		if raw.ino == 0 || raw.isDot() { // BSD: an entry of number 0 is a hole
			continue
		}
		e := DirEntry{name: string(raw.name), ino: raw.ino, from: from}
		kind, known := raw.mode()
		if !known {
			kind, err = e.lookUpType()
			if errors.Is(err, ENOENT) { // removed since
				continue
			}
			if err != nil {
				return DirEntry{}, err
			}
		}
		e.kind = kind
		return e, nil
	}
}

func (e *DirEntry) lookUpType() (fs.FileMode, error) {
	st, err := e.Stat()
	return st.Mode.Type(), err
}

// fill reads entries; io.EOF where there are no more.
func (r *dirReader) fill(f *File) error {
	if r.buf == nil {
		r.buf = direntBuffers.Get().(*[direntBuffer]byte)
	}
	n, err := f.getdents(r.buf[:])
	if err != nil {
		return err
	}
	if n == 0 {
		return io.EOF
	}
	r.pos, r.end = 0, n
	return nil
}

// getdents reads entries in the form of the kernel's ABI.
func (f *File) getdents(b []byte) (int, error) {
	mem, size := backends.Mem(b, backends.Out), backends.Int(uintptr(len(b)))
	var n uintptr
	var err error
	if f.p.k.tab.has(opGetdirentries) {
		var position [8]byte // told by the kernel, of use to nobody
		n, err = f.call("getdents", opGetdirentries, mem, size, backends.Mem(position[:], backends.Out))
	} else {
		n, err = f.call("getdents", opGetdents, mem, size)
	}
	if err != nil {
		return 0, err
	}
	if n > uintptr(len(b)) {
		return 0, f.fail("getdents", &DirentError{0, "the kernel gave more than was asked for"})
	}
	return int(n), nil
}

// ReadDir reads the next entries of the directory, in its own order and
// without "." and ".."; see [fs.ReadDirFile]. Where n > 0 it returns at most n
// of them, and io.EOF at the end. Otherwise it returns all that are left. Seek
// to 0 starts again.
func (f *File) ReadDir(n int) ([]fs.DirEntry, error) {
	from := f.at("")
	return f.readDir(n, &from)
}

func (f *File) readDir(n int, from *place) ([]fs.DirEntry, error) {
	var list []fs.DirEntry
	for n <= 0 || len(list) < n {
		e, err := f.dir.next(f, from)
		if err == io.EOF {
			if n > 0 && len(list) == 0 {
				return nil, io.EOF
			}
			break
		}
		if err != nil {
			return list, err
		}
		list = append(list, &e)
	}
	return list, nil
}

// Readdirnames is [File.ReadDir] for names alone.
func (f *File) Readdirnames(n int) ([]string, error) {
	list, err := f.ReadDir(n)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names, err
}

// Entries is the entries of the directory from its start, in its own order and
// without "." and "..". An error ends it. The directory's offset moves: only
// one loop at a time can run over a file.
func (f *File) Entries() iter.Seq2[DirEntry, error] {
	return func(yield func(DirEntry, error) bool) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			yield(DirEntry{}, err)
			return
		}
		from := f.at("")
		for {
			e, err := f.dir.next(f, &from)
			if err == io.EOF || !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// ReadDir is the entries of the directory at dir, sorted by name and without
// "." and "..". Where it fails it returns what it had read.
func (p *Process) ReadDir(dir string) ([]fs.DirEntry, error) {
	f, err := p.Open(dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	from := p.at(dir)
	list, err := f.readDir(-1, &from)
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, errors.Join(err, f.Close())
}
