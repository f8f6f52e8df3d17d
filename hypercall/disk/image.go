package disk

import (
	"errors"
	"fmt"
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
	d, err := New(st.Size(), o)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", path, err)
	}
	below, err := Over(f, st.Size(), o)
	if err != nil {
		return nil, err
	}
	return d, below.pagesDo(func(b []byte, off int64) error {
		_, err := d.WriteAt(b, off)
		return err
	})
}

// Save writes the disk to a file, which has holes where the disk is zero.
func (d *Disk) Save(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = f.Truncate(d.size)
	if err == nil {
		err = d.pagesDo(func(b []byte, off int64) error {
			_, err := f.WriteAt(b, off)
			return err
		})
	}
	return errors.Join(err, f.Close())
}

// pagesDo calls do for each page that is not zero.
func (d *Disk) pagesDo(do func(b []byte, off int64) error) error {
	var zero, buf [pageSize]byte
	for off := int64(0); off < d.size; off += pageSize {
		b := buf[:min(pageSize, d.size-off)]
		if d.base == nil && d.untouched(off/pageSize) {
			continue
		}
		if _, err := d.ReadAt(b, off); err != nil {
			return err
		}
		if string(b) == string(zero[:len(b)]) {
			continue
		}
		if err := do(b, off); err != nil {
			return err
		}
	}
	return nil
}

func (d *Disk) untouched(i int64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.pages.get(i) == nil
}
