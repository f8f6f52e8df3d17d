package hypercall

import (
	"errors"
	"io"
	"io/fs"
)

// Image is a file, or a disk, of size bytes that is whatever can be read at an
// offset: part of a file, bytes in memory, an embedded image. Where r is an
// io.WriterAt as well it can be written, else writes fail. Sync and Close are
// r's own where it has them.
func Image(r io.ReaderAt, size int64) File { return image{r, size} }

type image struct {
	io.ReaderAt
	size int64
}

var _ Sized = image{}

func (i image) Size() int64 { return i.size }

// errReadOnly is of those errors that kernels know.
var errReadOnly = &fs.PathError{Op: "write", Path: "image", Err: fs.ErrPermission}

func (i image) WriteAt(p []byte, off int64) (int, error) {
	w, ok := i.ReaderAt.(io.WriterAt)
	switch {
	case !ok:
		return 0, errReadOnly
	case off < 0 || off+int64(len(p)) > i.size:
		return 0, errors.New("write beyond the end of an image")
	}
	return w.WriteAt(p, off)
}

func (i image) Sync() error {
	if s, ok := i.ReaderAt.(interface{ Sync() error }); ok {
		return s.Sync()
	}
	return nil
}

func (i image) Close() error {
	if c, ok := i.ReaderAt.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
