package kit

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An Info is what is known of a component without reading it.
type Info struct {
	Name  string // such as "net_netinet"
	File  string // in the kit's folder
	Size  int64  // of the file, in bytes
	Kind  Kind
	Gives string // what of that kind: "netinet"; "" for the base and the factions
}

// A Kind is what sort of thing a component gives a kernel.
type Kind string

const (
	Base       Kind = "base"        // what others are made of
	FileSystem Kind = "file system" // fs_
	Network    Kind = "network"     // net_: protocols and interfaces
	Device     Kind = "device"      // dev_
	Files      Kind = "files"       // vfs_: what file systems share
	KernelPart Kind = "kernel"      // kern_
)

// kinds is the kind of a component by how its name begins.
var kinds = map[string]Kind{
	"fs": FileSystem, "net": Network, "dev": Device, "vfs": Files, "kern": KernelPart,
}

// List is the components of the kit in a folder, by name.
func List(dir string) ([]Info, error) {
	if err := Present(dir); err != nil {
		return nil, err
	}
	files, err := list(dir)
	if err != nil {
		return nil, err
	}
	var infos []Info
	for _, name := range slices.Sorted(maps.Keys(files)) {
		info := Info{Name: name, File: files[name], Kind: Base}
		if st, err := os.Stat(filepath.Join(dir, info.File)); err == nil {
			info.Size = st.Size()
		}
		if prefix, what, ok := strings.Cut(name, "_"); ok && kinds[prefix] != "" {
			info.Kind, info.Gives = kinds[prefix], what
		}
		infos = append(infos, info)
	}
	return infos, nil
}
