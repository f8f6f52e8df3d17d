package images

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"

	"github.com/anykernel/anykernel/xen/shim"
)

// A Config says what goes into an image.
type Config struct {
	// Program is a static linux/amd64 executable, such as [Compile] makes. It
	// becomes /init.
	Program []byte
	// Files are what the program finds below its root, read-only: regular
	// files, directories, and symbolic links that stay inside. nil: none.
	Files fs.FS
	// CommandLine is split into words as Linux does it: NAME=VALUE goes to
	// the program's environment, other words and all behind "--" are its
	// arguments, and a name with a dot in it is a parameter of the shim or of
	// a driver. What the boot loader passes comes behind it.
	CommandLine string
}

// Build makes an image. The same inputs give the same bytes: times and owners
// of files are dropped.
func Build(c Config) ([]byte, error) {
	archive, err := c.archive()
	if err != nil {
		return nil, err
	}
	if err := checkCommandLine(c.CommandLine); err != nil {
		return nil, err
	}
	image, err := joinShim(shim.Bytes(), joinPayload(c.CommandLine, archive))
	if err != nil {
		return nil, err
	}
	if len(image) > MaxSize {
		return nil, fmt.Errorf("the image would have %d bytes; %d is the most that boots", len(image), MaxSize)
	}
	return image, nil
}

func (c *Config) archive() ([]byte, error) {
	if err := CheckProgram(c.Program); err != nil {
		return nil, err
	}
	records, err := fileRecords(c.Files)
	if err != nil {
		return nil, err
	}
	program := cpio.StaticFile(programName, string(c.Program), 0o755)
	return writeArchive(append([]cpio.Record{program}, records...))
}

func checkCommandLine(s string) error {
	if len(s) > MaxCommandLine {
		return fmt.Errorf("the command line has %d bytes; %d is the most", len(s), MaxCommandLine)
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
		return fmt.Errorf("the command line has the control character %q at byte %d", s[i], i)
	}
	if strings.Count(s, `"`)%2 != 0 {
		return errors.New(`the command line has a '"' that is not closed`)
	}
	return nil
}

// Offsets in Elf64_Ehdr, and sizes (System V ABI, chapter 4).
const (
	ehdrSectionOffset = 40
	ehdrSegmentCount  = 56
	ehdrSectionCount  = 60
	ehdrSize          = 64
	phdrSize          = 56
)

// joinShim appends the payload to the shim as one more segment.
func joinShim(kernel, payload []byte) ([]byte, error) {
	address, err := payloadAddress(kernel)
	if err != nil {
		return nil, fmt.Errorf("the shim: %w", err)
	}
	segments := int(binary.LittleEndian.Uint16(kernel[ehdrSegmentCount:]))
	at := ehdrSize + segments*phdrSize
	if first, err := firstSegment(kernel); err != nil || at+phdrSize > first {
		return nil, errors.Join(errors.New("the shim has no room for another segment"), err)
	}
	offset := (len(kernel) + pageSize - 1) &^ (pageSize - 1)
	image := make([]byte, offset+len(payload))
	copy(image, kernel)
	copy(image[offset:], payload)

	size := uint64(len(payload))
	var p bytes.Buffer
	binary.Write(&p, binary.LittleEndian, elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R), Off: uint64(offset),
		Vaddr: shimBase + address, Paddr: address, Filesz: size, Memsz: size, Align: pageSize,
	})
	copy(image[at:], p.Bytes())
	binary.LittleEndian.PutUint16(image[ehdrSegmentCount:], uint16(segments+1))
	// No sections: a linker's view of what is not all there is any more.
	binary.LittleEndian.PutUint64(image[ehdrSectionOffset:], 0)
	clear(image[ehdrSectionCount:ehdrSize])
	return image, nil
}

// shimBase is where the shim is linked to be, above its physical address
// (xen/shim/src/layout.h).
const shimBase = 0xffffffff80000000

// firstSegment is the offset of the first byte that is loaded.
func firstSegment(kernel []byte) (int, error) {
	f, err := elf.NewFile(bytes.NewReader(kernel))
	if err != nil {
		return 0, err
	}
	first := uint64(len(kernel))
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD {
			first = min(first, p.Off)
		}
	}
	return int(first), nil
}
