//go:build linux

package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// Limits on one library. NetBSD's largest has 2 MiB and 4,000 symbols.
const (
	maxFile    = 256 << 20
	maxSpan    = 1 << 30 // of virtual addresses
	maxSymbols = 1 << 20
	maxRelocs  = 1 << 22
	maxPhdrs   = 64
)

// pageSize is the granularity of protection. arm64 may have larger pages, and
// its libraries are aligned for them.
var pageSize = uint64(hostPageSize())

// dtRELR is DT_RELR, which debug/elf has no name for.
const dtRELR elf.DynTag = 36

// A FormatError says what is wrong with a library.
type FormatError struct {
	Library string
	Reason  string
}

func (e *FormatError) Error() string { return fmt.Sprintf("library %s: %s", e.Library, e.Reason) }

// A Machine is the instruction set that a library is for.
type Machine = elf.Machine

// A segment is a PT_LOAD.
type segment struct {
	vaddr, memsz, off, filesz uint64
	flags                     elf.ProgFlag
}

// A symbol is an entry of a library's dynamic symbol table.
type symbol struct {
	name  string
	value uint64
	size  uint64
	info  byte
	other byte
	shndx elf.SectionIndex
}

func (s *symbol) defined() bool     { return s.shndx != elf.SHN_UNDEF }
func (s *symbol) bind() elf.SymBind { return elf.ST_BIND(s.info) }
func (s *symbol) kind() elf.SymType { return elf.ST_TYPE(s.info) }
func (s *symbol) weak() bool        { return s.bind() == elf.STB_WEAK }
func (s *symbol) visible() bool {
	return s.bind() != elf.STB_LOCAL && elf.ST_VISIBILITY(s.other) == elf.STV_DEFAULT
}
func (s *symbol) threadLocal() bool { return s.kind() == elf.STT_TLS }
func (s *symbol) absolute() bool    { return s.shndx == elf.SHN_ABS }

// A reloc is a relocation with its symbol's index, 0 for none.
type reloc struct {
	off    uint64
	addend int64
	sym    uint32
	kind   relocKind
}

// A parsed is the content of a library, checked: every address in it lies in
// a segment.
type parsed struct {
	machine  Machine
	segments []segment // in order of address, not overlapping
	span     uint64    // end of the last segment, page aligned
	syms     []symbol
	relocs   []reloc
	initAddr uint64 // of the array of constructors
	initNum  uint64
	relro    [2]uint64 // start and end
	tls      uint64    // size of thread-local storage, all zero
	tlsAlign uint64
	soname   string
	needed   []string
	notes    []string // owners of its notes, such as "NetBSD"
}

// parse reads the library in data. It never panics and allocates no more than
// a small multiple of len(data).
func parse(name string, data []byte) (p *parsed, err error) {
	fail := func(format string, args ...any) (*parsed, error) {
		return nil, &FormatError{name, fmt.Sprintf(format, args...)}
	}
	if len(data) > maxFile {
		return fail("larger than %d bytes", maxFile)
	}
	h, err := header(data)
	if err != nil {
		return fail("%v", err)
	}
	r := reader{data: data, parsed: parsed{machine: elf.Machine(h.Machine)}}
	if err := r.programHeaders(h); err != nil {
		return fail("%v", err)
	}
	if err := r.dynamic(); err != nil {
		return fail("%v", err)
	}
	if err := r.checkRelocs(); err != nil {
		return fail("%v", err)
	}
	return &r.parsed, nil
}

