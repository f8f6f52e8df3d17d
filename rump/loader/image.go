//go:build linux

package loader

import (
	"debug/elf"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

func hostPageSize() int { return os.Getpagesize() }

// An Image is one copy of a program in memory. Its methods may be used by
// several goroutines at a time, but not together with Close.
type Image struct {
	prog *Program
	base uintptr
	mem  []byte
	once sync.Once
}

// Load makes a copy of the program, relocated and protected. None of its code
// has run.
func (p *Program) Load() (*Image, error) { return p.LoadAt(0) }

// LoadAt is Load to an address where nothing is yet; 0 is wherever there is
// room.
func (p *Program) LoadAt(addr uintptr) (*Image, error) {
	flags := unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE
	if addr != 0 {
		flags |= unix.MAP_FIXED_NOREPLACE
	}
	at, err := unix.MmapPtr(-1, 0, unsafe.Add(unsafe.Pointer(nil), addr), uintptr(p.span), unix.PROT_NONE, flags)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	mem := unsafe.Slice((*byte)(at), int(p.span))
	im := &Image{prog: p, base: addrOf(mem), mem: mem}
	for _, l := range p.libs {
		if err := im.mapLibrary(l); err != nil {
			im.Close()
			return nil, fmt.Errorf("library %s: %w", l.name, err)
		}
	}
	for _, off := range p.relative {
		*(*uint64)(unsafe.Pointer(&mem[off])) += uint64(im.base)
	}
	for _, l := range p.libs {
		if err := im.protectRelro(l); err != nil {
			im.Close()
			return nil, fmt.Errorf("library %s: %w", l.name, err)
		}
	}
	return im, nil
}

func (im *Image) mapLibrary(l *placed) error {
	for i := range l.segments {
		s := &l.segments[i]
		if s.flags&elf.PF_W != 0 {
			continue
		}
		if err := im.mapShared(l, s); err != nil {
			return err
		}
	}
	for _, d := range l.data {
		start := l.base + d.vaddr
		area := im.mem[pageDown(start):pageUp(start+d.memsz)]
		if err := unix.Mprotect(area, unix.PROT_READ|unix.PROT_WRITE); err != nil {
			return os.NewSyscallError("mprotect", err)
		}
		copyNonzero(im.mem[start:start+d.memsz], d.bytes)
	}
	return nil
}

// copyNonzero copies b to memory that is zero, and leaves pages alone that
// would only be zero again.
func copyNonzero(dst, b []byte) {
	for off := 0; off < len(b); off += int(pageSize) {
		page := b[off:min(off+int(pageSize), len(b))]
		if !allZero(page) {
			copy(dst[off:], page)
		}
	}
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// mapShared maps the pages of a read-only segment a second time: they are the
// library's own, in as many images as there are.
func (im *Image) mapShared(l *placed, s *segment) error {
	from := pageDown(s.off)
	size := pageUp(s.off+s.filesz) - from
	to := pageDown(l.base + s.vaddr)
	// An old size of 0 asks mremap(2) for a second mapping of shared pages.
	_, err := unix.MremapPtr(unsafe.Pointer(&l.file[from]), 0, unsafe.Pointer(&im.mem[to]), uintptr(size),
		unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED)
	if err != nil {
		return os.NewSyscallError("mremap", err)
	}
	prot := unix.PROT_READ
	if s.flags&elf.PF_X != 0 {
		prot |= unix.PROT_EXEC
	}
	return os.NewSyscallError("mprotect", unix.Mprotect(im.mem[to:to+size], prot))
}

// protectRelro takes write permission from what only relocation writes.
func (im *Image) protectRelro(l *placed) error {
	start, end := pageDown(l.base+l.relro[0]), pageDown(l.base+l.relro[1])
	if start >= end || !l.inData(l.relro) {
		return nil
	}
	return os.NewSyscallError("mprotect", unix.Mprotect(im.mem[start:end], unix.PROT_READ))
}

func (l *placed) inData(r [2]uint64) bool {
	for _, d := range l.data {
		if r[0] >= d.vaddr && r[1] <= pageUp(d.vaddr+d.memsz) {
			return true
		}
	}
	return false
}

// Symbol is the address and the size of what the libraries define under a
// name, 0 where they define nothing.
func (im *Image) Symbol(name string) (addr uintptr, size int) {
	d, ok := im.prog.globals[name]
	if !ok || d.sym.threadLocal() {
		return 0, 0
	}
	return im.base + uintptr(d.lib.base+d.sym.value), int(d.sym.size)
}

// Variable is the memory of a variable, nil where the libraries have none of
// that name that can be written.
func (im *Image) Variable(name string) []byte {
	d, ok := im.prog.globals[name]
	if !ok || d.sym.threadLocal() || d.sym.absolute() {
		return nil
	}
	for _, s := range d.lib.data {
		if v := d.sym.value; v >= s.vaddr && d.sym.size <= s.vaddr+s.memsz-v {
			at := d.lib.base + v
			return im.mem[at : at+d.sym.size : at+d.sym.size]
		}
	}
	return nil
}

// Constant is the memory of a variable that may be one that cannot be written,
// nil where the libraries have none of that name.
func (im *Image) Constant(name string) []byte {
	d, ok := im.prog.globals[name]
	if !ok || d.sym.threadLocal() || d.sym.absolute() {
		return nil
	}
	for _, s := range d.lib.segments {
		if v := d.sym.value; v >= s.vaddr && v-s.vaddr <= s.filesz && d.sym.size <= s.filesz-(v-s.vaddr) {
			at := d.lib.base + v
			return im.mem[at : at+d.sym.size : at+d.sym.size]
		}
	}
	return nil
}

// Bounds is the addresses that the image takes.
func (im *Image) Bounds() (start, end uintptr) { return im.base, im.base + uintptr(len(im.mem)) }

// Constructors is the addresses of the functions that the libraries want to
// be called when they are loaded, in the order of the calls: lower libraries,
// which are last in link order, first.
func (im *Image) Constructors() []uintptr {
	var list []uintptr
	for i := len(im.prog.libs) - 1; i >= 0; i-- {
		l := im.prog.libs[i]
		for n := range l.initNum {
			if f := im.word(l.base + l.initAddr + n*8); f != 0 {
				list = append(list, f)
			}
		}
	}
	return list
}

func (im *Image) word(off uint64) uintptr { return *(*uintptr)(unsafe.Pointer(&im.mem[off])) }

// A LinkSet is the bounds of a link set of one library: an array of pointers
// that its linker collected.
type LinkSet struct{ Start, End uintptr }

// LinkSets is the link sets of a name, lower libraries first. A library that
// has none, or an empty one, is left out.
func (im *Image) LinkSets(name string) []LinkSet {
	var list []LinkSet
	for i := len(im.prog.libs) - 1; i >= 0; i-- {
		l := im.prog.libs[i]
		start, end := l.lookup("__start_link_set_"+name), l.lookup("__stop_link_set_"+name)
		if start != nil && end != nil && start.value < end.value {
			at := im.base + uintptr(l.base)
			list = append(list, LinkSet{at + uintptr(start.value), at + uintptr(end.value)})
		}
	}
	return list
}

func (l *Library) lookup(name string) *symbol {
	for i := range l.syms {
		if s := &l.syms[i]; s.name == name && s.defined() {
			return s
		}
	}
	return nil
}

// Describe names what an address lies in, such as "librumpvfs.so
// rumpns_lookup+0x1c", or is "" for an address outside of the image.
func (im *Image) Describe(addr uintptr) string {
	start, end := im.Bounds()
	if addr < start || addr >= end {
		return ""
	}
	off := uint64(addr - start)
	i := sort.Search(len(im.prog.libs), func(i int) bool { return im.prog.libs[i].base > off }) - 1
	l := im.prog.libs[i]
	off -= l.base
	var best *symbol
	for i := range l.syms {
		s := &l.syms[i]
		if s.defined() && !s.threadLocal() && s.value <= off && (best == nil || s.value > best.value) {
			best = s
		}
	}
	name, _, _ := strings.Cut(l.name, ".so")
	if best == nil {
		return fmt.Sprintf("%s+%#x", name, off)
	}
	return fmt.Sprintf("%s %s+%#x", name, best.name, off-best.value)
}

// Revoke takes the right to execute from the image's code: whoever is in it
// faults at his next instruction. It ends what would not end by itself.
func (im *Image) Revoke() error {
	for _, l := range im.prog.libs {
		for i := range l.segments {
			s := &l.segments[i]
			if s.flags&elf.PF_X == 0 || s.flags&elf.PF_W != 0 {
				continue
			}
			start, end := pageDown(l.base+s.vaddr), pageUp(l.base+s.vaddr+s.filesz)
			if err := unix.Mprotect(im.mem[start:end], unix.PROT_READ); err != nil {
				return os.NewSyscallError("mprotect", err)
			}
		}
	}
	return nil
}

// Close takes the image out of memory. None of its code may be running, and
// nothing may use its addresses any more.
func (im *Image) Close() error {
	var err error
	im.once.Do(func() {
		err = os.NewSyscallError("munmap", unix.MunmapPtr(unsafe.Pointer(&im.mem[0]), uintptr(len(im.mem))))
	})
	return err
}
