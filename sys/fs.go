package sys

import (
	"io/fs"
	"path"
)

// FS is the tree below a directory as an fs.FS: what a program of Go reads
// files from. It is an fs.ReadDirFS, fs.ReadFileFS, fs.StatFS, fs.ReadLinkFS
// and fs.SubFS as well. As with os.DirFS, symbolic links lead where they lead,
// out of the tree as well.
func (p *Process) FS(dir string) fs.FS { return &dirFS{*p, dir} }

type dirFS struct {
	p   Process
	dir string
}

var (
	_ fs.ReadDirFS  = (*dirFS)(nil)
	_ fs.ReadFileFS = (*dirFS)(nil)
	_ fs.StatFS     = (*dirFS)(nil)
	_ fs.ReadLinkFS = (*dirFS)(nil)
	_ fs.SubFS      = (*dirFS)(nil)
)

// An fsFile is a File as fs.File has it.
type fsFile struct{ *File }

var _ fs.ReadDirFile = fsFile{}

func (f fsFile) Stat() (fs.FileInfo, error) {
	st, err := f.File.Stat()
	if err != nil {
		return nil, err
	}
	return st.Info(f.Name()), nil
}

// in calls do with the path of a name in the tree, and gives its error the
// form that package fs asks for.
func (d *dirFS) in(op, name string, do func(path string) error) error {
	if !fs.ValidPath(name) {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if err := do(path.Join(d.dir, name)); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

func (d *dirFS) Open(name string) (fs.File, error) {
	var file fsFile
	err := d.in("open", name, func(path string) (err error) {
		file.File, err = d.p.Open(path, O_RDONLY|O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (d *dirFS) ReadDir(name string) (list []fs.DirEntry, err error) {
	err = d.in("readdir", name, func(path string) (err error) {
		list, err = d.p.ReadDir(path)
		return err
	})
	return list, err
}

func (d *dirFS) ReadFile(name string) (data []byte, err error) {
	err = d.in("readfile", name, func(path string) (err error) {
		data, err = d.p.ReadFile(path)
		return err
	})
	return data, err
}

func (d *dirFS) Stat(name string) (fs.FileInfo, error) { return d.info("stat", name, d.p.Stat) }

func (d *dirFS) Lstat(name string) (fs.FileInfo, error) { return d.info("lstat", name, d.p.Lstat) }

func (d *dirFS) info(op, name string, stat func(string) (Stat, error)) (info fs.FileInfo, err error) {
	err = d.in(op, name, func(path string) error {
		st, err := stat(path)
		if err == nil {
			info = st.Info(name)
		}
		return err
	})
	return info, err
}

func (d *dirFS) ReadLink(name string) (target string, err error) {
	err = d.in("readlink", name, func(path string) (err error) {
		target, err = d.p.Readlink(path)
		return err
	})
	return target, err
}

func (d *dirFS) Sub(name string) (sub fs.FS, err error) {
	err = d.in("sub", name, func(path string) error {
		sub = d.p.FS(path)
		return nil
	})
	return sub, err
}