func header(data []byte) (*elf.Header64, error) {
	var h elf.Header64
	if len(data) < binary.Size(h) || string(data[:4]) != elf.ELFMAG {
		return nil, fmt.Errorf("not an ELF file")
	}
	if elf.Class(data[elf.EI_CLASS]) != elf.ELFCLASS64 || elf.Data(data[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return nil, fmt.Errorf("not a 64-bit little-endian ELF file")
	}
	if err := binary.Read(bytes.NewReader(data), binary.LittleEndian, &h); err != nil {
		return nil, err
	}
	if elf.Type(h.Type) != elf.ET_DYN {
		return nil, fmt.Errorf("a file of type %v, not a shared object", elf.Type(h.Type))
	}
	if m := elf.Machine(h.Machine); m != elf.EM_X86_64 && m != elf.EM_AARCH64 {
		return nil, fmt.Errorf("built for %v; only x86-64 and arm64 are supported", m)
	}
	if h.Phentsize != 56 || h.Phnum == 0 || h.Phnum > maxPhdrs {
		return nil, fmt.Errorf("%d program headers of %d bytes", h.Phnum, h.Phentsize)
	}
	return &h, nil
}

// A reader is a library that is being parsed.
type reader struct {
	parsed
	data []byte
	dyn  []elf.Dyn64
}

// at is n bytes of the file at offset off, nil where it has not so many.
func (r *reader) at(off, n uint64) []byte {
	if off > uint64(len(r.data)) || n > uint64(len(r.data))-off {
		return nil
	}
	return r.data[off : off+n]
}

// mem is n bytes of the file's content of a segment at address v, nil where
// they do not all come from the file.
func (r *reader) mem(v, n uint64) []byte {
	for i := range r.segments {
		s := &r.segments[i]
		if v >= s.vaddr && v-s.vaddr <= s.filesz && n <= s.filesz-(v-s.vaddr) {
			return r.at(s.off+(v-s.vaddr), n)
		}
	}
	return nil
}

func (r *reader) programHeaders(h *elf.Header64) error {
	raw := r.at(h.Phoff, uint64(h.Phnum)*56)
	if raw == nil {
		return fmt.Errorf("program headers lie outside the file")
	}
	var dynamic []byte
	for ; len(raw) > 0; raw = raw[56:] {
		ph := progHeader(raw)
		switch elf.ProgType(ph.Type) {
		case elf.PT_LOAD:
			if err := r.addSegment(&ph); err != nil {
				return err
			}
		case elf.PT_DYNAMIC:
			if dynamic = r.at(ph.Off, ph.Filesz); dynamic == nil {
				return fmt.Errorf("the dynamic section lies outside the file")
			}
		case elf.PT_TLS:
			if ph.Filesz != 0 {
				return fmt.Errorf("thread-local variables with initial values are not supported")
			}
			if r.tls, r.tlsAlign = ph.Memsz, ph.Align; r.tls > 1<<16 || r.tlsAlign > 64 {
				return fmt.Errorf("%d bytes of thread-local variables, aligned to %d", ph.Memsz, ph.Align)
			}
		case elf.PT_GNU_RELRO:
			if ph.Vaddr > maxSpan || ph.Memsz > maxSpan {
				return fmt.Errorf("PT_GNU_RELRO lies outside the address space")
			}
			r.relro = [2]uint64{ph.Vaddr, ph.Vaddr + ph.Memsz}
		case elf.PT_NOTE:
			r.addNotes(r.at(ph.Off, ph.Filesz))
		}
	}
	if len(r.segments) == 0 || dynamic == nil {
		return fmt.Errorf("nothing to load, or no dynamic section")
	}
	for ; len(dynamic) >= 16; dynamic = dynamic[16:] {
		d := elf.Dyn64{Tag: int64(le64(dynamic)), Val: le64(dynamic[8:])}
		if elf.DynTag(d.Tag) == elf.DT_NULL {
			break
		}
		r.dyn = append(r.dyn, d)
	}
	return nil
}

func progHeader(b []byte) elf.Prog64 {
	return elf.Prog64{
		Type: le32(b), Flags: le32(b[4:]), Off: le64(b[8:]), Vaddr: le64(b[16:]),
		Paddr: le64(b[24:]), Filesz: le64(b[32:]), Memsz: le64(b[40:]), Align: le64(b[48:]),
	}
}

func (r *reader) addSegment(ph *elf.Prog64) error {
	s := segment{ph.Vaddr, ph.Memsz, ph.Off, ph.Filesz, elf.ProgFlag(ph.Flags)}
	switch {
	case s.vaddr > maxSpan || s.memsz > maxSpan || s.filesz > s.memsz:
		return fmt.Errorf("a segment at %#x of %#x bytes, %#x in the file", s.vaddr, s.memsz, s.filesz)
	case r.at(s.off, s.filesz) == nil:
		return fmt.Errorf("the segment at %#x lies outside the file", s.vaddr)
	case (s.vaddr-s.off)%pageSize != 0:
		return fmt.Errorf("the segment at %#x is not aligned to pages of %d bytes", s.vaddr, pageSize)
	case s.flags&elf.PF_W != 0 && s.flags&elf.PF_X != 0:
		return fmt.Errorf("the segment at %#x is writable and executable", s.vaddr)
	case s.memsz != s.filesz && s.flags&elf.PF_W == 0:
		return fmt.Errorf("the segment at %#x is read-only and larger than what the file has of it", s.vaddr)
	case pageDown(s.vaddr) < r.span:
		return fmt.Errorf("the segment at %#x overlaps another or is out of order", s.vaddr)
	}
	if s.memsz == 0 {
		return nil
	}
	r.segments = append(r.segments, s)
	r.span = pageUp(s.vaddr + s.memsz)
	return nil
}

// addNotes remembers who owns the notes in b. Notes only describe a library:
// a malformed one ends the list.
func (r *reader) addNotes(b []byte) {
	for len(b) >= 12 && len(r.notes) < 16 {
		nameSize, descSize := uint64(le32(b)), uint64(le32(b[4:]))
		next := 12 + (nameSize+3)&^3 + (descSize+3)&^3
		if nameSize == 0 || next > uint64(len(b)) {
			return
		}
		r.notes = append(r.notes, cString(b[12:12+nameSize]))
		b = b[next:]
	}
}

func (r *reader) tag(t elf.DynTag) (uint64, bool) {
	for _, d := range r.dyn {
		if elf.DynTag(d.Tag) == t {
			return d.Val, true
		}
	}
	return 0, false
}

func (r *reader) dynamic() error {
	for _, t := range []elf.DynTag{elf.DT_TEXTREL, elf.DT_REL, dtRELR} {
		if _, has := r.tag(t); has {
			return fmt.Errorf("%v is not supported", t)
		}
	}
	if flags, _ := r.tag(elf.DT_FLAGS); elf.DynFlag(flags)&elf.DF_TEXTREL != 0 {
		return fmt.Errorf("relocations of read-only pages (DF_TEXTREL) are not supported")
	}
	strAddr, _ := r.tag(elf.DT_STRTAB)
	strSize, _ := r.tag(elf.DT_STRSZ)
	strtab := r.mem(strAddr, strSize)
	if strtab == nil {
		return fmt.Errorf("the string table lies outside the file")
	}
	if err := r.readRelocs(); err != nil {
		return err
	}
	if err := r.readSymbols(strtab); err != nil {
		return err
	}
	r.initAddr, _ = r.tag(elf.DT_INIT_ARRAY)
	size, _ := r.tag(elf.DT_INIT_ARRAYSZ)
	if r.initNum = size / 8; r.initNum > 0 && (r.mem(r.initAddr, size) == nil || r.initAddr%8 != 0) {
		return fmt.Errorf("the constructors' array lies outside the file")
	}
	for _, d := range r.dyn {
		switch elf.DynTag(d.Tag) {
		case elf.DT_SONAME, elf.DT_NEEDED:
			name, ok := str(strtab, d.Val)
			if !ok {
				return fmt.Errorf("a library's name lies outside the string table")
			}
			if elf.DynTag(d.Tag) == elf.DT_SONAME {
				r.soname = name
			} else {
				r.needed = append(r.needed, name)
			}
		}
	}
	return nil
}

func (r *reader) readSymbols(strtab []byte) error {
	addr, ok := r.tag(elf.DT_SYMTAB)
	if !ok {
		return fmt.Errorf("no symbol table")
	}
	n, err := r.countSymbols()
	if err != nil {
		return err
	}
	raw := r.mem(addr, n*24)
	if raw == nil {
		return fmt.Errorf("a table of %d symbols lies outside the file", n)
	}
	r.syms = make([]symbol, n)
	for i := range r.syms {
		b := raw[i*24:]
		name, ok := str(strtab, uint64(le32(b)))
		if !ok {
			return fmt.Errorf("the name of symbol %d lies outside the string table", i)
		}
		s := symbol{
			name: name, info: b[4], other: b[5], shndx: elf.SectionIndex(binary.LittleEndian.Uint16(b[6:])),
			value: le64(b[8:]), size: le64(b[16:]),
		}
		limit := r.span
		if s.threadLocal() {
			limit = r.tls
		}
		if s.defined() && !s.absolute() && (s.value > limit || s.size > limit-s.value) {
			return fmt.Errorf("symbol %q at %#x of %#x bytes lies outside the library", name, s.value, s.size)
		}
		if s.kind() == elf.STT_GNU_IFUNC {
			return fmt.Errorf("symbol %q is resolved by a function (IFUNC), which is not supported", name)
		}
		r.syms[i] = s
	}
	return nil
}

// countSymbols is the number of dynamic symbols, which only the hash tables
// tell; and where these hold what is defined alone, the relocations.
func (r *reader) countSymbols() (n uint64, err error) {
	if addr, ok := r.tag(elf.DT_HASH); ok {
		b := r.mem(addr, 8)
		if b == nil {
			return 0, fmt.Errorf("the hash table lies outside the file")
		}
		n = uint64(le32(b[4:]))
	} else if addr, ok := r.tag(elf.DT_GNU_HASH); ok {
		if n, err = r.countGNU(addr); err != nil {
			return 0, err
		}
	} else {
		return 0, fmt.Errorf("no hash table")
	}
	for i := range r.relocs {
		n = max(n, uint64(r.relocs[i].sym)+1)
	}
	if n > maxSymbols {
		return 0, fmt.Errorf("%d symbols, more than %d", n, maxSymbols)
	}
	return max(n, 1), nil
}

// countGNU finds the last symbol of the last chain of a GNU hash table.
func (r *reader) countGNU(addr uint64) (uint64, error) {
	outside := fmt.Errorf("the GNU hash table lies outside the file")
	h := r.mem(addr, 16)
	if h == nil {
		return 0, outside
	}
	buckets, first, bloom := uint64(le32(h)), uint64(le32(h[4:])), uint64(le32(h[8:]))
	if buckets > maxSymbols || bloom > maxSymbols || first > maxSymbols {
		return 0, outside
	}
	table := addr + 16 + bloom*8
	b := r.mem(table, buckets*4)
	if b == nil {
		return 0, outside
	}
	last := uint64(0)
	for ; len(b) > 0; b = b[4:] {
		last = max(last, uint64(le32(b)))
	}
	if last < first {
		return first, nil // no symbol is hashed
	}
	for ; last < maxSymbols; last++ {
		link := r.mem(table+buckets*4+(last-first)*4, 4)
		if link == nil {
			return 0, outside
		}
		if le32(link)&1 != 0 {
			return last + 1, nil
		}
	}
	return 0, outside
}

func (r *reader) readRelocs() error {
	if kind, ok := r.tag(elf.DT_PLTREL); ok && elf.DynTag(kind) != elf.DT_RELA {
		return fmt.Errorf("relocations without addend are not supported")
	}
	kinds := relocKinds[r.machine]
	for _, t := range [][2]elf.DynTag{{elf.DT_RELA, elf.DT_RELASZ}, {elf.DT_JMPREL, elf.DT_PLTRELSZ}} {
		addr, _ := r.tag(t[0])
		size, has := r.tag(t[1])
		if !has || size == 0 {
			continue
		}
		raw := r.mem(addr, size)
		if raw == nil || size%24 != 0 || uint64(len(r.relocs))+size/24 > maxRelocs {
			return fmt.Errorf("%d bytes of relocations at %#x", size, addr)
		}
		for ; len(raw) > 0; raw = raw[24:] {
			off, info := le64(raw), le64(raw[8:])
			kind := kinds[uint32(info)]
			if kind == unsupported {
				return fmt.Errorf("relocation %s at %#x is not supported", relocText(r.machine, uint32(info)), off)
			}
			r.relocs = append(r.relocs, reloc{off, int64(le64(raw[16:])), uint32(info >> 32), kind})
		}
	}
	return nil
}

// checkRelocs makes sure that every relocation changes words of a writable
// segment. That its symbol is there, countSymbols has seen to.
func (r *reader) checkRelocs() error {
	for _, rel := range r.relocs {
		words := uint64(1)
		if rel.kind == tlsDescriptor {
			words = 2
		}
		switch {
		case !r.writable(rel.off, words*8) || rel.off%8 != 0:
			return fmt.Errorf("a relocation at %#x is not of writable memory", rel.off)
		case rel.addend < -maxSpan || rel.addend > maxSpan:
			return fmt.Errorf("the relocation at %#x has the addend %d", rel.off, rel.addend)
		case rel.kind == relative && (rel.addend < 0 || uint64(rel.addend) > r.span):
			return fmt.Errorf("the relocation at %#x points outside the library", rel.off)
		}
	}
	return nil
}

func (r *reader) writable(v, n uint64) bool {
	for i := range r.segments {
		s := &r.segments[i]
		if s.flags&elf.PF_W != 0 && v >= s.vaddr && v-s.vaddr <= s.memsz && n <= s.memsz-(v-s.vaddr) {
			return true
		}
	}
	return false
}

func str(tab []byte, off uint64) (string, bool) {
	if off >= uint64(len(tab)) {
		return "", false
	}
	i := bytes.IndexByte(tab[off:], 0)
	if i < 0 {
		return "", false
	}
	return string(tab[off : off+uint64(i)]), true
}

func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func pageUp(n uint64) uint64   { return (n + pageSize - 1) &^ (pageSize - 1) }
func pageDown(n uint64) uint64 { return n &^ (pageSize - 1) }
