package disk

import (
	"fmt"
	"io"

	"github.com/anykernel/anykernel/hypercall"
)

// ReadWriterAt is what can be read and written at an offset: a file, a slice
// with methods, a volume of somebody else's.
type ReadWriterAt interface {
	io.ReaderAt
	io.WriterAt
}

// Device is a block device of size bytes that is on rw. If rw has a method
// Sync() error, barriers go there. Closing the device does not close rw.
func Device(rw ReadWriterAt, size int64) (hypercall.File, error) {
	if size <= 0 || size > maxSize {
		return nil, fmt.Errorf("a device of %d bytes", size)
	}
	return &device{rw, size}, nil
}

type device struct {
	ReadWriterAt
	size int64
}

func (d *device) Size() int64 { return d.size }

func (d *device) Sync() error {
	if s, ok := d.ReadWriterAt.(interface{ Sync() error }); ok {
		return s.Sync()
	}
	return nil
}

func (d *device) Close() error { return nil }
