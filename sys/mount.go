package sys

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/netbsd/fsargs"
)

var (
	opMount   = newOp("mount")
	opUnmount = newOp("umount2", "unmount")
)

// MountFlags are the flags of mount(2).
type MountFlags uint64

const (
	MS_RDONLY      MountFlags = 0x1
	MS_NOSUID      MountFlags = 0x2
	MS_NODEV       MountFlags = 0x4
	MS_NOEXEC      MountFlags = 0x8
	MS_SYNCHRONOUS MountFlags = 0x10
	MS_REMOUNT     MountFlags = 0x20 // changes the flags of a mount
	MS_MANDLOCK    MountFlags = 0x40
	MS_DIRSYNC     MountFlags = 0x80
	MS_NOSYMFOLLOW MountFlags = 0x100
	MS_NOATIME     MountFlags = 0x400
	MS_NODIRATIME  MountFlags = 0x800
	MS_BIND        MountFlags = 0x1000 // shows a directory at another place
	MS_MOVE        MountFlags = 0x2000 // moves a mount
	MS_REC         MountFlags = 0x4000 // with all mounts below
	MS_SILENT      MountFlags = 0x8000
	MS_UNBINDABLE  MountFlags = 0x20000
	MS_PRIVATE     MountFlags = 0x40000
	MS_SLAVE       MountFlags = 0x80000
	MS_SHARED      MountFlags = 0x100000
	MS_RELATIME    MountFlags = 0x200000
	MS_STRICTATIME MountFlags = 0x1000000
	MS_LAZYTIME    MountFlags = 0x2000000

	// Flags that Linux does not have.
	MS_LOG MountFlags = 1 << 32 // keeps a journal: FFS on NetBSD
)

var mountFlags = flagTable{
	name:   "mount flags",
	prefix: "MS_",
	other:  "MNT_",
	flags: []flag{
		{name: "RDONLY", value: uint64(MS_RDONLY)}, {name: "NOSUID", value: uint64(MS_NOSUID)},
		{name: "NODEV", value: uint64(MS_NODEV)}, {name: "NOEXEC", value: uint64(MS_NOEXEC)},
		{name: "SYNCHRONOUS", value: uint64(MS_SYNCHRONOUS)}, {name: "REMOUNT", value: uint64(MS_REMOUNT)},
		{name: "MANDLOCK", value: uint64(MS_MANDLOCK)}, {name: "DIRSYNC", value: uint64(MS_DIRSYNC)},
		{name: "NOSYMFOLLOW", value: uint64(MS_NOSYMFOLLOW)}, {name: "NOATIME", value: uint64(MS_NOATIME)},
		{name: "NODIRATIME", value: uint64(MS_NODIRATIME)}, {name: "BIND", value: uint64(MS_BIND)},
		{name: "MOVE", value: uint64(MS_MOVE)}, {name: "REC", value: uint64(MS_REC)},
		{name: "SILENT", value: uint64(MS_SILENT)}, {name: "UNBINDABLE", value: uint64(MS_UNBINDABLE)},
		{name: "PRIVATE", value: uint64(MS_PRIVATE)}, {name: "SLAVE", value: uint64(MS_SLAVE)},
		{name: "SHARED", value: uint64(MS_SHARED)}, {name: "RELATIME", value: uint64(MS_RELATIME)},
		{name: "STRICTATIME", value: uint64(MS_STRICTATIME)}, {name: "LAZYTIME", value: uint64(MS_LAZYTIME)},
		{name: "LOG", value: uint64(MS_LOG)},
	},
}

// ParseMountFlags reads flags by name, such as "rdonly, nosuid". The error is
// a [*NameError].
func ParseMountFlags(text string) (MountFlags, error) {
	v, err := mountFlags.parse(text)
	return MountFlags(v), err
}

// String is the flags by name.
func (f MountFlags) String() string { return mountFlags.format(uint64(f)) }

// UnmountFlags are the flags of umount2(2).
type UnmountFlags uint32

const (
	UMOUNT_FORCE    UnmountFlags = 1 // ends what goes on in the file system
	UMOUNT_DETACH   UnmountFlags = 2 // takes it out of sight now, and ends it later
	UMOUNT_EXPIRE   UnmountFlags = 4 // at the second call, if it was not used between
	UMOUNT_NOFOLLOW UnmountFlags = 8 // does not follow a symbolic link
)

