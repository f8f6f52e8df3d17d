package sys

import "io/fs"

// The calls on paths relative to an open directory. An absolute path is what
// it is anywhere; see openat(2).

// OpenAt is [Process.Open] for a path relative to the directory f.
func (f *File) OpenAt(path string, flags OpenFlags, perm fs.FileMode) (*File, error) {
	return f.at(path).open(flags, perm)
}

// MkdirAt is [Process.Mkdir] for a path relative to the directory f.
func (f *File) MkdirAt(path string, perm fs.FileMode) error { return f.at(path).mkdir(perm) }

// MknodAt is [Process.Mknod] for a path relative to the directory f.
func (f *File) MknodAt(path string, mode fs.FileMode, dev Device) error {
	return f.at(path).mknod(mode, dev)
}

// MkfifoAt is [Process.Mkfifo] for a path relative to the directory f.
func (f *File) MkfifoAt(path string, perm fs.FileMode) error { return f.at(path).mkfifo(perm) }

// UnlinkAt is [Process.Unlink] for a path relative to the directory f, with
// AT_REMOVEDIR [Process.Rmdir].
func (f *File) UnlinkAt(path string, flags AtFlags) error { return f.at(path).unlink("unlink", flags) }

// LinkAt gives the file at oldpath, relative to the directory f, the name
// newpath relative to dir. AT_SYMLINK_FOLLOW follows a symbolic link at
// oldpath. Where dir is nil, newpath is relative to the directory that the
// process is in.
func (f *File) LinkAt(oldpath string, dir *File, newpath string, flags AtFlags) error {
	return f.at(oldpath).link(f.to(dir, newpath), flags)
}

// RenameAt moves oldpath, relative to the directory f, to newpath relative to
// dir; see renameat2(2). Where dir is nil, newpath is relative to the
// directory that the process is in.
func (f *File) RenameAt(oldpath string, dir *File, newpath string, flags RenameFlags) error {
	return f.at(oldpath).rename(f.to(dir, newpath), flags)
}

func (f *File) to(dir *File, path string) place {
	if dir == nil {
		p := f.view()
		return p.at(path)
	}
	return dir.at(path)
}

// SymlinkAt is [Process.Symlink] for a path relative to the directory f.
func (f *File) SymlinkAt(target, path string) error { return f.at(path).symlink(target) }

// ReadlinkAt is [Process.Readlink] for a path relative to the directory f.
func (f *File) ReadlinkAt(path string) (string, error) { return f.at(path).readlink() }

// ChmodAt is [Process.Chmod] for a path relative to the directory f.
// AT_SYMLINK_NOFOLLOW is about a symbolic link itself, which few file systems
// can do.
func (f *File) ChmodAt(path string, perm fs.FileMode, flags AtFlags) error {
	return f.at(path).chmod(perm, flags)
}

// ChownAt is [Process.Chown] for a path relative to the directory f, with
// AT_SYMLINK_NOFOLLOW [Process.Lchown].
func (f *File) ChownAt(path string, uid, gid int, flags AtFlags) error {
	return f.at(path).chown(uid, gid, flags)
}
