//go:build linux

package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// DebugObjects is an object file for each library of the image that tells a
// debugger its functions, at the addresses that they have in this image, and
// how to unwind their stacks. It is what gdb's JIT interface takes. What a
// library does not tell is left out.
func (im *Image) DebugObjects() [][]byte {
	var list [][]byte
	for _, l := range im.prog.libs {
		if b := l.debugObject(uint64(im.base) + l.base); b != nil {
			list = append(list, b)
		}
	}
	return list
}

// debugObject is nil where the library's file cannot be read once more.
func (l *placed) debugObject(base uint64) []byte {
	f, err := elf.NewFile(bytes.NewReader(l.file))
	if err != nil {
		return nil
	}
	syms, err := f.Symbols()
	if err != nil { // stripped: what it exports
		if syms, err = f.DynamicSymbols(); err != nil {
			return nil
		}
	}
	o := objectFile{machine: f.Machine}
	o.section(elf.Section64{}, "", nil)
	for i := range l.segments {
		s := &l.segments[i]
		if s.flags&elf.PF_X != 0 {
			o.section(elf.Section64{
				Type: uint32(elf.SHT_NOBITS), Flags: uint64(elf.SHF_ALLOC | elf.SHF_EXECINSTR), Addr: base + s.vaddr, Size: s.memsz, Addralign: 16,
			}, ".text", nil)
		}
	}
	if eh := f.Section(".eh_frame"); eh != nil {
		if data, err := eh.Data(); err == nil {
			o.section(elf.Section64{
				Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_ALLOC), Addr: base + eh.Addr, Addralign: 8,
			}, ".eh_frame", data)
		}
	}
	return o.finish(functions(syms, base))
}

// functions is the functions among symbols, moved by base.
func functions(syms []elf.Symbol, base uint64) []elf.Symbol {
	var list []elf.Symbol
	for _, s := range syms {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Section != elf.SHN_UNDEF && s.Name != "" {
			s.Value += base
			list = append(list, s)
		}
	}
	return list
}

// An objectFile is an ELF file that is being written: its sections one behind the
// other, then their headers. The first section is the null section, the second
// the code.
type objectFile struct {
	machine  elf.Machine
	names    bytes.Buffer // of sections
	sections []elf.Section64
	body     bytes.Buffer // behind the ELF header
}

const (
	headerSize  = 64
	sectionSize = 64
	codeSection = 1
)

// section adds a section; data is nil where it has none in the file.
func (o *objectFile) section(h elf.Section64, name string, data []byte) {
	h.Name = uint32(o.names.Len())
	o.names.WriteString(name + "\x00")
	for o.body.Len()%8 != 0 {
		o.body.WriteByte(0)
	}
	h.Off = headerSize + uint64(o.body.Len())
	if data != nil {
		h.Size = uint64(len(data))
		o.body.Write(data)
	}
	if len(o.sections) == 0 {
		h = elf.Section64{}
	}
	o.sections = append(o.sections, h)
}

// finish is the file, with the symbols.
func (o *objectFile) finish(syms []elf.Symbol) []byte {
	var table, names bytes.Buffer
	names.WriteByte(0)
	put := func(s elf.Sym64) { _ = binary.Write(&table, binary.LittleEndian, s) }
	put(elf.Sym64{})
	for _, s := range syms {
		put(elf.Sym64{
			Name: uint32(names.Len()), Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC), Shndx: codeSection, Value: s.Value, Size: s.Size,
		})
		names.WriteString(s.Name + "\x00")
	}
	strings := uint32(len(o.sections) + 1)
	o.section(elf.Section64{
		Type: uint32(elf.SHT_SYMTAB), Link: strings, Info: 1, Entsize: 24, Addralign: 8,
	}, ".symtab", table.Bytes())
	o.section(elf.Section64{Type: uint32(elf.SHT_STRTAB), Addralign: 1}, ".strtab", names.Bytes())
	o.section(elf.Section64{Type: uint32(elf.SHT_STRTAB), Addralign: 1}, ".shstrtab", append(o.names.Bytes(), ".shstrtab\x00"...))
	for o.body.Len()%8 != 0 {
		o.body.WriteByte(0)
	}
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(o.machine), Version: uint32(elf.EV_CURRENT),
		Shoff: headerSize + uint64(o.body.Len()), Ehsize: headerSize, Shentsize: sectionSize,
		Shnum: uint16(len(o.sections)), Shstrndx: uint16(len(o.sections) - 1),
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	var file bytes.Buffer
	_ = binary.Write(&file, binary.LittleEndian, h)
	file.Write(o.body.Bytes())
	_ = binary.Write(&file, binary.LittleEndian, o.sections)
	return file.Bytes()
}
