package images

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/u-root/u-root/pkg/cpio"
	"github.com/ulikunitz/xz"
)

// drivers are those that an image has, where they are modules of its kernel.
var drivers = []string{
	"virtio_mmio", "virtio_pci", "virtio_net", "virtio_blk", "virtio_rng", "xen_netfront", "xen_blkfront",
}

// maxModule bounds the size of a module, in bytes.
const maxModule = 64 << 20

// A module is a driver of Linux, uncompressed.
type module struct {
	name    string
	data    []byte
	needs   []string // names of others
	aliases []string // patterns of devices that it drives
}

// findModules are the drivers that are modules below fsys, with what they need,
// in order of names.
func findModules(fsys fs.FS) ([]module, error) {
	files := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if base, _, ok := strings.Cut(path.Base(name), ".ko"); ok && err == nil && !d.IsDir() {
			files[moduleName(base)] = name
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the kernel's modules: %w", err)
	}
	var found []module
	have := map[string]bool{}
	for todo := slices.Clone(drivers); len(todo) > 0; todo = todo[1:] {
		name := todo[0]
		if have[name] || files[name] == "" {
			continue // there, or not a module of this kernel
		}
		have[name] = true
		m, err := readModule(fsys, files[name])
		if err != nil {
			return nil, fmt.Errorf("the kernel's module %s: %w", files[name], err)
		}
		m.name = name
		found = append(found, m)
		todo = append(todo, m.needs...)
	}
	slices.SortFunc(found, func(a, b module) int { return strings.Compare(a.name, b.name) })
	return found, nil
}

// moduleName is the name that the kernel has for a module in a file.
func moduleName(file string) string { return strings.ReplaceAll(file, "-", "_") }

func readModule(fsys fs.FS, name string) (module, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return module{}, err
	}
	defer f.Close()
	r, err := uncompressed(f, path.Ext(name))
	if err != nil {
		return module{}, err
	}
	b, err := io.ReadAll(io.LimitReader(r, maxModule+1))
	if err != nil {
		return module{}, err
	}
	if len(b) > maxModule {
		return module{}, fmt.Errorf("larger than %d bytes", maxModule)
	}
	return parseModule(b)
}

// uncompressed reads what distributions compress modules with.
func uncompressed(r io.Reader, ext string) (io.Reader, error) {
	switch ext {
	case ".ko":
		return r, nil
	case ".xz":
		return xz.NewReader(r)
	case ".gz":
		return gzip.NewReader(r)
	case ".zst":
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxModule))
	}
	return nil, fmt.Errorf("compressed in an unknown way, %q", ext)
}

// parseModule reads what a module says of itself: NAME=VALUE, each with a NUL
// behind it.
func parseModule(b []byte) (module, error) {
	m := module{data: b}
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return m, err
	}
	s := f.Section(".modinfo")
	if s == nil {
		return m, fmt.Errorf("not a kernel module: it has no section .modinfo")
	}
	info, err := s.Data()
	if err != nil {
		return m, err
	}
	for word := range strings.SplitSeq(string(info), "\x00") {
		key, value, _ := strings.Cut(word, "=")
		switch {
		case strings.ContainsAny(value, "\t\n"):
		case key == "alias":
			m.aliases = append(m.aliases, value)
		case key == "depends" && value != "":
			for n := range strings.SplitSeq(value, ",") {
				m.needs = append(m.needs, moduleName(n))
			}
		}
	}
	return m, nil
}

// moduleRecords is the modules as linuxinit finds them: their files, and a
// table of who needs and drives what.
func moduleRecords(modules []module) []cpio.Record {
	if len(modules) == 0 {
		return nil
	}
	const dir = linuxDir + "/modules"
	records := []cpio.Record{cpio.Directory(dir, 0o755)}
	var table strings.Builder
	for _, m := range modules {
		fmt.Fprintf(&table, "%s\t%s", m.name, strings.Join(m.needs, ","))
		for _, a := range m.aliases {
			table.WriteString("\t" + a)
		}
		table.WriteString("\n")
		records = append(records, cpio.StaticFile(dir+"/"+m.name, string(m.data), 0o644))
	}
	return append(records, cpio.StaticFile(dir+"/table", table.String(), 0o644))
}
