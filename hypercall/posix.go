package hypercall

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// POSIX is a host made of this operating system: its files under their own
// names and its randomness. Clock, memory and threads are left to the
// kernel's backend; there is no network, no setting, and nobody reads the
// console.
func POSIX() Host {
	return Host{Random: posixRandom{}, Block: Files(nil)}
}

type posixRandom struct{}

func (posixRandom) Read(p []byte) (int, error) { return rand.Read(p) }

// Files is a Block that has the files of this operating system. Names that
// are in named are taken from there instead.
func Files(named map[string]File) Block { return posixBlock{named} }

type posixBlock struct{ named map[string]File }

// Sized is a File that knows how large it is. Files of [Files] that are not
// have no size.
type Sized interface {
	Size() int64
}

func (b posixBlock) Stat(path string) (FileInfo, error) {
	if f, ok := b.named[path]; ok {
		info := FileInfo{}
		if s, ok := f.(Sized); ok {
			info.Size = s.Size()
		}
		return info, nil
	}
	st, err := os.Stat(path)
	if err != nil {
		return FileInfo{}, err
	}
	info := FileInfo{Size: st.Size(), Mode: st.Mode().Type()}
	if st.Mode()&fs.ModeDevice != 0 && st.Mode()&fs.ModeCharDevice == 0 {
		info.Size, err = deviceSize(path)
	}
	return info, err
}

// deviceSize is the capacity of a block device: where its end is.
func deviceSize(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Seek(0, io.SeekEnd)
}

func (b posixBlock) Open(path string, mode OpenMode) (File, error) {
	if f, ok := b.named[path]; ok {
		return keptOpen{f}, nil
	}
	flags := 0
	switch mode & (Read | Write) {
	case Read:
		flags = os.O_RDONLY
	case Write:
		flags = os.O_WRONLY
	case Read | Write:
		flags = os.O_RDWR
	default:
		return nil, fmt.Errorf("open %s: neither for reading nor for writing: %w", path, errors.ErrUnsupported)
	}
	if mode&Create != 0 {
		flags |= os.O_CREATE
	}
	if mode&Exclusive != 0 {
		flags |= os.O_EXCL
	}
	return os.OpenFile(path, flags, 0o644)
}

// keptOpen is a file that belongs to whoever gave it.
type keptOpen struct{ File }

func (keptOpen) Close() error { return nil }
