package shell

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"mvdan.cc/sh/v3/interp"

	"github.com/anykernel/anykernel/sys"
)

// openFlags is what the interpreter's flags, which are the host's, are here.
var openFlags = []struct {
	host int
	flag sys.OpenFlags
}{
	{os.O_WRONLY, sys.O_WRONLY},
	{os.O_RDWR, sys.O_RDWR},
	{os.O_APPEND, sys.O_APPEND},
	{os.O_CREATE, sys.O_CREAT},
	{os.O_EXCL, sys.O_EXCL},
	{os.O_SYNC, sys.O_SYNC},
	{os.O_TRUNC, sys.O_TRUNC},
}

func (s *Shell) open(ctx context.Context, name string, flag int, perm fs.FileMode) (io.ReadWriteCloser, error) {
	flags := sys.O_CLOEXEC
	for _, f := range openFlags {
		if flag&f.host == f.host {
			flags |= f.flag
		}
	}
	f, err := s.env.Process.With(ctx).Open(absolute(interp.HandlerCtx(ctx).Dir, name), flags, perm)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	if flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		return hostReader(f.With(ctx))
	}
	return f.With(ctx), nil
}

// hostReader is what f holds, in a pipe of the host, and takes f. The
// interpreter reads from files of the host alone: it would make such a pipe
// itself, and leave it open.
func hostReader(f *sys.File) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		f.Close()
		return nil, err
	}
	go func() {
		_, _ = io.Copy(w, f) // ends, too, when nobody reads any more
		f.Close()
		w.Close()
	}()
	return r, nil
}

func (s *Shell) stat(ctx context.Context, name string, follow bool) (fs.FileInfo, error) {
	p := s.env.Process.With(ctx)
	stat := p.Stat
	if !follow {
		stat = p.Lstat
	}
	st, err := stat(name)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return st.Info(path.Base(name)), nil
}

// access asks for the interpreter's mode, whose bits are those of every Unix.
func (s *Shell) access(ctx context.Context, name string, mode interp.AccessMode) error {
	return pathError("access", name, s.env.Process.With(ctx).Access(name, sys.AccessMode(mode)))
}

func (s *Shell) readDir(ctx context.Context, name string) ([]fs.DirEntry, error) {
	entries, err := s.env.Process.With(ctx).ReadDir(absolute(interp.HandlerCtx(ctx).Dir, name))
	return entries, pathError("readdir", name, err)
}

// absolute is where name is, seen from dir.
func absolute(dir, name string) string {
	if name == "" || path.IsAbs(name) {
		return name
	}
	return path.Join(dir, name)
}

// pathError is err in the form that the interpreter prints and goes on after,
// in the kernel's words.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	var e *sys.Error
	if errors.As(err, &e) {
		err = &plainError{e}
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// A plainError says what a kernel's error means, and no more.
type plainError struct{ err *sys.Error }

func (e *plainError) Error() string { return e.err.Message() }
func (e *plainError) Unwrap() error { return e.err }
