//go:build linux

package loader

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"runtime"
)

// Options says what surrounds a program.
type Options struct {
	// Host gives the address of what the surrounding program answers for a
	// name. It is asked before any library, so that it can also take the
	// place of what a library defines. nil: nothing.
	Host func(name string) (addr uintptr, ok bool)
	// Trap is the address of a C function, void (const char *name), that is
	// called when the program calls a function that nobody has. It must not
	// return. 0: a missing symbol is an error of Link.
	Trap uintptr
	// TLSModule is the word that identifies the program's thread-local
	// storage to the host's __tls_get_addr.
	TLSModule uintptr
	// TLSDescriptor is the address of a function that takes the place of
	// __tls_get_addr for TLS descriptors, which arm64 uses. 0: none.
	TLSDescriptor uintptr
}

// A Program is libraries laid out one behind the other with every symbol
// resolved. It is immutable and safe for concurrent use.
type Program struct {
	libs    []*placed
	span    uint64
	globals map[string]definition
	// relative is the offsets of the words that the image's base is added to.
	relative []uint32
	traps    *trapPage
	tls      uint64
	missing  []string
}

// A placed is a library in a program.
type placed struct {
	*Library
	base uint64 // its offset in the image
	data []data
}

// A data is the initial content of a writable segment, with all relocations
// applied as if the image were loaded at 0.
type data struct {
	*segment
	bytes []byte
}

type definition struct {
	lib *placed
	sym *symbol
}

// Link resolves the symbols of libs. The order decides: a symbol is the first
// one of its name, as a system's linker would have it.
func Link(libs []*Library, o Options) (*Program, error) {
	p := &Program{globals: map[string]definition{}}
	for _, l := range libs {
		if want := hostMachine(); l.machine != want {
			return nil, &FormatError{l.name, fmt.Sprintf("built for %v, this process is %v", l.machine, want)}
		}
		p.place(l)
	}
	if p.span > maxSpan {
		return nil, fmt.Errorf("%d libraries need %d bytes of address space, more than %d", len(libs), p.span, maxSpan)
	}
	k := linker{Program: p, Options: o, stubs: map[string]uintptr{}}
	for _, l := range p.libs {
		if err := k.relocate(l); err != nil {
			return nil, err
		}
	}
	return p, k.finish()
}

func hostMachine() Machine {
	switch runtime.GOARCH {
	case "amd64":
		return elf.EM_X86_64
	case "arm64":
		return elf.EM_AARCH64
	}
	return elf.EM_NONE
}

func (p *Program) place(l *Library) {
	pl := &placed{Library: l, base: p.span}
	for i := range l.segments {
		if s := &l.segments[i]; s.flags&elf.PF_W != 0 {
			b := make([]byte, s.memsz)
			copy(b, l.file[s.off:s.off+s.filesz])
			pl.data = append(pl.data, data{s, b})
		}
	}
	for i := range l.syms {
		s := &l.syms[i]
		if _, taken := p.globals[s.name]; !taken && s.defined() && s.visible() && !isLocalName(s.name) {
			p.globals[s.name] = definition{pl, s}
		}
	}
	p.libs = append(p.libs, pl)
	p.tls += l.tls
	// One page that nothing is mapped at keeps overruns in their library.
	p.span += l.span + pageSize
}

// A linker is a program that is being linked.
type linker struct {
	*Program
	Options
	stubs map[string]uintptr // addresses of traps by name
}