var unmountFlags = flagTable{
	name:   "unmount flags",
	prefix: "UMOUNT_",
	other:  "MNT_",
	flags: []flag{
		{name: "FORCE", value: uint64(UMOUNT_FORCE)}, {name: "DETACH", value: uint64(UMOUNT_DETACH)},
		{name: "EXPIRE", value: uint64(UMOUNT_EXPIRE)}, {name: "NOFOLLOW", value: uint64(UMOUNT_NOFOLLOW)},
	},
}

// ParseUnmountFlags reads flags by name, such as "detach". The error is a
// [*NameError].
func ParseUnmountFlags(text string) (UnmountFlags, error) {
	v, err := unmountFlags.parse(text)
	return UnmountFlags(v), err
}

// String is the flags by name.
func (f UnmountFlags) String() string { return unmountFlags.format(uint64(f)) }

// Mount attaches a file system of type fstype, with what source names, at the
// directory target; see mount(2). Options are those of the file system,
// separated by commas. On the BSDs a type wants a structure of its own: for
// NetBSD's it is made of source and options, by package fsargs; elsewhere
// [Process.MountArgs] takes it.
func (p *Process) Mount(source, target, fstype string, flags MountFlags, options string) error {
	if p.k.tab.abi.OS != "linux" {
		args, refs, err := p.k.tab.mountArgs(fstype, source, options)
		if err != nil {
			return p.wrap("mount", target, err)
		}
		return p.MountArgs(target, fstype, flags, args, refs...)
	}
	native, err := p.k.tab.procs.mount.native(uint64(flags))
	if err != nil {
		return p.wrap("mount", target, err)
	}
	s := newScratch()
	defer s.free()
	var str [4]backends.Arg
	for i, text := range []string{source, target, fstype, options} {
		if text == "" && i != 1 {
			continue // a null pointer
		}
		if str[i], err = s.str(text); err != nil {
			return p.wrap("mount", target, err)
		}
	}
	_, err = p.call(opMount, str[0], str[1], str[2], backends.Int(uintptr(native)), str[3])
	return p.wrap("mount", target, err)
}

// MountArgs attaches a file system as the BSDs and macOS do: args is the
// structure that the type wants, such as struct tmpfs_args, and refs are the
// pointers in it, whose holder is argument 3.
func (p *Process) MountArgs(target, fstype string, flags MountFlags, args []byte, refs ...backends.Ref) error {
	native, err := p.k.tab.procs.mount.native(uint64(flags))
	if err != nil {
		return p.wrap("mount", target, err)
	}
	s := newScratch()
	defer s.free()
	typ, err := s.str(fstype)
	if err != nil {
		return p.wrap("mount", target, err)
	}
	dir, err := s.str(target)
	if err != nil {
		return p.wrap("mount", target, err)
	}
	all := []backends.Arg{typ, dir, backends.Int(uintptr(native)), backends.Mem(args, backends.In)}
	if p.k.tab.abi.OS == "netbsd" {
		all = append(all, intArg(len(args)))
	}
	_, err = p.callRefs(opMount, refs, all...)
	return p.wrap("mount", target, err)
}

// mountArgs is the structure that a type of file system wants, and the pointers
// in it.
func (t *table) mountArgs(fstype, source, options string) ([]byte, []backends.Ref, error) {
	if t.abi.OS != "netbsd" {
		return nil, nil, fmt.Errorf("the arguments of file system %q are not known here: %w", fstype, ErrNotSupported)
	}
	args, err := fsargs.New(fstype, source, options)
	if err != nil {
		return nil, nil, err
	}
	b, refs := MountRefs(t.abi, args)
	return b, refs, nil
}

// MountRefs is the structure of args in an ABI of NetBSD, and the pointers in
// it, as [Process.MountArgs] takes them.
func MountRefs(a *abi.ABI, args fsargs.Args) ([]byte, []backends.Ref) {
	const holder = 3 // the argument of mount(2) that is the structure
	b, pointers := fsargs.Encode(a, args)
	var refs []backends.Ref
	for _, p := range pointers {
		refs = append(refs, backends.Ref{Holder: holder, Off: p.Offset, Mem: backends.Mem(p.Text, backends.In)})
	}
	return b, refs
}

// Unmount takes away what is mounted at target; see umount2(2).
func (p *Process) Unmount(target string, flags UnmountFlags) error {
	native, err := p.k.tab.procs.unmount.native(uint64(flags))
	if err != nil {
		return p.wrap("unmount", target, err)
	}
	s := newScratch()
	defer s.free()
	str, err := s.str(target)
	if err == nil {
		_, err = p.call(opUnmount, str, backends.Int(uintptr(native)))
	}
	return p.wrap("unmount", target, err)
}
