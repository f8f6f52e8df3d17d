package linux

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// StatxMask is what [Statx] is asked for, and what it tells.
type StatxMask uint32

const (
	STATX_BASIC_STATS StatxMask = 0x7ff  // what stat(2) tells
	STATX_BTIME       StatxMask = 0x800  // when it was created
	STATX_MNT_ID      StatxMask = 0x1000 // the mount that it is on
	STATX_DIOALIGN    StatxMask = 0x2000 // the alignment of O_DIRECT
)

var statxMask = sys.NewFlagNames("statx fields", "STATX_",
	name("BASIC_STATS", uint64(STATX_BASIC_STATS)), name("BTIME", uint64(STATX_BTIME)),
	name("MNT_ID", uint64(STATX_MNT_ID)), name("DIOALIGN", uint64(STATX_DIOALIGN)))

// ParseStatxMask reads names such as "basic_stats, btime". The error is a
// [*sys.NameError].
func ParseStatxMask(text string) (StatxMask, error) {
	v, err := statxMask.Parse(text)
	return StatxMask(v), err
}

// String is the mask by name.
func (m StatxMask) String() string { return statxMask.Format(uint64(m)) }

// StatxAttributes are attributes of a file that its file system keeps.
type StatxAttributes uint64

const (
	STATX_ATTR_COMPRESSED StatxAttributes = 0x4
	STATX_ATTR_IMMUTABLE  StatxAttributes = 0x10
	STATX_ATTR_APPEND     StatxAttributes = 0x20
	STATX_ATTR_NODUMP     StatxAttributes = 0x40
	STATX_ATTR_ENCRYPTED  StatxAttributes = 0x800
	STATX_ATTR_AUTOMOUNT  StatxAttributes = 0x1000
	STATX_ATTR_MOUNT_ROOT StatxAttributes = 0x2000
	STATX_ATTR_VERITY     StatxAttributes = 0x100000
	STATX_ATTR_DAX        StatxAttributes = 0x200000
)

var statxAttributes = sys.NewFlagNames("file attributes", "STATX_ATTR_",
	name("COMPRESSED", uint64(STATX_ATTR_COMPRESSED)), name("IMMUTABLE", uint64(STATX_ATTR_IMMUTABLE)),
	name("APPEND", uint64(STATX_ATTR_APPEND)), name("NODUMP", uint64(STATX_ATTR_NODUMP)),
	name("ENCRYPTED", uint64(STATX_ATTR_ENCRYPTED)), name("AUTOMOUNT", uint64(STATX_ATTR_AUTOMOUNT)),
	name("MOUNT_ROOT", uint64(STATX_ATTR_MOUNT_ROOT)), name("VERITY", uint64(STATX_ATTR_VERITY)),
	name("DAX", uint64(STATX_ATTR_DAX)))

// String is the attributes by name.
func (a StatxAttributes) String() string { return statxAttributes.Format(uint64(a)) }

// A StatxInfo is what statx(2) tells of a file. Its Btime is set where Mask
// has STATX_BTIME.
type StatxInfo struct {
	sys.Stat
	Mask       StatxMask // what the kernel told
	Attributes StatxAttributes
	Supported  StatxAttributes // those that the file system has
	MountID    uint64
	// The alignment that O_DIRECT needs of memory and of offsets, in bytes.
	DirectMemAlign, DirectOffsetAlign uint32
}

// String is one line.
func (s *StatxInfo) String() string {
	return fmt.Sprintf("%v created %v attributes %v mount %d", &s.Stat, s.Btime.UTC().Format(time.RFC3339), s.Attributes, s.MountID)
}

// Statx tells of the file at path; see statx(2).
func Statx(p *sys.Process, path string, flags sys.AtFlags, mask StatxMask) (StatxInfo, error) {
	str, err := sys.CString(path)
	if err != nil {
		return StatxInfo{}, p.Fail("statx", path, err)
	}
	return statx(p, path, flags, mask, func(args ...backends.Arg) error {
		_, err := p.Call("statx", append([]backends.Arg{atCWD, str}, args...)...)
		return err
	})
}

// StatxFile tells of the open file.
func StatxFile(f *sys.File, mask StatxMask) (StatxInfo, error) {
	empty, _ := sys.CString("")
	return statx(f.Process(), f.Name(), sys.AT_EMPTY_PATH, mask, func(args ...backends.Arg) error {
		_, err := f.Call("statx", append([]backends.Arg{empty}, args...)...)
		return err
	})
}

// atCWD is AT_FDCWD of every Linux.
var atCWD = integer(-100)

func statx(p *sys.Process, path string, flags sys.AtFlags, mask StatxMask, call func(args ...backends.Arg) error) (StatxInfo, error) {
	l := statxLayouts.of(p)
	b := make([]byte, l.size)
	// The flags of package sys for statx have the values of Linux.
	if err := call(integer(uint32(flags)), integer(uint32(mask)), backends.Mem(b, backends.Out)); err != nil {
		return StatxInfo{}, err
	}
	return l.decode(b, p.Kernel().ABI().Order), nil
}

// statxLayout is where the ABI has what in struct statx.
type statxLayout struct {
	size   int
	fields map[string]abi.Field
}

var statxLayouts = layoutOf("statx", func(l abi.Layout) statxLayout {
	s := statxLayout{l.Size, map[string]abi.Field{}}
	for _, f := range l.Fields {
		s.fields[f.Name] = f
	}
	return s
})

func (l *statxLayout) decode(b []byte, o abi.ByteOrder) StatxInfo {
	u := func(name string) uint64 { return l.fields["stx_"+name].Uint(b, o) }
	at := func(name string) time.Time {
		return time.Unix(l.fields["stx_"+name+".tv_sec"].Int(b, o), int64(u(name+".tv_nsec")))
	}
	s := StatxInfo{
		Stat: sys.Stat{
			Dev:  sys.Device{Major: uint32(u("dev_major")), Minor: uint32(u("dev_minor"))},
			Ino:  u("ino"),
			Mode: sys.ModeOf(uint32(u("mode"))), Nlink: u("nlink"), UID: uint32(u("uid")), GID: uint32(u("gid")),
			Size: int64(u("size")), Blksize: int64(u("blksize")), Blocks: int64(u("blocks")),
			Atime: at("atime"), Mtime: at("mtime"), Ctime: at("ctime"),
		},
		Mask:       StatxMask(u("mask")),
		Attributes: StatxAttributes(u("attributes")), Supported: StatxAttributes(u("attributes_mask")),
		MountID:        u("mnt_id"),
		DirectMemAlign: uint32(u("dio_mem_align")), DirectOffsetAlign: uint32(u("dio_offset_align")),
	}
	if s.Mode&fs.ModeDevice != 0 {
		s.Rdev = sys.Device{Major: uint32(u("rdev_major")), Minor: uint32(u("rdev_minor"))}
	}
	if s.Mask&STATX_BTIME != 0 {
		s.Btime = at("btime")
	}
	return s
}
