package disk

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"

	"github.com/anykernel/anykernel/hypercall"
)

// Options says how a disk is. The zero Options is a disk of 512-byte sectors
// that may become as large in memory as it is.
type Options struct {
	// Sector is the size of a sector in bytes: a power of two from 512 to
	// 4096. 0 is 512. The disk refuses to write parts of sectors.
	Sector int
	// Limit is the most memory that what was written to this disk may take,
	// in bytes, in units of 4 KiB; a write beyond it fails with ENOSPC. 0 is
	// no limit. What a copy shares is not counted.
	Limit int64
}

const (
	minSector = 512
	maxSector = 4096
	maxSize   = 1 << 44
)

// A Disk is a block device in memory. Its methods are safe for concurrent use.
type Disk struct {
	size   int64
	sector int
	limit  int64
	base   io.ReaderAt // what is read where nothing was written; nil: zeros

	mu    sync.RWMutex
	pages pages
}

var _ interface {
	hypercall.File
	hypercall.Sized
} = (*Disk)(nil)

// New is a disk of zeros. Size is in bytes, and a multiple of the sector.
func New(size int64, o Options) (*Disk, error) { return Over(nil, size, o) }

// Over is a disk that has at first the content of base, up to size bytes, and
// zeros behind its end. Base is read when the disk is, and never written; it
// must not change while the disk or a copy of it is used.
func Over(base io.ReaderAt, size int64, o Options) (*Disk, error) {
	if o.Sector == 0 {
		o.Sector = minSector
	}
	if o.Sector < minSector || o.Sector > maxSector || o.Sector&(o.Sector-1) != 0 {
		return nil, fmt.Errorf("a disk with sectors of %d bytes: it is a power of two from %d to %d", o.Sector, minSector, maxSector)
	}
	if size <= 0 || size > maxSize || size%int64(o.Sector) != 0 {
		return nil, fmt.Errorf("a disk of %d bytes: it is a multiple of the sector, %d, and at most %d", size, o.Sector, int64(maxSize))
	}
	if o.Limit < 0 {
		return nil, fmt.Errorf("a disk with a limit of %d bytes of memory", o.Limit)
	}
	return &Disk{size: size, sector: o.Sector, limit: o.Limit, base: base, pages: newPages(size)}, nil
}

// Size is the disk's capacity in bytes.
func (d *Disk) Size() int64 { return d.size }

// Sector is the size of its sectors in bytes.
func (d *Disk) Sector() int { return d.sector }

// Memory is how many bytes of memory the disk takes that it does not share
// with copies.
func (d *Disk) Memory() int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.pages.own * pageSize
}

// Snapshot is a copy of the disk as it is now. It takes time and memory for
// what is written later, on either side, and a pointer for each 2 MiB.
func (d *Disk) Snapshot() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &Disk{size: d.size, sector: d.sector, limit: d.limit, base: d.base, pages: d.pages.copy()}
}

// ReadAt reads from anywhere. At the end of the disk the error is io.EOF.
func (d *Disk) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read at %d of a disk: %w", off, syscall.EINVAL)
	}
	if off >= d.size {
		return 0, io.EOF
	}
	if rest := d.size - off; int64(len(p)) > rest {
		p, err = p[:rest], io.EOF
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	for n < len(p) {
		part := p[n:min(len(p), n+pageSize-int(off%pageSize))]
		if g := d.pages.get(off / pageSize); g != nil {
			copy(part, g.data[off%pageSize:])
		} else if err := d.readBase(part, off); err != nil {
			return n, err
		}
		n += len(part)
		off += int64(len(part))
	}
	return n, err
}

// readBase reads what lies below, which may be shorter than the disk.
func (d *Disk) readBase(p []byte, off int64) error {
	n := 0
	if d.base != nil {
		var err error
		if n, err = d.base.ReadAt(p, off); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	clear(p[n:])
	return nil
}

// WriteAt writes whole sectors. Beyond the end of the disk the error is
// ENOSPC, and nothing is written.
func (d *Disk) WriteAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off%int64(d.sector) != 0 || len(p)%d.sector != 0 {
		return 0, fmt.Errorf("write of %d bytes at %d of a disk with sectors of %d: %w", len(p), off, d.sector, syscall.EINVAL)
	}
	if off > d.size-int64(len(p)) {
		return 0, fmt.Errorf("%d bytes at %d of a disk of %d: %w", len(p), off, d.size, syscall.ENOSPC)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for n < len(p) {
		part := p[n:min(len(p), n+pageSize-int(off%pageSize))]
		g, err := d.writable(off/pageSize, len(part) == pageSize)
		if err != nil {
			return n, err
		}
		copy(g.data[off%pageSize:], part)
		n += len(part)
		off += int64(len(part))
	}
	return n, nil
}

// writable is page i, ready to be written: as a whole, or in parts, where what
// was there before has to be there.
func (d *Disk) writable(i int64, whole bool) (*page, error) {
	g := d.pages.get(i)
	if d.pages.owns(i) {
		return g, nil
	}
	if d.limit > 0 && (d.pages.own+d.pages.cost(i))*pageSize > d.limit {
		return nil, fmt.Errorf("the disk may take %d bytes of memory: %w", d.limit, syscall.ENOSPC)
	}
	var below page
	if g == nil && !whole && d.base != nil {
		if err := d.readBase(below.data[:], i*pageSize); err != nil {
			return nil, err
		}
		g = &below
	}
	return d.pages.set(i, g), nil
}

// Sync does nothing: what was written is there.
func (d *Disk) Sync() error { return nil }

// Close does nothing: the memory goes when nobody has the disk any more.
func (d *Disk) Close() error { return nil }
