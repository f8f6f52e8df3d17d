package images

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// errNoImage says that a file has nothing of ours.
var errNoImage = errors.New("not an image of anykernel: it has no note that tells where a payload goes")

// maxNotes bounds the size of a segment of notes, in bytes.
const maxNotes = 64 << 10

// payloadAddress reads the physical address of the payload from the note of
// owner "Anykernel" and type 1.
func payloadAddress(file []byte) (uint64, error) {
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		return 0, err
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE || p.Filesz > maxNotes {
			continue
		}
		b := make([]byte, p.Filesz)
		if _, err := io.ReadFull(p.Open(), b); err != nil {
			return 0, fmt.Errorf("the notes are cut short: %w", err)
		}
		if desc := findNote(b, "Anykernel", 1); len(desc) == 8 {
			return binary.LittleEndian.Uint64(desc), nil
		}
	}
	return 0, errNoImage
}

// findNote looks through notes (Elf64_Nhdr: sizes of name and descriptor, and
// type, each 4 bytes; then both, padded to 4). nil: there is none.
func findNote(b []byte, owner string, kind uint32) []byte {
	for len(b) >= 12 {
		nameSize := uint64(binary.LittleEndian.Uint32(b))
		descSize := uint64(binary.LittleEndian.Uint32(b[4:]))
		k := binary.LittleEndian.Uint32(b[8:])
		name, desc := uint64(12), 12+(nameSize+3)&^3
		end := desc + (descSize+3)&^3
		if end > uint64(len(b)) {
			return nil
		}
		if k == kind && string(b[name:name+nameSize]) == owner+"\x00" {
			return b[desc : desc+descSize]
		}
		b = b[end:]
	}
	return nil
}
