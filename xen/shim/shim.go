package shim

import (
	"bytes"
	_ "embed"
)

//go:embed shim.elf
var built []byte

//go:embed shim.txt
var record string

// MaxCPUs is how many virtual processors the shim runs on: MAX_CPUS of
// src/layout.h.
const MaxCPUs = 16

// Bytes is the shim as an ELF file, which boots by itself and then asks for a
// program: as the first module that the boot loader passes (a ramdisk), or
// joined to it by package images. The caller owns the bytes.
func Bytes() []byte { return bytes.Clone(built) }

// Record says what the shim was built from: the digest of its sources, and the
// versions of gcc and ld, one a line.
func Record() string { return record }
