package sys

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/anykernel/anykernel/backends"
)

var (
	opMkdirat    = newOp("mkdirat")
	opMknodat    = deviceOp(3, "mknodat")
	opMkfifoat   = newOp("mkfifoat")
	opUnlinkat   = newOp("unlinkat")
	opLinkat     = newOp("linkat")
	opSymlinkat  = newOp("symlinkat")
	opReadlinkat = newOp("readlinkat")
	opRenameat   = newOp("renameat")
	opRenameat2  = newOp("renameat2")
	opFchmodat   = newOp("fchmodat")
	opFchmodat2  = newOp("fchmodat2")
	opFchownat   = newOp("fchownat")
	opFchmod     = newOp("fchmod")
	opFchown     = newOp("fchown")
	opTruncate   = paddedOp(1, "truncate")
)

// RenameFlags are the flags of renameat2(2). Linux has them.
type RenameFlags uint32

const (
	RENAME_NOREPLACE RenameFlags = 1 // fail where the new name exists
	RENAME_EXCHANGE  RenameFlags = 2 // exchange the two
	RENAME_WHITEOUT  RenameFlags = 4 // leave a whiteout at the old name
)

var renameFlags = flagTable{
	name:   "rename flags",
	prefix: "RENAME_",
	flags: []flag{
		{name: "NOREPLACE", value: uint64(RENAME_NOREPLACE)},
		{name: "EXCHANGE", value: uint64(RENAME_EXCHANGE)},
		{name: "WHITEOUT", value: uint64(RENAME_WHITEOUT)},
	},
}

// ParseRenameFlags reads flags by name, such as "noreplace". The error is a
// [*NameError].
func ParseRenameFlags(text string) (RenameFlags, error) {
	v, err := renameFlags.parse(text)
	return RenameFlags(v), err
}

// String is the flags by name.
func (f RenameFlags) String() string { return renameFlags.format(uint64(f)) }

// Mkdir makes a directory with the permissions perm, less the process's mask;
// see mkdir(2).
func (p *Process) Mkdir(path string, perm fs.FileMode) error { return p.at(path).mkdir(perm) }

// Mknod makes a file of the type in mode: a regular file, a device with the
// number dev, a fifo or a socket; see mknod(2).
func (p *Process) Mknod(path string, mode fs.FileMode, dev Device) error {
	return p.at(path).mknod(mode, dev)
}

// Mkfifo makes a named pipe; see mkfifo(2).
func (p *Process) Mkfifo(path string, perm fs.FileMode) error { return p.at(path).mkfifo(perm) }

// Unlink removes a name that is not a directory's; see unlink(2).
func (p *Process) Unlink(path string) error { return p.at(path).unlink("unlink", 0) }

// Rmdir removes an empty directory; see rmdir(2).
func (p *Process) Rmdir(path string) error { return p.at(path).unlink("rmdir", AT_REMOVEDIR) }

// Link gives the file at oldpath the name newpath as well; see link(2). A
// symbolic link is not followed.
func (p *Process) Link(oldpath, newpath string) error { return p.at(oldpath).link(p.at(newpath), 0) }

// Symlink makes a symbolic link at path that leads to target; see symlink(2).
func (p *Process) Symlink(target, path string) error { return p.at(path).symlink(target) }

// Readlink is where the symbolic link at path leads; see readlink(2).
func (p *Process) Readlink(path string) (string, error) { return p.at(path).readlink() }

// Rename moves oldpath to newpath, replacing what is there; see rename(2).
func (p *Process) Rename(oldpath, newpath string) error {
	return p.at(oldpath).rename(p.at(newpath), 0)
}

// RenameFlags is [Process.Rename] with flags; see renameat2(2).
func (p *Process) RenameFlags(oldpath, newpath string, flags RenameFlags) error {
	return p.at(oldpath).rename(p.at(newpath), flags)
}

// Chmod sets the permissions of a file, 12 bits; see chmod(2).
func (p *Process) Chmod(path string, perm fs.FileMode) error { return p.at(path).chmod(perm, 0) }

// Chown sets owner and group of a file; see chown(2). -1 leaves one as it is.
func (p *Process) Chown(path string, uid, gid int) error { return p.at(path).chown(uid, gid, 0) }

// Lchown is Chown of a symbolic link itself.
func (p *Process) Lchown(path string, uid, gid int) error {
	return p.at(path).chown(uid, gid, AT_SYMLINK_NOFOLLOW)
}

// Chmod sets the permissions of the open file, 12 bits; see fchmod(2).
func (f *File) Chmod(perm fs.FileMode) error {
	_, err := f.call("chmod", opFchmod, backends.Int(uintptr(modeBits(perm))))
	return err
}

// Chown sets owner and group of the open file; see fchown(2). -1 leaves one as
// it is.
func (f *File) Chown(uid, gid int) error {
	_, err := f.call("chown", opFchown, backends.Int(uintptr(uid)), backends.Int(uintptr(gid)))
	return err
}

// Truncate sets the size of a file; see truncate(2).
func (p *Process) Truncate(path string, size int64) error {
	s := newScratch()
	defer s.free()
	str, err := s.str(path)
	if err == nil {
		_, err = p.call(opTruncate, str, backends.Int(uintptr(size)))
	}
	return p.wrap("truncate", path, err)
}

