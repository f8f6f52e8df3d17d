package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Load is a disk with the content of an image file, which is as large as the
// file. The whole file is read, and may change afterwards. Memory is taken for
// pages that are not zero.
func Load(path string, o Options) (*Disk, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	below, err := Over(f, st.Size(), o)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", path, err)
	}
	d, err := New(st.Size(), o)
	if err != nil {
		return nil, err
	}
	return d, below.copyTo(d)
}

// Restore makes the disk's content that of an image file of the same size,
// such as one that Save wrote and a program repaired.
func (d *Disk) Restore(path string) error {
	from, err := Load(path, Options{Sector: d.sector})
	if err != nil {
		return err
	}
	if from.size != d.size {
		return fmt.Errorf("image %s has %d bytes, and the disk %d", path, from.size, d.size)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.base, d.pages = nil, from.pages
	return nil
}

// Save writes the disk to a file, which has holes where the disk is zero.
func (d *Disk) Save(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = f.Truncate(d.size)
	if err == nil {
		err = d.copyTo(f)
	}
	return errors.Join(err, f.Close())
}

// copyTo writes each page that is not zero to w.
func (d *Disk) copyTo(w io.WriterAt) error {
	var zero, buf [pageSize]byte
	for off := int64(0); off < d.size; off += pageSize {
		b := buf[:min(pageSize, d.size-off)]
		if d.untouched(off / pageSize) {
			continue
		}
		if _, err := d.ReadAt(b, off); err != nil {
			return err
		}
		if string(b) == string(zero[:len(b)]) {
			continue
		}
		if _, err := w.WriteAt(b, off); err != nil {
			return err
		}
	}
	return nil
}

func (d *Disk) untouched(i int64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.base == nil && d.pages.get(i) == nil
}
