package fsargs

// Args is the arguments of one kind of file system: one of the structures of
// this package, by pointer.
type Args interface {
	// Type is the name that mount(2) knows the file system by.
	Type() string
}

// A UFS is the argument of the file systems that take nothing but a device.
type UFS struct {
	Device string `opt:"-"` // a block device
}

// The file systems that are a [UFS] each.
type (
	FFS     UFS // Berkeley's fast file system, versions 1 and 2; mount_ffs(8)
	Ext2    UFS // Linux's second extended file system; mount_ext2fs(8)
	LFS     UFS // the log-structured file system; mount_lfs(8)
	HFS     UFS // Apple's HFS+, read only
	SysVBFS UFS // System V's boot file system; mount_sysvbfs(8)
)

// MSDOS is FAT12, FAT16 and FAT32; see mount_msdos(8).
type MSDOS struct {
	Device  string `opt:"-"`
	_       export
	UID     uint32 // who files belong to
	GID     uint32
	Mask    uint32     // rights that files may have; 0 is 0755
	Flags   MSDOSFlags `opt:"shortname=1,longname=2,nowin95=4,gemdos=8,utf8=32"`
	version int32
	DirMask uint32 // rights that directories may have; 0 is Mask
	GMTOff  int32  // of the times on the disk, in seconds east
}

// MSDOSFlags are the flags of [MSDOS].
type MSDOSFlags uint32

const (
	MSDOSShortNames MSDOSFlags = 1 // make names of 8 and 3 letters only
	MSDOSLongNames  MSDOSFlags = 2 // show long names, also where the first one looked at is short
	MSDOSNoWin95    MSDOSFlags = 4 // neither long names nor their times
	MSDOSGEMDOS     MSDOSFlags = 8 // of an Atari
	msdosVersioned  MSDOSFlags = 16
	MSDOSUTF8       MSDOSFlags = 32 // names are UTF-8
)

const (
	msdosVersion = 3
	defaultMask  = 0o755
)

// CD9660 is ISO 9660 with the extensions of Rock Ridge and Joliet, read only;
// see mount_cd9660(8).
type CD9660 struct {
	Device string `opt:"-"`
	_      export
	Flags  CD9660Flags `opt:"norrip=1,gens=2,extatt=4,nojoliet=8,nocasetrans=16,rrcaseins=32"`
}

// CD9660Flags are the flags of [CD9660].
type CD9660Flags uint32

const (
	CD9660NoRockRidge  CD9660Flags = 1 << iota // without Rock Ridge
	CD9660Generations                          // with the versions of files
	CD9660ExtendedAttr                         // with extended attributes
	CD9660NoJoliet                             // without Joliet
	CD9660NoCaseTrans                          // leaves upper case as it is
	CD9660RRCaseIns                            // Rock Ridge's names match in any case
)

// UDF is the format of DVDs; see mount_udf(8).
type UDF struct {
	version    uint32
	Device     string   `opt:"-"`
	Session    int32    // of a disc of several; 0 is the last
	Flags      UDFFlags `opt:"closesession=1"`
	GMTOff     int32    // of the times on the disc, in seconds east
	AnonUID    uint32   // who files without an owner belong to
	AnonGID    uint32
	NobodyUID  uint32 // who is written as nobody
	NobodyGID  uint32
	SectorSize uint32 // of an image of a disc; 0 is the device's own
	_          [32]byte
}

// UDFFlags are the flags of [UDF].
type UDFFlags uint32

// UDFCloseSession closes the session of a disc at unmount.
const UDFCloseSession UDFFlags = 1

const udfVersion = 1

// NTFS is Windows' file system, read only in practice; see mount_ntfs(8).
type NTFS struct {
	Device string `opt:"-"`
	_      export
	UID    uint32 // who files belong to
	GID    uint32
	Mask   uint32    // rights that files may have; 0 is 0755
	Flags  NTFSFlags `opt:"caseins=1,allnames=2"`
}

// NTFSFlags are the flags of [NTFS]. They are an unsigned long in C.
type NTFSFlags uint64

const (
	NTFSCaseInsensitive NTFSFlags = 1 // names match in any case
	NTFSAllNames        NTFSFlags = 2 // DOS's names too
)

