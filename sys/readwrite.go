package sys

import (
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/anykernel/anykernel/backends"
)

var opCopyFileRange = newOp("copy_file_range")

var (
	_ io.ReadWriteSeeker = (*File)(nil)
	_ io.ReaderAt        = (*File)(nil)
	_ io.WriterAt        = (*File)(nil)
	_ io.ReaderFrom      = (*File)(nil)
	_ io.StringWriter    = (*File)(nil)
	_ io.Closer          = (*File)(nil)
)

// copyBuffer is what is moved at a time between files that the kernel does not
// move itself.
const copyBuffer = 128 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// WriteString is Write of a string.
func (f *File) WriteString(text string) (int, error) {
	s := newScratch()
	defer s.free()
	b := s.bytes(len(text))
	copy(b, text)
	return f.Write(b)
}

// ReadFrom writes what r has up to its end. Where r is a File of the same
// process, the kernel moves the data by itself if it can. It is what io.Copy
// uses.
func (f *File) ReadFrom(r io.Reader) (int64, error) {
	var total int64
	if src, ok := r.(interface{ sysFile() *File }); ok {
		n, done, err := f.copyRange(src.sysFile())
		if done || err != nil {
			return n, err
		}
		total = n
	}
	buf := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buf)
	n, err := io.CopyBuffer(writerOnly{f}, readerOnly{r}, buf[:])
	return total + n, err
}

// writerOnly and readerOnly hide the methods that would lead back here.
type (
	writerOnly struct{ io.Writer }
	readerOnly struct{ io.Reader }
)

func (f *File) sysFile() *File { return f }

// maxCopyRange is what a kernel is asked to move at a time, so that a context
// can end a long copy.
const maxCopyRange = 64 << 20

// copyRange copies the rest of src by copy_file_range(2). done is false where
// that call is not for these files, or where it moved nothing: files of /proc
// look empty to it.
func (f *File) copyRange(src *File) (total int64, done bool, err error) {
	if f.p.fds != src.p.fds || !f.p.k.tab.has(opCopyFileRange) {
		return 0, false, nil
	}
	if err := src.acquire(); err != nil {
		return 0, false, src.fail("read", err)
	}
	defer src.release()
	for {
		n, err := f.copySome(src.num)
		total += int64(n)
		if isNotForCopyRange(err) {
			return total, false, nil
		}
		if n == 0 || err != nil {
			return total, total > 0, err
		}
	}
}

// copySome moves data from the offset of one descriptor to that of f.
func (f *File) copySome(from int) (int, error) {
	if err := f.acquire(); err != nil {
		return 0, f.fail("write", err)
	}
	defer f.release()
	p := f.view()
	n, err := p.call(opCopyFileRange, backends.Int(uintptr(from)), backends.Arg{},
		backends.Int(uintptr(f.num)), backends.Arg{}, backends.Int(maxCopyRange), backends.Arg{})
	if err != nil {
		return 0, f.fail("copy_file_range", err)
	}
	return int(n), nil
}

// isNotForCopyRange reports whether copy_file_range(2) cannot move data
// between these files, or in this kernel, or could not just now: whoever then
// reads and writes finds out.
func isNotForCopyRange(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Portable() {
	case EINVAL, EXDEV, EBADF, EISDIR, ENOSYS, EOPNOTSUPP, EPERM, EIO, EOVERFLOW, ESPIPE:
		return true
	}
	return false
}

// ReadFile is the whole file at path, also of files that say that their size
// is 0, as those of /proc do.
func (p *Process) ReadFile(path string) ([]byte, error) {
	f, err := p.Open(path, O_RDONLY|O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.With(p.ctx).readAll()
}

// readHint bounds what is allocated on a file's word for its size.
const readHint = 64 << 20

func (f *File) readAll() ([]byte, error) {
	size := 512
	if st, err := f.Stat(); err == nil && st.IsRegular() {
		size = int(max(512, min(st.Size+1, readHint)))
	}
	b := make([]byte, 0, size)
	for {
		n, err := f.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// WriteFile makes data the content of the file at path. A file that is not
// there is made with the permissions perm, less the process's mask.
func (p *Process) WriteFile(path string, data []byte, perm fs.FileMode) error {
	f, err := p.Open(path, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, perm)
	if err != nil {
		return err
	}
	_, err = f.With(p.ctx).Write(data)
	return errors.Join(err, f.Close())
}

// CopyFile makes the content and the permissions of the file at src those of
// the file at dst, which is made where it is not there.
func (p *Process) CopyFile(dst, src string) error {
	from, err := p.Open(src, O_RDONLY|O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer from.Close()
	st, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := p.Open(dst, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, st.Mode.Perm())
	if err != nil {
		return err
	}
	_, err = to.With(p.ctx).ReadFrom(from.With(p.ctx))
	if err == nil {
		err = to.Chmod(st.Mode)
	}
	return errors.Join(err, to.Close())
}

// Touch sets the times of the file at path to the kernel's present time, and
// makes it, empty, where it is not there.
func (p *Process) Touch(path string) error {
	err := p.Chtimes(path, TimeNow, TimeNow)
	if !errors.Is(err, ENOENT) {
		return err
	}
	f, err := p.Open(path, O_WRONLY|O_CREAT|O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	return f.Close()
}
