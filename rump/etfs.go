//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/sys/abi"
)

// FileKind is what a file of the host becomes in the kernel's file system; see
// etfs in rump(3).
type FileKind int

const (
	RegularFile     FileKind = iota // a regular file
	BlockDevice                     // a block device
	CharacterDevice                 // the same as a raw device
	Directory                       // a directory, without what is in its directories; NetBSD 7 reads its files as empty
	DirectoryTree                   // a directory with all that is in it
)

// ToTheEnd is the size of what reaches to the end of a file.
const ToTheEnd = -1

// Register makes what the host has at a path appear in the kernel at key, an
// absolute path. Of a block device, size bytes from off on are taken.
func (k *Kernel) Register(key, hostPath string, kind FileKind, off, size int64) error {
	if !strings.HasPrefix(key, "/") {
		return fmt.Errorf("register %q: not an absolute path", key)
	}
	if off < 0 || size < ToTheEnd {
		return fmt.Errorf("register %s: %d bytes at offset %d", key, size, off)
	}
	if off != 0 || size != ToTheEnd {
		// The kernel takes all devices of one name for the same one.
		hostPath = k.own.part(hostPath, off)
	}
	return k.etfs("rump_pub_etfs_register_withsize", key, hostPath, uintptr(kind), uintptr(off), uintptr(size))
}

// RegisterFile is Register for a file that the program itself has: anything
// that can be read and written at an offset. Its size is what a method
// Size() int64 says. It is used until the kernel is closed, and not closed.
// Events call it by its key, with [OwnFile] before it.
func (k *Kernel) RegisterFile(key string, f hypercall.File, kind FileKind, off, size int64) error {
	return k.Register(key, k.own.add(key, f), kind, off, size)
}

// Unregister takes back Register. What is mounted stays usable.
func (k *Kernel) Unregister(key string) error { return k.etfs("rump_pub_etfs_remove", key, "") }

func (k *Kernel) etfs(function, key, path string, more ...uintptr) error {
	fn := k.Symbol(function)
	if fn == 0 || !k.Has("vfs") {
		return fmt.Errorf("register %s: the kernel has no component vfs", key)
	}
	l, err := k.init.LWP()
	if err != nil {
		return err
	}
	defer k.init.Return(l)
	keyText, pathText := append([]byte(key), 0), append([]byte(path), 0)
	args := []uintptr{uintptr(unsafe.Pointer(&keyText[0]))}
	if len(more) > 0 {
		args = append(append(args, uintptr(unsafe.Pointer(&pathText[0]))), more...)
	}
	errno, err := l.Invoke(fn, args...)
	runtime.KeepAlive(keyText)
	runtime.KeepAlive(pathText)
	if err != nil {
		return k.why(err)
	}
	if int32(errno) != 0 {
		return fmt.Errorf("register %s: %w", key, abi.Errno(errno))
	}
	return nil
}

// Has reports whether the kernel has a component.
func (k *Kernel) Has(component string) bool {
	for _, c := range k.components {
		if c == component {
			return true
		}
	}
	return false
}

// ownFiles is the files of the host under their names, and files of the
// program under names that no file of the host has.
type ownFiles struct {
	hypercall.Block
	mu    sync.Mutex
	files map[string]hypercall.File // by name
	parts map[string]string         // names of parts of files, and the files'
}

// OwnFile begins the names by which events and a [hypercall.Block] call a
// program's own files. No path that anybody uses begins like it.
const OwnFile = "anykernel:"

func (o *ownFiles) add(key string, f hypercall.File) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.files == nil {
		o.files = map[string]hypercall.File{}
	}
	o.files[OwnFile+key] = f
	return OwnFile + key
}

// part is a name for what begins at off of the file at a path.
func (o *ownFiles) part(path string, off int64) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.parts == nil {
		o.parts = map[string]string{}
	}
	name := fmt.Sprintf("%s@%d", path, off)
	o.parts[name] = path
	return name
}

// whole is the path of the file that a name is, or is a part of.
func (o *ownFiles) whole(name string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return cmp.Or(o.parts[name], name)
}

var errNoOwnFile = errors.New("no such file of the program")

func (o *ownFiles) get(path string) (hypercall.Block, error) {
	if !strings.HasPrefix(path, OwnFile) {
		return o.Block, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.files[path] == nil {
		return nil, errNoOwnFile
	}
	return hypercall.Files(map[string]hypercall.File{path: o.files[path]}), nil
}

// Stat implements hypercall.Block.
func (o *ownFiles) Stat(path string) (hypercall.FileInfo, error) {
	path = o.whole(path)
	b, err := o.get(path)
	if err != nil {
		return hypercall.FileInfo{}, err
	}
	return b.Stat(path)
}

// Open implements hypercall.Block.
func (o *ownFiles) Open(path string, mode hypercall.OpenMode) (hypercall.File, error) {
	path = o.whole(path)
	b, err := o.get(path)
	if err != nil {
		return nil, err
	}
	return b.Open(path, mode)
}
