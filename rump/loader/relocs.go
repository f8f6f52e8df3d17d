//go:build linux

package loader

import (
	"debug/elf"
	"fmt"
)

// A relocKind is what a relocation asks for, whatever its number on a
// machine.
type relocKind uint8

const (
	unsupported   relocKind = iota
	none                    // nothing
	relative                // base + addend
	absolute                // symbol + addend
	tlsModule               // what identifies the image's thread-local storage
	tlsOffset               // offset of a symbol in it
	tlsDescriptor           // two words: a function that gives the offset from the thread pointer, and its argument
)

var relocKinds = map[elf.Machine]map[uint32]relocKind{
	elf.EM_X86_64: {
		uint32(elf.R_X86_64_NONE):     none,
		uint32(elf.R_X86_64_RELATIVE): relative,
		uint32(elf.R_X86_64_64):       absolute,
		uint32(elf.R_X86_64_GLOB_DAT): absolute,
		uint32(elf.R_X86_64_JMP_SLOT): absolute,
		uint32(elf.R_X86_64_DTPMOD64): tlsModule,
		uint32(elf.R_X86_64_DTPOFF64): tlsOffset,
	},
	elf.EM_AARCH64: {
		uint32(elf.R_AARCH64_NONE):         none,
		uint32(elf.R_AARCH64_RELATIVE):     relative,
		uint32(elf.R_AARCH64_ABS64):        absolute,
		uint32(elf.R_AARCH64_GLOB_DAT):     absolute,
		uint32(elf.R_AARCH64_JUMP_SLOT):    absolute,
		uint32(elf.R_AARCH64_TLS_DTPMOD64): tlsModule,
		uint32(elf.R_AARCH64_TLS_DTPREL64): tlsOffset,
		uint32(elf.R_AARCH64_TLSDESC):      tlsDescriptor,
	},
}

func relocText(m elf.Machine, kind uint32) string {
	if m == elf.EM_X86_64 {
		return elf.R_X86_64(kind).String()
	}
	return fmt.Sprint(elf.R_AARCH64(kind))
}
