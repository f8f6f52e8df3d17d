package tour

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
)

// A Folder is the files that a tour takes along, with their sums.
type Folder struct {
	FS    fs.FS // holds those files and the directories above them alone
	Sums  map[string][sha256.Size]byte
	Bytes int64
}

// skipped is directories that are not taken along.
var skipped = map[string]bool{".git": true}

// ReadFolder finds the regular files below fsys and sums them. It fails where
// they have more than limit bytes together.
func ReadFolder(fsys fs.FS, limit int64) (*Folder, error) {
	f := &Folder{Sums: map[string][sha256.Size]byte{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped[d.Name()]:
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		return f.add(fsys, name, limit)
	})
	if err != nil {
		return nil, err
	}
	if len(f.Sums) == 0 {
		return nil, fmt.Errorf("there are no files in it")
	}
	f.FS = only{fsys, f}
	return f, nil
}

func (f *Folder) add(fsys fs.FS, name string, limit int64) error {
	r, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, limit-f.Bytes+1))
	if err != nil {
		return err
	}
	if f.Bytes += n; f.Bytes > limit {
		return fmt.Errorf("there are more than %d MiB in it", limit>>20)
	}
	f.Sums[name] = [sha256.Size]byte(h.Sum(nil))
	return nil
}

// Names is the files in order.
func (f *Folder) Names() []string { return slices.Sorted(maps.Keys(f.Sums)) }

// only is a file system without the files that a folder does not have.
type only struct {
	fs.FS
	f *Folder
}

// ReadDir leaves out what is not taken along.
func (o only) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(o.FS, name)
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool {
		return !e.Type().IsRegular() && !e.IsDir() || e.IsDir() && skipped[e.Name()]
	}), err
}
