package sys

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opStatfs    = newOp("statfs64", "statfs")
	opFstatfs   = newOp("fstatfs64", "fstatfs")
	opStatvfs1  = newOp("__statvfs190", "statvfs1") // NetBSD
	opFstatvfs1 = newOp("__fstatvfs190", "fstatvfs1")
	opMounts    = newOp("__getvfsstat90", "getvfsstat", "getfsstat64", "getfsstat")
)

// A Statfs is what statfs(2) tells of a file system.
type Statfs struct {
	Type    string // the kind of file system, such as "tmpfs" or "ffs"
	Bsize   int64  // the size that files are best read and written in
	Frsize  int64  // the unit of the next three
	Blocks  uint64
	Bfree   uint64 // free
	Bavail  uint64 // free for ordinary users
	Files   uint64 // file numbers
	Ffree   uint64 // free file numbers
	FSID    uint64
	NameMax int    // bytes that a name may have
	Flags   uint64 // of the mount, as the kernel has them; see ReadOnly

	From, On string // what is mounted and where; empty where the kernel does not tell
}

// ReadOnly reports whether nothing can be written.
func (s *Statfs) ReadOnly() bool { return s.Flags&1 != 0 } // ST_RDONLY and MNT_RDONLY everywhere

// Total is the size of the file system in bytes.
func (s *Statfs) Total() uint64 { return s.Blocks * uint64(s.Frsize) }

// Available is what ordinary users can still write, in bytes.
func (s *Statfs) Available() uint64 { return s.Bavail * uint64(s.Frsize) }

// String is the file system in one line.
func (s *Statfs) String() string {
	return fmt.Sprintf("%s bsize %d frsize %d blocks %d free %d avail %d files %d ffree %d namemax %d",
		s.Type, s.Bsize, s.Frsize, s.Blocks, s.Bfree, s.Bavail, s.Files, s.Ffree, s.NameMax)
}

// A statfsLayout is where an ABI has what in struct statfs or statvfs.
type statfsLayout struct {
	size                                        int
	kind, name                                  abi.Field // a number, or a name
	bsize, frsize                               abi.Field
	blocks, bfree, bavail, files, ffree         abi.Field
	fsid, namemax, flags, mountedFrom, mountsOn abi.Field
}

func newStatfsLayout(a *abi.ABI) statfsLayout {
	l := layoutOf(a, "statvfs", "statfs")
	if a.OS != "netbsd" {
		l = layoutOf(a, "statfs")
	}
	return statfsLayout{
		size: l.Size,
		kind: l.field("f_type"), name: l.field("f_fstypename"),
		bsize: l.field("f_bsize"), frsize: l.field("f_frsize", "f_bsize"),
		blocks: l.field("f_blocks"), bfree: l.field("f_bfree"), bavail: l.field("f_bavail"),
		files: l.field("f_files"), ffree: l.field("f_ffree"), fsid: l.field("f_fsid"),
		namemax: l.field("f_namelen", "f_namemax"), flags: l.field("f_flags", "f_flag"),
		mountedFrom: l.field("f_mntfromname"), mountsOn: l.field("f_mntonname"),
	}
}

func (t *fileTable) decodeStatfs(b []byte) Statfs {
	l, o := &t.statfs, t.order
	s := Statfs{
		Type:    l.name.Text(b),
		Bsize:   l.bsize.Int(b, o),
		Frsize:  l.frsize.Int(b, o),
		Blocks:  l.blocks.Uint(b, o),
		Bfree:   l.bfree.Uint(b, o),
		Bavail:  l.bavail.Uint(b, o),
		Files:   l.files.Uint(b, o),
		Ffree:   l.ffree.Uint(b, o),
		NameMax: int(l.namemax.Int(b, o)),
		Flags:   l.flags.Uint(b, o),
		From:    l.mountedFrom.Text(b),
		On:      l.mountsOn.Text(b),
	}
	if id := l.fsid.Bytes(b); len(id) >= 8 {
		s.FSID = o.Uint64(id)
	}
	if s.Frsize == 0 {
		s.Frsize = s.Bsize
	}
	if l.name.Size == 0 {
		s.Type = fileSystemName(uint32(l.kind.Uint(b, o)))
	}
	return s
}

