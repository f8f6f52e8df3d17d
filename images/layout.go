package images

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

const (
	payloadMagic  = "ANYKPAY1"
	payloadHeader = 64
	pageSize      = 4096

	// programEntry is the size of the archive's entry for "init" in front of
	// the program's bytes: 110 bytes of header, the name with its NUL, and
	// padding to 4.
	programEntry  = (110 + len(programName) + 1 + 3) &^ 3
	programName   = "init"
	archiveOffset = pageSize - programEntry

	// MaxCommandLine is the size of the longest command line, in bytes.
	MaxCommandLine = archiveOffset - payloadHeader
	// MaxSize is the size of the largest image, in bytes: what QEMU and Xen
	// load below 4 GiB with room to spare.
	MaxSize = 1 << 30
)

// checksum is that of the shim, payload.c: one multiplication for 8 bytes, for
// damage and not against forgery.
func checksum(b []byte) uint64 {
	x := uint64(len(b))
	for ; len(b) >= 8; b = b[8:] {
		x ^= binary.LittleEndian.Uint64(b)
		x = bits.RotateLeft64(x, 23) * 0x9e3779b97f4a7c15
	}
	return x
}

// joinPayload puts a command line and an archive behind a header.
func joinPayload(commandLine string, archive []byte) []byte {
	size := (archiveOffset + len(archive) + 7) &^ 7
	p := make([]byte, size)
	copy(p, payloadMagic)
	copy(p[payloadHeader:], commandLine)
	copy(p[archiveOffset:], archive)
	put := func(at int, v int) { binary.LittleEndian.PutUint64(p[at:], uint64(v)) }
	put(8, size)
	put(24, archiveOffset)
	put(32, len(archive))
	put(40, payloadHeader)
	put(48, len(commandLine))
	binary.LittleEndian.PutUint64(p[16:], checksum(p[payloadHeader:]))
	return p
}

// splitPayload is the inverse of joinPayload for a payload that may be
// anything.
func splitPayload(p []byte) (commandLine string, archive []byte, err error) {
	if len(p) < payloadHeader || string(p[:8]) != payloadMagic {
		return "", nil, errors.New("the payload has no header")
	}
	get := func(at int) uint64 { return binary.LittleEndian.Uint64(p[at:]) }
	if size := get(8); size != uint64(len(p)) || size%8 != 0 {
		return "", nil, fmt.Errorf("the payload says that it has %d bytes, and has %d", size, len(p))
	}
	if checksum(p[payloadHeader:]) != get(16) {
		return "", nil, errors.New("the payload's checksum is wrong")
	}
	part := func(at int) ([]byte, error) {
		off, size := get(at), get(at+8)
		if off < payloadHeader || off > uint64(len(p)) || size > uint64(len(p))-off {
			return nil, fmt.Errorf("%d bytes at %d lie outside of the payload", size, off)
		}
		return p[off : off+size], nil
	}
	if archive, err = part(24); err != nil {
		return "", nil, err
	}
	line, err := part(40)
	return string(line), archive, err
}
