//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"cmp"
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump"
)

var _ backends.HostFiles = (*Kernel)(nil)

// fileKinds is the kinds of files as package rump has them.
var fileKinds = map[backends.HostFileKind]rump.FileKind{
	backends.HostRegular: rump.RegularFile, backends.HostBlock: rump.BlockDevice,
	backends.HostCharacter: rump.CharacterDevice, backends.HostDir: rump.Directory, backends.HostTree: rump.DirectoryTree,
}

// Register implements [backends.HostFiles].
func (k *Kernel) Register(path string, f backends.HostFile) error {
	kind, ok := fileKinds[f.Kind]
	if !ok || (f.Path == "") == (f.File == nil) {
		return fmt.Errorf("register %s: kind %d of file %q: it is one of a path and a file", path, f.Kind, f.Path)
	}
	size := cmp.Or(f.Size, rump.ToTheEnd)
	if f.File != nil {
		return k.raw.RegisterFile(path, f.File, kind, f.Offset, size)
	}
	return k.raw.Register(path, f.Path, kind, f.Offset, size)
}

// Unregister implements [backends.HostFiles].
func (k *Kernel) Unregister(path string) error { return k.raw.Unregister(path) }