// fileSystems are the kinds of file systems of Linux by the number that its
// statfs gives; see <linux/magic.h>.
var fileSystems = map[uint32]string{
	0x61756673: "aufs", 0x0187: "autofs", 0xcafe4a11: "bpf", 0x9123683e: "btrfs", 0x27e0eb: "cgroup",
	0x63677270: "cgroup2", 0xff534d42: "cifs", 0x28cd3d45: "cramfs", 0x64626720: "debugfs", 0x1373: "devfs",
	0x1cd1: "devpts", 0xf15f: "ecryptfs", 0xde5e81e4: "efivarfs", 0xe0f5e1e2: "erofs", 0x2011bab0: "exfat",
	0xef53: "ext4", 0xf2f52010: "f2fs", 0x65735546: "fuse", 0x4244: "hfs", 0x482b: "hfsplus",
	0x958458f6: "hugetlbfs", 0x9660: "iso9660", 0x72b6: "jffs2", 0x3153464a: "jfs", 0x19800202: "mqueue",
	0x4d44: "msdos", 0x6969: "nfs", 0x6e667364: "nfsd", 0x3434: "nilfs", 0x6e736673: "nsfs", 0x5346544e: "ntfs",
	0x794c7630: "overlayfs", 0x50495045: "pipefs", 0x9fa0: "proc", 0x6165676c: "pstore", 0x858458f6: "ramfs",
	0x52654973: "reiserfs", 0x67596969: "rpc_pipefs", 0x73636673: "securityfs", 0xf97cff8c: "selinux",
	0x534f434b: "sockfs", 0x73717368: "squashfs", 0x62656572: "sysfs", 0x01021994: "tmpfs", 0x74726163: "tracefs",
	0x24051905: "ubifs", 0x15013346: "udf", 0x00011954: "ufs", 0x01021997: "v9fs", 0x786f4256: "vboxsf",
	0x58465342: "xfs", 0x2fc12fc1: "zfs",
}

func fileSystemName(magic uint32) string {
	if name, ok := fileSystems[magic]; ok {
		return name
	}
	return fmt.Sprintf("%#x", magic)
}

// Statfs tells of the file system that a path is on; see statfs(2).
func (p *Process) Statfs(path string) (Statfs, error) {
	t := p.k.tab
	s := newScratch()
	defer s.free()
	str, err := s.str(path)
	b := s.zeroed(t.files.statfs.size)
	if err == nil {
		o, flags := t.statfsCall(opStatfs, opStatvfs1)
		_, err = p.call(o, str, backends.Mem(b, backends.Out), flags)
	}
	if err != nil {
		return Statfs{}, p.wrap("statfs", path, err)
	}
	return t.files.decodeStatfs(b), nil
}

// Statfs tells of the file system that the open file is on; see fstatfs(2).
func (f *File) Statfs() (Statfs, error) {
	t := f.p.k.tab
	s := newScratch()
	defer s.free()
	b := s.zeroed(t.files.statfs.size)
	o, flags := t.statfsCall(opFstatfs, opFstatvfs1)
	if _, err := f.call("statfs", o, backends.Mem(b, backends.Out), flags); err != nil {
		return Statfs{}, err
	}
	return t.files.decodeStatfs(b), nil
}

// statfsCall is the call that the ABI has, and its last argument: NetBSD's
// ST_WAIT, nothing elsewhere.
func (t *table) statfsCall(plain, netbsd op) (op, backends.Arg) {
	if t.has(netbsd) {
		return netbsd, backends.Int(1)
	}
	return plain, backends.Arg{}
}

// maxMounts bounds the file systems that Mounts tells of.
const maxMounts = 1 << 14

// Mounts is all file systems that are mounted, the first one first; see
// getvfsstat(2) and getfsstat(2). Linux has none of it, but /proc/self/mounts.
func (p *Process) Mounts() ([]Statfs, error) {
	const nowait = 2 // ST_NOWAIT, MNT_NOWAIT: as the kernel knows it now
	t := p.k.tab
	size := t.files.statfs.size
	if t.abi.OS == "linux" || size == 0 {
		return nil, p.wrap("getvfsstat", "", ErrNotSupported)
	}
	n, err := p.call(opMounts, backends.Arg{}, backends.Int(0), backends.Int(nowait))
	if err != nil {
		return nil, p.wrap("getvfsstat", "", err)
	}
	// A few more may be mounted meanwhile.
	b := make([]byte, size*(min(int(n), maxMounts)+8))
	n, err = p.call(opMounts, backends.Mem(b, backends.Out), backends.Int(uintptr(len(b))), backends.Int(nowait))
	if err != nil {
		return nil, p.wrap("getvfsstat", "", err)
	}
	var list []Statfs
	for range min(int(n), len(b)/size) {
		list = append(list, t.files.decodeStatfs(b))
		b = b[size:]
	}
	return list, nil
}
