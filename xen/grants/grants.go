// Package grants is a domain's grant table, version 1 (public/grant_table.h):
// which of its pages another domain may map or copy.
//
// What may be in this room: making and ending grants. What may not: how the
// table's memory is had.
package grants

import (
	"fmt"
	"sync"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

const (
	entrySize = 8 // flags and domain of 2 bytes each, frame of 4
	reserved  = 8 // the first entries are the toolstack's

	permitAccess = 1
	readOnly     = 1 << 2
	reading      = 1 << 3
	writing      = 1 << 4

	pageShift = 12
)

// A Ref names a grant to the other domain.
type Ref uint32

// A Table is a grant table. Its methods may be called concurrently.
type Table struct {
	entries shm.Region

	mu   sync.Mutex
	free []Ref
}

// New is the table in memory that Xen looks at.
func New(entries shm.Region) *Table {
	t := &Table{entries: entries}
	t.reset()
	return t
}

func (t *Table) reset() {
	t.free = nil
	for i := len(t.entries.Bytes)/entrySize - 1; i >= reserved; i-- {
		t.free = append(t.free, Ref(i))
	}
}

// Suspend stops everything until Resume.
func (t *Table) Suspend() { t.mu.Lock() }

// Resume goes on after Suspend. In a new domain the table is another, which
// is empty.
func (t *Table) Resume(renewed bool) {
	defer t.mu.Unlock()
	if renewed {
		t.reset()
	}
}

// Grant lets a domain use the page at a physical address.
func (t *Table) Grant(domain uint16, physical uint64, ro bool) (Ref, error) {
	frame := physical >> pageShift
	if frame > 0xffffffff {
		return 0, fmt.Errorf("grant of %#x: a grant of version 1 holds 44 bits", physical)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.free) == 0 {
		return 0, fmt.Errorf("grant: all %d entries are in use", len(t.entries.Bytes)/entrySize-reserved)
	}
	r := t.free[len(t.free)-1]
	t.free = t.free[:len(t.free)-1]
	flags := uint32(permitAccess)
	if ro {
		flags |= readOnly
	}
	t.entries.Store32(int(r)*entrySize+4, uint32(frame))
	// Flags come last: they make the entry valid.
	t.entries.Store32(int(r)*entrySize, flags|uint32(domain)<<16)
	return r, nil
}

// GrantRegion grants all pages of a region, in order.
func (t *Table) GrantRegion(domain uint16, r shm.Region, ro bool) ([]Ref, error) {
	var refs []Ref
	for off := 0; off < len(r.Bytes); off += 1 << pageShift {
		ref, err := t.Grant(domain, r.Address+uint64(off), ro)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// End takes a grant back. It fails while the other domain uses the page: the
// page may then not be used for anything else.
func (t *Table) End(r Ref) error {
	at := int(r) * entrySize
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		v := t.entries.Load32(at)
		if v&(reading|writing) != 0 {
			return fmt.Errorf("grant %d: domain %d still uses the page", r, v>>16)
		}
		if v&permitAccess == 0 {
			return fmt.Errorf("grant %d: there is none", r)
		}
		if t.entries.CompareAndSwap32(at, v, v&0xffff0000) {
			t.free = append(t.free, r)
			return nil
		}
	}
}
