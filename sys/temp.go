package sys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"

	"github.com/anykernel/anykernel/backends"
)

var opGetrandom = newOp("getrandom")

// TempDir is where temporary files go where nobody says otherwise.
const TempDir = "/tmp"

// maxTempTries bounds the names that are tried.
const maxTempTries = 1000

// MkdirTemp makes a new directory below dir, below [TempDir] where dir is
// empty, that only its owner may use, and returns its path. Its name is
// pattern with something random for the last "*", or at the end. Nothing
// removes it.
func (p *Process) MkdirTemp(dir, pattern string) (string, error) {
	return p.temp(dir, pattern, func(path string) error { return p.Mkdir(path, 0o700) })
}

// CreateTemp is [Process.MkdirTemp] for a file, open for reading and writing.
func (p *Process) CreateTemp(dir, pattern string) (f *File, err error) {
	_, err = p.temp(dir, pattern, func(path string) (err error) {
		f, err = p.Open(path, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0o600)
		return err
	})
	return f, err
}

func (p *Process) temp(dir, pattern string, make func(path string) error) (string, error) {
	if dir == "" {
		dir = TempDir
	}
	if strings.Contains(pattern, "/") {
		return "", p.wrap("temp", dir, fmt.Errorf("pattern %q has a slash", pattern))
	}
	prefix, suffix := pattern, ""
	if i := strings.LastIndexByte(pattern, '*'); i >= 0 {
		prefix, suffix = pattern[:i], pattern[i+1:]
	}
	for try := 0; ; try++ {
		name := path.Join(dir, fmt.Sprintf("%s%d%s", prefix, p.random(), suffix))
		err := make(name)
		if err == nil {
			return name, nil
		}
		if !errors.Is(err, EEXIST) || try == maxTempTries {
			return "", err
		}
	}
}

// random is a number from the kernel's own source, so that a run under a
// seeded kernel can be repeated.
func (p *Process) random() uint32 {
	s := newScratch()
	defer s.free()
	b := s.zeroed(4)
	if n, err := p.call(opGetrandom, backends.Mem(b, backends.Out), backends.Int(4), backends.Int(0)); err != nil || n != 4 {
		return rand.Uint32()
	}
	return binary.LittleEndian.Uint32(b)
}
