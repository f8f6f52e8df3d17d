package sys

import (
	"context"
	"fmt"
	"io"
	"io/fs"

	"github.com/anykernel/anykernel/backends"
)

var (
	opRead   = newOp("read")
	opWrite  = newOp("write")
	opPread  = paddedOp(3, "pread64", "pread")
	opPwrite = paddedOp(3, "pwrite64", "pwrite")
)

// A File is an open descriptor of a process. It is closed when nothing refers
// to it any more, unless [File.Keep] was called; closing it explicitly is
// still better. In a world of package sim, which the garbage collector must not
// change, it stays open until the kernel ends.
//
// Methods may be called by many goroutines at a time. A Close that meets
// calls in flight takes effect when they have ended, so a call never reaches
// a file that the kernel gave the same number later.
type File struct {
	*descriptor
	ctx context.Context // ends the calls of this view; nil for none
}

// With is a view of f whose calls end when ctx does; see [Process.With].
// Closing any view closes the file.
func (f *File) With(ctx context.Context) *File {
	return &File{descriptor: f.descriptor, ctx: ctx}
}

// Process is the process that holds f.
func (f *File) Process() *Process { return &Process{processState: f.p, ctx: f.ctx} }

// FD is the descriptor's number in its process. It is valid as long as f is
// open and reachable.
func (f *File) FD() int { return f.num }

// Name is the path that f was opened by, or what it is.
func (f *File) Name() string { return f.name }

// Keep gives up closing f when nothing refers to it: the number then stays
// open until Close, or until the process ends.
func (f *File) Keep() { f.cleanup.Stop() }

// Close closes the descriptor. Only the first Close does anything; a later
// one returns nil.
func (f *File) Close() error { return f.fail("close", f.close()) }

// FD is the descriptor with that number in p, such as 0 to 2 for the standard
// ones. The File does not own the number: it is not closed when nothing
// refers to the File, though Close closes it.
func (p *Process) FD(num int) *File {
	return &File{descriptor: &descriptor{p: p.processState, num: num, name: fmt.Sprintf("fd %d", num)}}
}

// NewFile makes a File that owns the number num of p, which came from a raw
// call. The name is for errors.
func (p *Process) NewFile(num int, name string) *File { return p.newFile(num, name) }

// Open opens a path; see open(2). The permissions are those of a file that
// O_CREAT makes, less the process's mask. Descriptors are closed on exec only
// where flags has O_CLOEXEC.
func (p *Process) Open(path string, flags OpenFlags, perm fs.FileMode) (*File, error) {
	return p.at(path).open(flags, perm)
}

// view is p bound by f's context, for making calls.
func (f *File) view() Process { return Process{processState: f.p, ctx: f.ctx} }

// fail is err with its origin.
func (f *File) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	p := f.view()
	return p.wrap(op, f.name, err)
}

// call makes a call whose first argument is the descriptor.
func (f *File) call(name string, o op, args ...backends.Arg) (uintptr, error) {
	if err := f.acquire(); err != nil {
		return 0, f.fail(name, err)
	}
	var all [backends.MaxArgs]backends.Arg
	all[0] = backends.Int(uintptr(f.num))
	p := f.view()
	r, err := p.call(o, all[:1+copy(all[1:], args)]...)
	f.release()
	return r, f.fail(name, err)
}

// Read reads up to len(b) bytes from the file's offset; see read(2). At the
// end it returns 0 and io.EOF.
func (f *File) Read(b []byte) (int, error) {
	return f.read("read", opRead, b, backends.Arg{})
}

// ReadAt reads len(b) bytes from offset off, by pread(2). It returns io.EOF
// where the file ends before that.
func (f *File) ReadAt(b []byte, off int64) (int, error) {
	total := 0
	for total < len(b) {
		n, err := f.Pread(b[total:], off+int64(total))
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Pread reads up to len(b) bytes from offset off in one pread(2). At the end
// it returns 0 and io.EOF.
func (f *File) Pread(b []byte, off int64) (int, error) {
	return f.read("pread", opPread, b, backends.Int(uintptr(off)))
}

func (f *File) read(name string, o op, b []byte, off backends.Arg) (int, error) {
	if err := f.acquire(); err != nil {
		return 0, f.fail(name, err)
	}
	p := f.view()
	var n uintptr
	var err error
	for a := f.attempt(reading); a.next(&err); {
		n, err = p.call(o, backends.Int(uintptr(f.num)), backends.Mem(b, backends.Out), backends.Int(uintptr(len(b))), off)
	}
	f.release()
	if err != nil {
		return 0, f.fail(name, err)
	}
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return int(n), nil
}

// Write writes b at the file's offset, in as many write(2) as it takes.
func (f *File) Write(b []byte) (int, error) {
	return f.write("write", opWrite, b, -1)
}

// WriteAt writes b at offset off, in as many pwrite(2) as it takes.
func (f *File) WriteAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, f.fail("pwrite", fmt.Errorf("negative offset %d: %w", off, EINVAL))
	}
	return f.write("pwrite", opPwrite, b, off)
}

func (f *File) write(name string, o op, b []byte, off int64) (int, error) {
	if err := f.acquire(); err != nil {
		return 0, f.fail(name, err)
	}
	defer f.release()
	p := f.view()
	total := 0
	for {
		at := backends.Arg{}
		if off >= 0 {
			at = backends.Int(uintptr(off + int64(total)))
		}
		rest := b[total:]
		var n uintptr
		var err error
		for a := f.attempt(writing); a.next(&err); {
			n, err = p.call(o, backends.Int(uintptr(f.num)), backends.Mem(rest, backends.In), backends.Int(uintptr(len(rest))), at)
		}
		if err != nil {
			return total, f.fail(name, err)
		}
		total += int(n)
		if total >= len(b) {
			return total, nil
		}
		if n == 0 {
			return total, f.fail(name, io.ErrShortWrite)
		}
	}
}
