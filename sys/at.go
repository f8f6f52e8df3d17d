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

// A place is what the calls of the *at family take: a path, and the directory
// that it starts from where it is relative.
type place struct {
	p    Process
	dir  *descriptor // nil: the directory that the process is in
	path string
}

func (p *Process) at(path string) place { return place{p: *p, path: path} }

func (f *File) at(path string) place { return place{p: f.view(), dir: f.descriptor, path: path} }

// call makes a call that takes a directory, a path, and args.
func (l *place) call(s *scratch, name string, o op, args ...backends.Arg) (uintptr, error) {
	var all [backends.MaxArgs]backends.Arg
	r, err := l.try(s, o, &all, copy(all[2:], args))
	return r, l.fail(name, err)
}

// try makes the call whose n last arguments are in all[2:].
func (l *place) try(s *scratch, o op, all *[backends.MaxArgs]backends.Arg, n int) (uintptr, error) {
	path, err := s.str(l.path)
	if err != nil {
		return 0, err
	}
	dir, err := l.acquire()
	if err != nil {
		return 0, err
	}
	defer l.release()
	all[0], all[1] = dir, path
	return l.p.call(o, all[:2+n]...)
}

// acquire is the directory as an argument. It stays open until release.
func (l *place) acquire() (backends.Arg, error) {
	if l.dir == nil {
		return backends.Int(uintptr(l.p.k.tab.atFDCWD)), nil
	}
	return backends.Int(uintptr(l.dir.num)), l.dir.acquire()
}

func (l *place) release() {
	if l.dir != nil {
		l.dir.release()
	}
}

// run is call for what needs no memory but the path.
func (l place) run(name string, o op, args ...backends.Arg) error {
	s := newScratch()
	defer s.free()
	_, err := l.call(s, name, o, args...)
	return err
}

func (l *place) fail(name string, err error) error {
	if err == nil {
		return nil
	}
	return l.p.wrap(name, l.path, err)
}

func (l place) open(flags OpenFlags, perm fs.FileMode) (*File, error) {
	native, err := l.p.k.tab.open.native(uint64(flags))
	if err != nil {
		return nil, l.fail("open", err)
	}
	s := newScratch()
	defer s.free()
	fd, err := l.call(s, "open", opOpenat, backends.Int(uintptr(native)), backends.Int(uintptr(modeBits(perm))))
	if err != nil {
		return nil, err
	}
	return l.p.newFile(int(fd), l.path), nil
}
