package linux

import (
	"fmt"
	"io/fs"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// ResolveFlags bound where a path may lead; see openat2(2).
type ResolveFlags uint64

const (
	RESOLVE_NO_XDEV       ResolveFlags = 0x1  // not over a mount
	RESOLVE_NO_MAGICLINKS ResolveFlags = 0x2  // not through the links of /proc
	RESOLVE_NO_SYMLINKS   ResolveFlags = 0x4  // not through symbolic links
	RESOLVE_BENEATH       ResolveFlags = 0x8  // not out of the directory
	RESOLVE_IN_ROOT       ResolveFlags = 0x10 // the directory is the root
	RESOLVE_CACHED        ResolveFlags = 0x20 // only what needs no reading
)

var resolveFlags = sys.NewFlagNames("resolve flags", "RESOLVE_",
	name("NO_XDEV", uint64(RESOLVE_NO_XDEV)),
	name("NO_MAGICLINKS", uint64(RESOLVE_NO_MAGICLINKS)),
	name("NO_SYMLINKS", uint64(RESOLVE_NO_SYMLINKS)),
	name("BENEATH", uint64(RESOLVE_BENEATH)),
	name("IN_ROOT", uint64(RESOLVE_IN_ROOT)),
	name("CACHED", uint64(RESOLVE_CACHED)))

// ParseResolveFlags reads flags by name, such as "beneath". The error is a
// [*sys.NameError].
func ParseResolveFlags(text string) (ResolveFlags, error) {
	v, err := resolveFlags.Parse(text)
	return ResolveFlags(v), err
}

// String is the flags by name.
func (f ResolveFlags) String() string { return resolveFlags.Format(uint64(f)) }

// openHow is where the ABI has what in struct open_how.
type openHow struct {
	size                 int
	flags, mode, resolve abi.Field
}

var openHows = layoutOf("open_how", func(l abi.Layout) openHow {
	return openHow{l.Size, field(&l, "flags"), field(&l, "mode"), field(&l, "resolve")}
})

// OpenBounded opens a path relative to the directory dir that leads no
// further than resolve allows; see openat2(2).
func OpenBounded(dir *sys.File, path string, flags sys.OpenFlags, perm fs.FileMode, resolve ResolveFlags) (*sys.File, error) {
	p := dir.Process()
	str, err := sys.CString(path)
	if err != nil {
		return nil, p.Fail("openat2", path, err)
	}
	native, err := flags.Native(p.Kernel().ABI())
	if err != nil {
		return nil, p.Fail("openat2", path, err)
	}
	l, o := openHows.of(p), p.Kernel().ABI().Order
	b := make([]byte, l.size)
	l.flags.PutUint(b, o, native)
	l.resolve.PutUint(b, o, uint64(resolve))
	if flags&(sys.O_CREAT|sys.O_TMPFILE&^sys.O_DIRECTORY) != 0 { // else a mode is an error
		l.mode.PutUint(b, o, uint64(sys.ModeBits(perm)))
	}
	fd, err := dir.Call("openat2", str, backends.Mem(b, backends.In), integer(len(b)))
	if err != nil {
		return nil, err
	}
	return p.NewFile(int(fd), path), nil
}

// OpenTemp opens a file without a name in a directory, for reading and
// writing; see O_TMPFILE in open(2). [LinkTemp] gives it one.
func OpenTemp(p *sys.Process, dir string, perm fs.FileMode) (*sys.File, error) {
	return p.Open(dir, sys.O_TMPFILE|sys.O_RDWR|sys.O_CLOEXEC, perm)
}

// LinkTemp gives a file of [OpenTemp] a name.
func LinkTemp(f *sys.File, path string) error {
	p := f.Process()
	str, err := sys.CString(path)
	if err != nil {
		return p.Fail("linkat", path, err)
	}
	return f.Use(func(fd int) error {
		from, err := sys.CString(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil {
			return err
		}
		_, err = p.Call("linkat", atCWD, from, atCWD, str, integer(uint32(sys.AT_SYMLINK_FOLLOW)))
		return err
	})
}

// A FileHandle names a file of a file system for as long as the file is there;
// see name_to_handle_at(2).
type FileHandle struct {
	Type    int32
	Bytes   []byte
	MountID int // the mount that it was looked up on
}

// maxHandle is MAX_HANDLE_SZ: bytes that a handle may have.
const maxHandle = 128

// handleLayout is where the ABI has what in struct file_handle.
type handleLayout struct {
	size         int
	length, kind abi.Field
}

var handleLayouts = layoutOf("file_handle", func(l abi.Layout) handleLayout {
	return handleLayout{l.Size, field(&l, "handle_bytes"), field(&l, "handle_type")}
})

// NameToHandle is the handle of the file at path.
func NameToHandle(p *sys.Process, path string) (FileHandle, error) {
	str, err := sys.CString(path)
	if err != nil {
		return FileHandle{}, p.Fail("name_to_handle_at", path, err)
	}
	l, o := handleLayouts.of(p), p.Kernel().ABI().Order
	b, mount := make([]byte, l.size+maxHandle), make([]byte, 4)
	l.length.PutUint(b, o, maxHandle)
	if _, err := p.Call("name_to_handle_at", atCWD, str, backends.Mem(b, backends.InOut), backends.Mem(mount, backends.Out), backends.Arg{}); err != nil {
		return FileHandle{}, err
	}
	n := l.length.Uint(b, o)
	if n > maxHandle {
		return FileHandle{}, p.Fail("name_to_handle_at", path, fmt.Errorf("the kernel gave a handle of %d bytes", n))
	}
	return FileHandle{int32(l.kind.Int(b, o)), b[l.size : l.size+int(n)], int(int32(o.Uint32(mount)))}, nil
}

// OpenByHandle opens the file of a handle, on the mount that mount is on; see
// open_by_handle_at(2). It is for the superuser.
func OpenByHandle(mount *sys.File, h FileHandle, flags sys.OpenFlags) (*sys.File, error) {
	p := mount.Process()
	if len(h.Bytes) > maxHandle {
		return nil, mount.Fail("open_by_handle_at", fmt.Errorf("a handle of %d bytes, of %d that it may have", len(h.Bytes), maxHandle))
	}
	native, err := flags.Native(p.Kernel().ABI())
	if err != nil {
		return nil, mount.Fail("open_by_handle_at", err)
	}
	l, o := handleLayouts.of(p), p.Kernel().ABI().Order
	b := append(make([]byte, l.size), h.Bytes...)
	l.length.PutUint(b, o, uint64(len(h.Bytes)))
	l.kind.PutInt(b, o, int64(h.Type))
	fd, err := mount.Call("open_by_handle_at", backends.Mem(b, backends.InOut), integer(int(native)))
	if err != nil {
		return nil, err
	}
	return p.NewFile(int(fd), fmt.Sprintf("handle %x", h.Bytes)), nil
}