func (k *linker) relocate(l *placed) error {
	for i := range l.relocs {
		rel := &l.relocs[i]
		s := &l.syms[rel.sym]
		switch rel.kind {
		case relative:
			k.storeRelative(l, rel.off, l.base+uint64(rel.addend))
		case absolute:
			if err := k.storeSymbol(l, rel, s); err != nil {
				return err
			}
		case tlsModule:
			l.store(rel.off, uint64(k.TLSModule))
		case tlsOffset, tlsDescriptor:
			if err := k.storeTLS(l, rel, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// store writes a word of the template.
func (l *placed) store(off, v uint64) {
	for _, d := range l.data {
		if off >= d.vaddr && off-d.vaddr+8 <= d.memsz {
			binary.LittleEndian.PutUint64(d.bytes[off-d.vaddr:], v)
			return
		}
	}
}

func (k *linker) storeRelative(l *placed, off, v uint64) {
	l.store(off, v)
	k.relative = append(k.relative, uint32(l.base+off))
}

func (k *linker) storeSymbol(l *placed, rel *reloc, s *symbol) error {
	if rel.sym == 0 {
		l.store(rel.off, uint64(rel.addend))
		return nil
	}
	if k.Host != nil && s.visible() {
		if addr, ok := k.Host(s.name); ok {
			l.store(rel.off, uint64(addr)+uint64(rel.addend))
			return nil
		}
	}
	d, ok := k.find(l, s)
	switch {
	case ok && d.sym.threadLocal():
		return &FormatError{l.name, fmt.Sprintf("thread-local symbol %q is used as an ordinary one", s.name)}
	case ok && d.sym.absolute():
		l.store(rel.off, d.sym.value+uint64(rel.addend))
	case ok:
		k.storeRelative(l, rel.off, d.lib.base+d.sym.value+uint64(rel.addend))
	case s.weak():
		l.store(rel.off, 0)
	default:
		addr, err := k.stub(l, s.name)
		if err != nil {
			return err
		}
		l.store(rel.off, uint64(addr))
	}
	return nil
}

// find is the definition that a library means by s.
func (k *linker) find(l *placed, s *symbol) (definition, bool) {
	if s.defined() && (!s.visible() || isLocalName(s.name)) {
		return definition{l, s}, true
	}
	d, ok := k.globals[s.name]
	return d, ok
}

// storeTLS supports the one layout that a host without a linker of its own can
// give: all thread-local variables of a program in one block.
func (k *linker) storeTLS(l *placed, rel *reloc, s *symbol) error {
	owner, value := l, uint64(0)
	if rel.sym != 0 {
		d, ok := k.find(l, s)
		if !ok || !d.sym.threadLocal() {
			return &FormatError{l.name, fmt.Sprintf("thread-local symbol %q is nowhere", s.name)}
		}
		owner, value = d.lib, d.sym.value
	}
	value += k.tlsBase(owner) + uint64(rel.addend)
	if rel.kind == tlsOffset {
		l.store(rel.off, value)
		return nil
	}
	if k.TLSDescriptor == 0 {
		return &FormatError{l.name, "TLS descriptors are not supported here"}
	}
	l.store(rel.off, uint64(k.TLSDescriptor))
	l.store(rel.off+8, value)
	return nil
}

// tlsBase is where a library's thread-local variables are in the block.
func (p *Program) tlsBase(of *placed) (off uint64) {
	for _, l := range p.libs {
		if l == of {
			break
		}
		off += l.tls
	}
	return off
}

func (k *linker) stub(l *placed, name string) (uintptr, error) {
	if k.Trap == 0 {
		return 0, &FormatError{l.name, fmt.Sprintf("symbol %q is nowhere", name)}
	}
	if addr, ok := k.stubs[name]; ok {
		return addr, nil
	}
	if k.traps == nil {
		k.traps = newTrapPage(k.Trap)
	}
	addr, err := k.traps.add(name)
	if err != nil {
		return 0, err
	}
	k.stubs[name] = addr
	k.missing = append(k.missing, name)
	return addr, nil
}

func (k *linker) finish() error {
	if k.traps == nil {
		return nil
	}
	return k.traps.seal()
}

// Missing is the symbols that nobody has. Calling one runs into the trap.
func (p *Program) Missing() []string { return p.missing }

// TLSSize is the size of the program's thread-local storage, in bytes. It
// starts as zero.
func (p *Program) TLSSize() int { return int(p.tls) }

// Libraries is the program's libraries in link order.
func (p *Program) Libraries() []*Library {
	list := make([]*Library, len(p.libs))
	for i, l := range p.libs {
		list[i] = l.Library
	}
	return list
}
