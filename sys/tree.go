package sys

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// MkdirAll makes a directory and those above it that are not there, with the
// permissions perm less the process's mask. A directory that is there already
// is none of an error.
func (p *Process) MkdirAll(dir string, perm fs.FileMode) error {
	if st, err := p.Stat(dir); err == nil {
		if st.IsDir() {
			return nil
		}
		return p.wrap("mkdir", dir, errnoNumber(p.k.tab.abi, "ENOTDIR"))
	}
	if parent := path.Dir(strings.TrimRight(dir, "/")); parent != "." && parent != "/" {
		if err := p.MkdirAll(parent, perm); err != nil {
			return err
		}
	}
	err := p.Mkdir(dir, perm)
	if errors.Is(err, EEXIST) {
		if st, statErr := p.Stat(dir); statErr == nil && st.IsDir() {
			return nil
		}
	}
	return err
}

// RemoveAll removes what is at path with everything below it. It never
// follows a symbolic link. That there is nothing at path is no error.
func (p *Process) RemoveAll(dir string) error {
	if path.Base(dir) == "." || path.Base(dir) == ".." || dir == "" || path.Clean(dir) == "/" {
		return p.wrap("removeall", dir, fmt.Errorf("will not remove %q", dir))
	}
	err := p.Unlink(dir)
	if err == nil || errors.Is(err, ENOENT) {
		return nil
	}
	f, openErr := p.Open(dir, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC, 0)
	if openErr != nil {
		if errors.Is(openErr, ENOTDIR) || errors.Is(openErr, ELOOP) {
			return err // it is no directory: why it could not be unlinked counts
		}
		return openErr
	}
	err = f.With(p.ctx).removeContents()
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return p.Rmdir(dir)
}

// removeContents empties the directory.
func (f *File) removeContents() error {
	for {
		names, err := f.Readdirnames(-1)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return nil
		}
		var failed []error
		for _, name := range names {
			failed = append(failed, f.removeEntry(name))
		}
		if err := errors.Join(failed...); err != nil {
			return err
		}
		// Some file systems skip entries while others are removed.
		if _, err := f.Seek(0, 0); err != nil {
			return err
		}
	}
}

func (f *File) removeEntry(name string) error {
	err := f.UnlinkAt(name, 0)
	if err == nil || errors.Is(err, ENOENT) {
		return nil
	}
	dir, openErr := f.OpenAt(name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC, 0)
	if openErr != nil {
		return err
	}
	err = dir.With(f.ctx).removeContents()
	if err := errors.Join(err, dir.Close()); err != nil {
		return err
	}
	return f.UnlinkAt(name, AT_REMOVEDIR)
}

// CopyFS copies the tree fsys to the directory dir, which is made where it is
// not there: directories, regular files and, where fsys is an fs.ReadLinkFS,
// symbolic links, with their permissions. As os.CopyFS it replaces nothing: a
// file that is there already is an error that is fs.ErrExist. Nothing is
// written outside of dir, whatever names and links fsys has.
func (p *Process) CopyFS(dir string, fsys fs.FS) error {
	if err := p.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	root, err := p.Open(dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	err = root.With(p.ctx).copyTree(fsys, ".")
	return errors.Join(err, root.Close())
}

// copyTree copies what the directory name of fsys holds into f.
func (f *File) copyTree(fsys fs.FS, name string) error {
	list, err := fs.ReadDir(fsys, name)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !fs.ValidPath(e.Name()) || strings.Contains(e.Name(), "/") || e.Name() == "." {
			return fmt.Errorf("the directory %s has an entry %q", name, e.Name())
		}
		if err := f.copyEntry(fsys, path.Join(name, e.Name()), e); err != nil {
			return fmt.Errorf("copy %s: %w", path.Join(name, e.Name()), err)
		}
	}
	return nil
}

func (f *File) copyEntry(fsys fs.FS, from string, e fs.DirEntry) error {
	switch e.Type() {
	case fs.ModeDir:
		return f.copyDir(fsys, from, e)
	case fs.ModeSymlink:
		target, err := fs.ReadLink(fsys, from)
		if err != nil {
			return err
		}
		return f.SymlinkAt(target, e.Name())
	case 0:
		return f.copyRegular(fsys, from, e.Name())
	}
	return fmt.Errorf("a %s cannot be copied", TypeName(e.Type()))
}

func (f *File) copyDir(fsys fs.FS, from string, e fs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	// Its owner must be able to fill it, whatever its permissions will be.
	if err := f.MkdirAt(e.Name(), info.Mode().Perm()|0o700); err != nil && !errors.Is(err, EEXIST) {
		return err
	}
	dir, err := f.OpenAt(e.Name(), O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	err = dir.With(f.ctx).copyTree(fsys, from)
	if err == nil {
		err = dir.Chmod(info.Mode())
	}
	return errors.Join(err, dir.Close())
}

func (f *File) copyRegular(fsys fs.FS, from, name string) error {
	src, err := fsys.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	dst, err := f.OpenAt(name, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = dst.With(f.ctx).ReadFrom(src)
	if err == nil {
		err = dst.Chmod(info.Mode())
	}
	return errors.Join(err, dst.Close())
}