// V7FS is the file system of Unix's seventh edition; see mount_v7fs(8).
type V7FS struct {
	Device string    `opt:"-"`
	Endian ByteOrder // of the disk; 0 is LittleEndian
}

// A ByteOrder is the order of bytes of a 32-bit number, as <endian.h> writes
// it.
type ByteOrder int32

const (
	LittleEndian ByteOrder = 1234
	BigEndian    ByteOrder = 4321
	PDPEndian    ByteOrder = 3412 // of the PDP-11
)

// EFS is IRIX's extent file system, read only; see mount_efs(8).
type EFS struct {
	Device string `opt:"-"`
	_      int32  // the version, 0
}

// NILFS is the log-structured file system of Linux, read only; see
// mount_nilfs(8).
type NILFS struct {
	version    uint32
	Device     string `opt:"-"`
	Flags      uint32 `opt:"-"`
	GMTOff     int32
	Checkpoint int64 `opt:"cp"` // 0 is the last
	_          [32]byte
}

const nilfsVersion = 1

// Tmpfs is files in memory; see mount_tmpfs(8).
type Tmpfs struct {
	version int32
	Nodes   uint64 // the most files; 0 is as many as memory has room for
	Size    int64  // the most bytes; 0 is as many as there are
	UID     uint32 // whom the root belongs to
	GID     uint32
	Mode    uint32 // of the root; 0 is 0755
}

const (
	tmpfsVersion = 1
	defaultMode  = 0o755
)

// A Layer shows another directory; see mount_null(8).
type Layer struct {
	Target string `opt:"-"` // the directory
	_      export
}

// The file systems that are a [Layer] each.
type (
	Null    Layer // as it is; mount_null(8)
	Overlay Layer // as it is, and takes changes; mount_overlay(8)
)

// Union shows a directory above or below what is in the mount point; see
// mount_union(8).
type Union struct {
	Target string     `opt:"-"`
	Where  UnionPlace `opt:"above=1,below=2"`
}

// A UnionPlace is where the directory of a [Union] stands.
type UnionPlace int32

const (
	UnionAbove UnionPlace = 1 // above the mount point's
	UnionBelow UnionPlace = 2 // below it
)

// PTYFS is the pseudo terminals; see mount_ptyfs(8).
type PTYFS struct {
	version int32
	GID     uint32
	Mode    uint32 // of the terminals; 0 is 0620
	Flags   int32  `opt:"-"`
}

const ptyfsVersion = 2

// The file systems that take no argument.
type (
	Kernfs struct{ _ uint64 } // what the kernel tells of itself; mount_kernfs(8)
	Procfs struct{ _ uint64 } // processes; mount_procfs(8)
	Fdesc  struct{ _ uint64 } // the open files of whoever looks; mount_fdesc(8)
)

// export is what older releases had in many arguments, and must be zero.
type export struct {
	_ [2]uint32
	_ [20]uint32
	_ null
	_ int32
	_ null
	_ int32
	_ null
}

// null is a null pointer.
type null struct{}

func (*FFS) Type() string     { return "ffs" }
func (*Ext2) Type() string    { return "ext2fs" }
func (*LFS) Type() string     { return "lfs" }
func (*HFS) Type() string     { return "hfs" }
func (*SysVBFS) Type() string { return "sysvbfs" }
func (*MSDOS) Type() string   { return "msdos" }
func (*CD9660) Type() string  { return "cd9660" }
func (*UDF) Type() string     { return "udf" }
func (*NTFS) Type() string    { return "ntfs" }
func (*V7FS) Type() string    { return "v7fs" }
func (*EFS) Type() string     { return "efs" }
func (*NILFS) Type() string   { return "nilfs" }
func (*Tmpfs) Type() string   { return "tmpfs" }
func (*Null) Type() string    { return "null" }
func (*Overlay) Type() string { return "overlay" }
func (*Union) Type() string   { return "union" }
func (*PTYFS) Type() string   { return "ptyfs" }
func (*Kernfs) Type() string  { return "kernfs" }
func (*Procfs) Type() string  { return "procfs" }
func (*Fdesc) Type() string   { return "fdesc" }
