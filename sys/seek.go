package sys

import (
	"fmt"
	"io"

	"github.com/anykernel/anykernel/backends"
)

var (
	opLseek     = paddedOp(1, "lseek")
	opFtruncate = paddedOp(1, "ftruncate")
)

// Where File.Seek starts from, besides those of package io. Not every OS has
// them.
const (
	SEEK_DATA = 3 // the next data at or behind the offset
	SEEK_HOLE = 4 // the next hole at or behind the offset
)

// Seek moves the file's offset and returns it; see lseek(2). whence is one of
// io.SeekStart, io.SeekCurrent, io.SeekEnd, SEEK_DATA and SEEK_HOLE. Of a
// directory, only Seek to the start means something everywhere.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	native, err := f.p.k.tab.files.whence(whence)
	if err != nil {
		return 0, f.fail("seek", err)
	}
	r, err := f.call("seek", opLseek, backends.Int(uintptr(offset)), backends.Int(uintptr(native)))
	if err != nil {
		return 0, err
	}
	f.dir.rewind()
	return int64(r), nil
}

func (t *fileTable) whence(w int) (int, error) {
	native := -1
	switch w {
	case io.SeekStart, io.SeekCurrent, io.SeekEnd:
		native = w
	case SEEK_DATA:
		native = t.seekData
	case SEEK_HOLE:
		native = t.seekHole
	default:
		return 0, fmt.Errorf("whence %d is neither of io.SeekStart, SeekCurrent, SeekEnd nor SEEK_DATA, SEEK_HOLE", w)
	}
	if native < 0 {
		return 0, fmt.Errorf("whence %d: %w", w, ErrNotSupported)
	}
	return native, nil
}

// Tell is the file's offset.
func (f *File) Tell() (int64, error) { return f.Seek(0, io.SeekCurrent) }

// Truncate sets the file's size; see ftruncate(2).
func (f *File) Truncate(size int64) error {
	_, err := f.call("truncate", opFtruncate, backends.Int(uintptr(size)))
	return err
}
