//go:build linux && (amd64 || arm64)

package sentry

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// initImage is the program of the first process: the smallest ELF file that
// the kernel loads. Its one page of code is never run.
func initImage(at uintptr) []byte {
	const page = 4096
	var b bytes.Buffer
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(elfMachine), Version: uint32(elf.EV_CURRENT),
		Entry: uint64(at), Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	h.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	code := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: uint64(at), Paddr: uint64(at), Filesz: page, Memsz: page, Align: page,
	}
	// Neither can fail: a Buffer takes everything, and both have fixed sizes.
	_ = binary.Write(&b, binary.LittleEndian, h)
	_ = binary.Write(&b, binary.LittleEndian, code)
	return append(b.Bytes(), make([]byte, page-b.Len())...)
}