func (l place) mkdir(perm fs.FileMode) error {
	return l.run("mkdir", opMkdirat, backends.Int(uintptr(modeBits(perm))))
}

func (l place) mknod(mode fs.FileMode, dev Device) error {
	kind, ok := typeBits(mode)
	if !ok {
		return l.fail("mknod", fmt.Errorf("mode %v is of no type that a file can be made of", mode))
	}
	number, fits := l.p.k.tab.files.device.pack(dev)
	if !fits || number>>32 != 0 {
		return l.fail("mknod", fmt.Errorf("this kernel has no device number as large as %v", dev))
	}
	return l.run("mknod", opMknodat, backends.Int(uintptr(kind|modeBits(mode))), backends.Int(uintptr(number)))
}

func (l place) mkfifo(perm fs.FileMode) error {
	if !l.p.k.tab.has(opMkfifoat) {
		return l.mknod(fs.ModeNamedPipe|perm, Device{})
	}
	return l.run("mkfifo", opMkfifoat, backends.Int(uintptr(modeBits(perm))))
}

func (l place) unlink(name string, flags AtFlags) error {
	native, err := l.p.k.tab.files.at.native(uint64(flags))
	if err != nil {
		return l.fail(name, err)
	}
	return l.run(name, opUnlinkat, backends.Int(uintptr(native)))
}

func (l place) chmod(perm fs.FileMode, flags AtFlags) error {
	native, err := l.p.k.tab.files.at.native(uint64(flags))
	if err != nil {
		return l.fail("chmod", err)
	}
	o := opFchmodat
	if flags != 0 && l.p.k.tab.has(opFchmodat2) {
		o = opFchmodat2 // Linux: its fchmodat takes no flags
	}
	return l.run("chmod", o, backends.Int(uintptr(modeBits(perm))), backends.Int(uintptr(native)))
}

func (l place) chown(uid, gid int, flags AtFlags) error {
	native, err := l.p.k.tab.files.at.native(uint64(flags))
	if err != nil {
		return l.fail("chown", err)
	}
	return l.run("chown", opFchownat, backends.Int(uintptr(uid)), backends.Int(uintptr(gid)), backends.Int(uintptr(native)))
}

func (l place) symlink(target string) error {
	s := newScratch()
	defer s.free()
	var str [2]backends.Arg
	var err error
	for i, text := range []string{target, l.path} {
		if str[i], err = s.str(text); err != nil {
			return l.fail("symlink", err)
		}
	}
	dir, err := l.acquire()
	if err != nil {
		return l.fail("symlink", err)
	}
	defer l.release()
	_, err = l.p.call(opSymlinkat, str[0], dir, str[1])
	return l.fail("symlink", err)
}

// maxLink bounds the target of a symbolic link, in bytes.
const maxLink = 1 << 16

func (l place) readlink() (string, error) {
	for size := 256; ; size *= 4 {
		target, err := l.readlinkUpTo(size)
		if err != nil || len(target) < size {
			return target, err
		}
		if size >= maxLink {
			return "", l.fail("readlink", fmt.Errorf("the target is longer than %d bytes", maxLink))
		}
	}
}

// readlinkUpTo is the first size bytes of the target.
func (l *place) readlinkUpTo(size int) (string, error) {
	s := newScratch()
	defer s.free()
	b := s.bytes(size)
	n, err := l.call(s, "readlink", opReadlinkat, backends.Mem(b, backends.Out), backends.Int(uintptr(size)))
	if err != nil {
		return "", err
	}
	return string(b[:min(int(n), size)]), nil
}

func (l place) link(to place, flags AtFlags) error {
	native, err := l.p.k.tab.files.at.native(uint64(flags))
	if err != nil {
		return l.failTo("link", to, err)
	}
	return l.two("link", opLinkat, to, backends.Int(uintptr(native)))
}

func (l place) rename(to place, flags RenameFlags) error {
	if flags == 0 {
		return l.two("rename", opRenameat, to)
	}
	native, err := l.p.k.tab.files.rename.native(uint64(flags))
	if err != nil {
		return l.failTo("rename", to, err)
	}
	return l.two("rename", opRenameat2, to, backends.Int(uintptr(native)))
}

// two makes a call that takes two places, and then args.
func (l *place) two(name string, o op, to place, args ...backends.Arg) error {
	err := l.tryTwo(o, &to, args)
	return l.failTo(name, to, err)
}

func (l *place) tryTwo(o op, to *place, args []backends.Arg) error {
	if l.dir != nil && to.dir != nil && l.dir.p.fds != to.dir.p.fds {
		return fmt.Errorf("%s is in another process than %s", to.dir.name, l.dir.name)
	}
	s := newScratch()
	defer s.free()
	from, err := s.str(l.path)
	if err != nil {
		return err
	}
	into, err := s.str(to.path)
	if err != nil {
		return err
	}
	fromDir, err := l.acquire()
	if err != nil {
		return err
	}
	defer l.release()
	intoDir, err := to.acquire()
	if err != nil {
		return err
	}
	defer to.release()
	all := [backends.MaxArgs]backends.Arg{fromDir, from, intoDir, into}
	_, err = l.p.call(o, all[:4+copy(all[4:], args)]...)
	return err
}

// failTo is an error about two paths.
func (l *place) failTo(name string, to place, err error) error {
	if err == nil {
		return nil
	}
	return l.p.wrap(name, strings.Join([]string{l.path, to.path}, " → "), err)
}
