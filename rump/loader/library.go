//go:build linux

package loader

import (
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// A Library is one shared object, checked and immutable. It may be part of
// any number of programs, and may be used by several goroutines at a time.
type Library struct {
	*parsed
	name string
	file []byte // its bytes, in memory that images map as well
}

// Open reads the library in the file at path.
func Open(path string) (*Library, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(filepath.Base(path), f)
}

// OpenFS reads the library name of fsys, such as an embedded file.
func OpenFS(fsys fs.FS, name string) (*Library, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(path.Base(name), f)
}

// Parse reads the library in data, which is copied. The name is for errors.
func Parse(name string, data []byte) (*Library, error) {
	file, err := sharedCopy(name, data)
	if err != nil {
		return nil, fmt.Errorf("library %s: %w", name, err)
	}
	p, err := parse(name, file)
	if err != nil {
		_ = unix.Munmap(file)
		return nil, err
	}
	l := &Library{parsed: p, name: name, file: file}
	runtime.AddCleanup(l, func(file []byte) { _ = unix.Munmap(file) }, file)
	return l, nil
}

func read(name string, f io.Reader) (*Library, error) {
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("library %s: %w", name, err)
	}
	return Parse(name, data)
}

// sharedCopy is a copy of data that nobody can change and that can be mapped
// again, without a descriptor that stays open.
func sharedCopy(name string, data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, &FormatError{name, "empty"}
	}
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	defer unix.Close(fd)
	for off := 0; off < len(data); {
		n, err := unix.Pwrite(fd, data[off:], int64(off))
		if err != nil {
			return nil, os.NewSyscallError("pwrite", err)
		}
		off += n
	}
	seals := unix.F_SEAL_WRITE | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	b, err := unix.Mmap(fd, 0, len(data), unix.PROT_READ, unix.MAP_SHARED)
	return b, os.NewSyscallError("mmap", err)
}

// Name is the name that the library was read by.
func (l *Library) Name() string { return l.name }

// Machine is what the library is built for.
func (l *Library) Machine() Machine { return l.machine }

// Size is the size of the library's file, in bytes.
func (l *Library) Size() int { return len(l.file) }

// Soname is the name that the library gives itself, or "".
func (l *Library) Soname() string { return l.soname }

// Notes is the owners of the library's ELF notes, such as "NetBSD" or "GNU".
// They tell whom it was built for.
func (l *Library) Notes() []string { return l.notes }

// A Symbol is a symbol that a library has or wants.
type Symbol struct {
	Name string
	Weak bool
}

// Defines is the symbols that other libraries may use.
func (l *Library) Defines() []Symbol {
	return l.list(func(s *symbol) bool { return s.defined() && s.visible() && !isLocalName(s.name) })
}

// Wants is the symbols that the library needs of others. A weak one may be
// missing.
func (l *Library) Wants() []Symbol {
	return l.list(func(s *symbol) bool { return !s.defined() && s.bind() != elf.STB_LOCAL })
}

func (l *Library) list(keep func(*symbol) bool) []Symbol {
	var list []Symbol
	for i := range l.syms {
		if s := &l.syms[i]; s.name != "" && keep(s) {
			list = append(list, Symbol{s.name, s.weak()})
		}
	}
	return list
}

// isLocalName reports whether a symbol means something else in each library:
// what linkers put there, such as the bounds of a link set.
func isLocalName(name string) bool {
	switch name {
	case "_init", "_fini", "_end", "_edata", "_etext", "__bss_start", "_DYNAMIC", "_GLOBAL_OFFSET_TABLE_":
		return true
	}
	return strings.HasPrefix(name, "__start_") || strings.HasPrefix(name, "__stop_")
}
