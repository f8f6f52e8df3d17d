package fsprobe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrUnknown is the error of an image that holds no file system that is known
// here.
var ErrUnknown = errors.New("no known file system")

// A probe is how a file system is known.
type probe struct {
	fstype string
	// Magic bytes at an offset; nil where only check knows.
	offset int64
	magic  []byte
	// check looks at what is around the magic, or is nil.
	check func(r io.ReaderAt) bool
}

// probes are tried in this order: what is surest, or covers the others, comes
// first. A disc may be UDF and ISO 9660 at once; UDF says more.
var probes = []probe{
	{"udf", 0, nil, isUDF},
	{"cd9660", 32768, []byte("\x01CD001"), nil},
	{"ntfs", 3, []byte("NTFS    "), nil},
	{"hfs", 1024, []byte("H+"), nil},
	{"hfs", 1024, []byte("HX"), nil},
	{"hfs", 1024, []byte("BD"), isWrappedHFS},
	{"ext2fs", 1080, le16(0xef53), isExt2},
	{"nilfs", 1030, le16(0x3434), isNILFS},
	{"ffs", 65536 + ffsMagic, le32(ffs2), nil},
	{"ffs", 65536 + ffsMagic, be32(ffs2), nil},
	{"ffs", 65536 + ffsMagic, le32(ffs1), nil},
	{"ffs", 65536 + ffsMagic, be32(ffs1), nil},
	{"ffs", 8192 + ffsMagic, le32(ffs1), nil},
	{"ffs", 8192 + ffsMagic, be32(ffs1), nil},
	{"ffs", 8192 + ffsMagic, le32(ffs2), nil},
	{"ffs", 8192 + ffsMagic, be32(ffs2), nil},
	{"ffs", ffsMagic, le32(ffs1), nil},
	{"ffs", 262144 + ffsMagic, le32(ffs2), nil},
	{"lfs", 8192, le32(0x070162), nil},
	{"lfs", 8192, be32(0x070162), nil},
	{"lfs", 8192, le32(^uint32(0x19620701)), nil},
	{"efs", 512 + 28, be32(0x072959), nil},
	{"efs", 512 + 28, be32(0x07295a), nil},
	{"sysvbfs", 0, le32(0x1badface), nil},
	{"msdos", 510, []byte{0x55, 0xaa}, isFAT},
	{"v7fs", 0, nil, isV7},
}

// Where FFS has its magic number in a superblock, and which.
const (
	ffsMagic = 1372
	ffs1     = 0x011954
	ffs2     = 0x19540119
)

func le16(v uint16) []byte { return binary.LittleEndian.AppendUint16(nil, v) }
func le32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

// Type is the type of the file system in an image, as NetBSD's mount(2) names
// it. The error is [ErrUnknown], or that of reading.
func Type(r io.ReaderAt) (string, error) {
	if _, err := r.ReadAt(make([]byte, 1), 0); err != nil && err != io.EOF {
		return "", err
	}
	for i := range probes {
		if p := &probes[i]; has(r, p.offset, p.magic) && (p.check == nil || p.check(r)) {
			return p.fstype, nil
		}
	}
	if has(r, 1024, []byte("BD")) {
		return "", fmt.Errorf("%w: it is HFS of before 1998; NetBSD knows HFS+", ErrUnknown)
	}
	return "", ErrUnknown
}

func has(r io.ReaderAt, off int64, magic []byte) bool {
	return bytes.Equal(read(r, off, len(magic)), magic)
}

// read is n bytes at off; zeros where the image has none.
func read(r io.ReaderAt, off int64, n int) []byte {
	b := make([]byte, n)
	got, _ := r.ReadAt(b, off)
	clear(b[max(got, 0):])
	return b
}

// isUDF looks for the volume recognition sequence of ECMA-167: descriptors of
// one sector each from 32 KiB on, among them that of UDF.
func isUDF(r io.ReaderAt) bool {
	const first, sectors, most = 32768, 2048, 16
	for i := range int64(most) {
		switch id := string(read(r, first+i*sectors+1, 5)); id {
		case "NSR02", "NSR03":
			return true
		case "BEA01", "CD001", "CDW02", "BOOT2":
		default:
			return false
		}
	}
	return false
}

// isWrappedHFS reports whether an old HFS is there only to wrap an HFS+.
func isWrappedHFS(r io.ReaderAt) bool { return has(r, 1024+124, []byte("H+")) }

func isExt2(r io.ReaderAt) bool {
	sb := read(r, 1024, 1024)
	inodes, blocks, logSize := u32(sb, 0), u32(sb, 4), u32(sb, 24)
	return inodes > 0 && blocks > 0 && logSize <= 6
}

// isNILFS: revision 2, and the superblock says so much of itself as there is.
func isNILFS(r io.ReaderAt) bool {
	sb := read(r, 1024, 1024)
	return u32(sb, 0) == 2 && u16(sb, 8) <= 1024 && u32(sb, 20) <= 6
}

// isFAT checks the parameter block in the boot sector, of which no member is a
// magic number.
func isFAT(r io.ReaderAt) bool {
	b := read(r, 0, 512)
	if b[0] != 0xeb && b[0] != 0xe9 {
		return false
	}
	sector, cluster, reserved, fats := u16(b, 11), b[13], u16(b, 14), b[16]
	return powerOfTwo(uint(sector)) && sector >= 128 && sector <= 4096 &&
		powerOfTwo(uint(cluster)) && reserved > 0 && fats >= 1 && fats <= 4 && (b[21] == 0xf0 || b[21] >= 0xf8) &&
		(u16(b, 19) != 0 || u32(b, 32) != 0) && (u16(b, 22) != 0 || u32(b, 36) != 0)
}

// isV7: numbers in the superblock that can be, of a little-endian machine, and
// a root that is a directory.
func isV7(r io.ReaderAt) bool {
	const sector, sizeOfEntry, directory, typeMask = 512, 16, 0o040000, 0o170000
	sb := read(r, sector, sector)
	data, volume, freeBlocks, freeInodes := u16(sb, 0), u32(sb, 2), u16(sb, 6), u16(sb, 208)
	if data < 3 || uint32(data) >= volume || volume > 1<<24-1 || freeBlocks > 50 || freeInodes > 100 {
		return false
	}
	root := read(r, 2*sector+64, 64)
	size := u32(root, 8)
	return u16(root, 0)&typeMask == directory && size >= 2*sizeOfEntry && size%sizeOfEntry == 0 && size/sector <= volume
}

func powerOfTwo(n uint) bool { return n != 0 && n&(n-1) == 0 }

func u16(b []byte, off int) uint16 { return binary.LittleEndian.Uint16(b[off:]) }
func u32(b []byte, off int) uint32 { return binary.LittleEndian.Uint32(b[off:]) }
func u64(b []byte, off int) uint64 { return binary.LittleEndian.Uint64(b[off:]) }
