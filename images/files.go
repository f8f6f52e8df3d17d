package images

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

const (
	// MaxFiles is the number of files and directories that an image may hold.
	MaxFiles = 50_000
	// maxPath is the length of the longest path, in bytes, as PATH_MAX with
	// room for the slash in front and the NUL.
	maxPath = 4094
)

// fileRecords is the contents of fsys, in order of paths.
func fileRecords(fsys fs.FS) ([]cpio.Record, error) {
	if fsys == nil {
		return nil, nil
	}
	var records []cpio.Record
	total := int64(0)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == "." {
			return nil
		}
		if len(records) == MaxFiles {
			return fmt.Errorf("more than %d files", MaxFiles)
		}
		r, size, err := fileRecord(fsys, name, d, MaxSize-total)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		total += size
		records = append(records, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	return records, nil
}

// fileRecord reads one file of at most room bytes.
func fileRecord(fsys fs.FS, name string, d fs.DirEntry, room int64) (cpio.Record, int64, error) {
	var none cpio.Record
	if err := checkName(name); err != nil {
		return none, 0, err
	}
	if name == programName {
		return none, 0, errors.New("this is the program's place")
	}
	info, err := d.Info()
	if err != nil {
		return none, 0, err
	}
	perm := uint64(info.Mode().Perm())
	switch info.Mode().Type() {
	case fs.ModeDir:
		return cpio.Directory(name, perm), 0, nil
	case fs.ModeSymlink:
		target, err := fs.ReadLink(fsys, name)
		if err == nil {
			err = checkLink(name, target)
		}
		return cpio.Symlink(name, target), int64(len(target)), err
	case 0:
		b, err := readFile(fsys, name, room)
		return cpio.StaticFile(name, string(b), perm), int64(len(b)), err
	}
	return none, 0, fmt.Errorf("an image holds files, directories and symbolic links, not %v", info.Mode().Type())
}

// readFile reads a file whose size may change, or be a lie.
func readFile(fsys fs.FS, name string, room int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, room+1))
	if err == nil && int64(len(b)) > room {
		err = fmt.Errorf("the image would be larger than %d bytes", MaxSize)
	}
	return b, err
}

// checkName says whether name is a path from the root, in its shortest form.
func checkName(name string) error {
	switch {
	case len(name) > maxPath:
		return fmt.Errorf("a path of %d bytes; %d is the most", len(name), maxPath)
	case !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0):
		return fmt.Errorf("%q is not a path from the root, or has . or .. in it", name)
	case name == cpio.Trailer:
		return fmt.Errorf("%q ends an archive", name)
	}
	return nil
}

// checkLink says whether the target of a link stays below the root, so that
// whoever unpacks an image elsewhere is safe, too.
func checkLink(name, target string) error {
	if target == "" || len(target) > maxPath || strings.ContainsRune(target, 0) {
		return fmt.Errorf("a link to %q", target)
	}
	dir := path.Dir(name)
	if path.IsAbs(target) {
		dir, target = ".", strings.TrimLeft(target, "/")
	}
	depth := 0
	if dir != "." {
		depth = strings.Count(dir, "/") + 1
	}
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return fmt.Errorf("a link to %q, which is outside of the image", target)
		}
	}
	return nil
}

// writeArchive is the archive of records, in their order.
func writeArchive(records []cpio.Record) ([]byte, error) {
	cpio.MakeAllReproducible(records)
	var b bytes.Buffer
	w := cpio.Newc.Writer(&b)
	if err := cpio.WriteRecords(w, records); err != nil {
		return nil, err
	}
	if err := cpio.WriteTrailer(w); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
