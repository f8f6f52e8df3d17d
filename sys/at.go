package sys

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/anykernel/anykernel/backends"
)

var opOpenat = newOp("openat")

var (
	errNUL     = errors.New("a NUL byte in a string that the kernel reads up to the first NUL")
	errTooLong = fmt.Errorf("longer than %d bytes: %w", maxString, ENAMETOOLONG)
)

// atCWD stands for the directory that the process is in.
const atCWD = -1 << 30

// dirArg is the directory that a path is relative to, as the ABI names it.
func (p *Process) dirArg(dir int) backends.Arg {
	if dir == atCWD {
		dir = p.k.tab.atFDCWD
	}
	return backends.Int(uintptr(dir))
}

func (p *Process) openat(dir int, path string, flags OpenFlags, perm fs.FileMode) (*File, error) {
	native, err := p.k.tab.open.native(uint64(flags))
	if err != nil {
		return nil, p.wrap("open", path, err)
	}
	s := newScratch()
	defer s.free()
	str, err := s.str(path)
	if err != nil {
		return nil, p.wrap("open", path, err)
	}
	fd, err := p.call(opOpenat, p.dirArg(dir), str, backends.Int(uintptr(native)), backends.Int(uintptr(modeBits(perm))))
	if err != nil {
		return nil, p.wrap("open", path, err)
	}
	return p.newFile(int(fd), path), nil
}

// modeBits is the permission part of a mode as every Unix has it.
func modeBits(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	if m&fs.ModeSetuid != 0 {
		bits |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}
