package sys

import (
	"fmt"
	"io/fs"

	"github.com/anykernel/anykernel/backends"
)

var (
	opChdir  = newOp("chdir")
	opFchdir = newOp("fchdir")
	opGetcwd = newOp("getcwd", "__getcwd")
	opChroot = newOp("chroot")
	opUmask  = newOp("umask")
)

func (p *Process) onPath(name, path string, o op) error {
	s := newScratch()
	defer s.free()
	str, err := s.str(path)
	if err == nil {
		_, err = p.call(o, str)
	}
	return p.wrap(name, path, err)
}

// Chdir makes the directory at path the one that p is in. That of the first
// process of the host is the directory of this program.
func (p *Process) Chdir(path string) error { return p.onPath("chdir", path, opChdir) }

// Chdir makes the directory f the one that its process is in; see fchdir(2).
func (f *File) Chdir() error {
	_, err := f.call("fchdir", opFchdir)
	return err
}

// Chroot makes the directory at path the root of p. p stays in the directory
// that it is in.
func (p *Process) Chroot(path string) error { return p.onPath("chroot", path, opChroot) }

// maxCwd is beyond what any kernel gives for a path.
const maxCwd = 64 << 10

// Getcwd is the path of the directory that p is in, from its root. It is
// ENOENT where that directory was removed.
func (p *Process) Getcwd() (string, error) {
	for size := 512; ; size *= 4 {
		b := make([]byte, size)
		_, err := p.call(opGetcwd, backends.Mem(b, backends.Out), intArg(size))
		if err != nil {
			err = p.wrap("getcwd", "", err)
			if size < maxCwd && isErange(err) {
				continue
			}
			return "", err
		}
		path := cString(b)
		if path == "" || path[0] != '/' {
			// Linux says "(unreachable)" of what is outside of the root.
			return "", p.wrap("getcwd", "", fmt.Errorf("%q: %w", path, fs.ErrNotExist))
		}
		return path, nil
	}
}

// Umask sets the permissions that files made by p do not get, and returns
// those that were.
func (p *Process) Umask(mask fs.FileMode) (old fs.FileMode, err error) {
	r, err := p.call(opUmask, intArg(int(mask.Perm())))
	return fs.FileMode(r) & fs.ModePerm, p.wrap("umask", "", err)
}
