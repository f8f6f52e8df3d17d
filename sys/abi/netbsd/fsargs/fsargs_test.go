package fsargs_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/sys/abi/netbsd"
	"github.com/anykernel/anykernel/sys/abi/netbsd/fsargs"
)

// TestLayout: the sizes are those that a C compiler gives the structures of
// NetBSD 7, and members stand where it puts them.
func TestLayout(t *testing.T) {
	for _, c := range []struct {
		args          fsargs.Args
		size64        int
		size32        int // on arm, where 64-bit numbers are aligned to 8 bytes
		offset, value uint32
	}{
		{&fsargs.FFS{Device: "/dev/x"}, 8, 4, 0, 0},
		{&fsargs.MSDOS{Device: "/dev/x", GMTOff: 77}, 168, 140, 160, 77},
		{&fsargs.MSDOS{Device: "/dev/x", Mask: 0o700}, 168, 140, 156, 0o700},
		{&fsargs.MSDOS{Device: "/dev/x", Flags: fsargs.MSDOSUTF8}, 168, 140, 148, 32 | 16},
		{&fsargs.CD9660{Flags: fsargs.CD9660NoJoliet}, 144, 116, 136, 8},
		{&fsargs.UDF{SectorSize: 2048}, 80, 72, 44, 2048},
		{&fsargs.UDF{}, 80, 72, 0, 1},
		{&fsargs.NTFS{Flags: fsargs.NTFSAllNames}, 160, 128, 152, 2},
		{&fsargs.V7FS{}, 16, 8, 8, 1234},
		{&fsargs.EFS{}, 16, 8, 8, 0},
		{&fsargs.NILFS{Checkpoint: 5}, 64, 56, 24, 5},
		{&fsargs.Tmpfs{GID: 3}, 40, 40, 28, 3},
		{&fsargs.Tmpfs{}, 40, 40, 32, 0o755},
		{&fsargs.Null{}, 136, 112, 0, 0},
		{&fsargs.Union{}, 16, 8, 8, 1},
		{&fsargs.PTYFS{}, 16, 16, 8, 0o620},
	} {
		b, _ := fsargs.Encode(netbsd.AMD64, c.args)
		if len(b) != c.size64 {
			t.Errorf("%s has %d bytes, want %d", c.args.Type(), len(b), c.size64)
		} else if v := binary.LittleEndian.Uint32(b[c.offset:]); v != c.value {
			t.Errorf("%s has %d at %d, want %d", c.args.Type(), v, c.offset, c.value)
		}
		if b, _ := fsargs.Encode(netbsd.ARM, c.args); len(b) != c.size32 {
			t.Errorf("%s has %d bytes on arm, want %d", c.args.Type(), len(b), c.size32)
		}
	}
}

func TestPointers(t *testing.T) {
	_, p := fsargs.Encode(netbsd.AMD64, &fsargs.UDF{Device: "/dev/cd0"})
	if len(p) != 1 || p[0].Offset != 8 || string(p[0].Text) != "/dev/cd0\x00" {
		t.Errorf("the pointers of UDF are %v", p)
	}
}

// TestText: what text makes is what the structure makes.
func TestText(t *testing.T) {
	for _, c := range []struct {
		fstype, options string
		want            fsargs.Args
	}{
		{"ffs", "", &fsargs.FFS{Device: "/dev/x"}},
		{"msdos", "uid=5,mask=0700,utf8,longname", &fsargs.MSDOS{Device: "/dev/x", UID: 5, Mask: 0o700, Flags: fsargs.MSDOSUTF8 | fsargs.MSDOSLongNames}},
		{"cd9660", "norrip,", &fsargs.CD9660{Device: "/dev/x", Flags: fsargs.CD9660NoRockRidge}},
		{"udf", "gmtoff=-3600", &fsargs.UDF{Device: "/dev/x", GMTOff: -3600}},
		{"v7fs", "endian=3412", &fsargs.V7FS{Device: "/dev/x", Endian: fsargs.PDPEndian}},
		{"nilfs", "cp=9", &fsargs.NILFS{Device: "/dev/x", Checkpoint: 9}},
		{"tmpfs", "size=4096,nodes=7,mode=01777", &fsargs.Tmpfs{Size: 4096, Nodes: 7, Mode: 0o1777}},
		{"union", "below", &fsargs.Union{Target: "/dev/x", Where: fsargs.UnionBelow}},
		{"ntfs", "allnames", &fsargs.NTFS{Device: "/dev/x", Flags: fsargs.NTFSAllNames}},
		{"kernfs", "", &fsargs.Kernfs{}},
	} {
		args, err := fsargs.New(c.fstype, "/dev/x", c.options)
		if err != nil || fmt.Sprintf("%+v", args) != fmt.Sprintf("%+v", c.want) || args.Type() != c.fstype {
			t.Errorf("%s with %q is %+v, %v, want %+v", c.fstype, c.options, args, err, c.want)
		}
	}
	for _, c := range [][4]string{
		{"ext4", "/dev/x", "", "ext2fs"},
		{"ffs", "", "", "device"},
		{"null", "", "", "target"},
		{"ffs", "/dev/x", "quick", "has none"},
		{"msdos", "/dev/x", "quick", "utf8"},
		{"msdos", "/dev/x", "uid=many", "invalid syntax"},
		{"msdos", "/dev/x", "uid=4294967296", "out of range"},
		{"msdos", "/dev/x", "utf8=1", "utf8"},
		{"msdos", "/dev/x", "version=1", "unknown"},
	} {
		if _, err := fsargs.New(c[0], c[1], c[2]); err == nil || !strings.Contains(err.Error(), c[3]) {
			t.Errorf("%q: %v, want an error that says %q", c[:3], err, c[3])
		}
	}
}

// TestTypes makes each that there is.
func TestTypes(t *testing.T) {
	for _, name := range fsargs.Types() {
		args, err := fsargs.New(name, "/dev/x", "")
		if err != nil || args.Type() != name {
			t.Errorf("%s: %v, %v", name, args, err)
		}
		if b, _ := fsargs.Encode(netbsd.AMD64, args); len(b) < 8 {
			t.Errorf("%s has %d bytes", name, len(b))
		}
	}
}

func Example() {
	args, err := fsargs.New("msdos", "/dev/disk0", "uid=1000,utf8")
	if err != nil {
		fmt.Println(err)
		return
	}
	b, pointers := fsargs.Encode(netbsd.AMD64, args)
	fmt.Printf("%s: %d bytes, %q\n", args.Type(), len(b), pointers[0].Text)
	// Output: msdos: 168 bytes, "/dev/disk0\x00"
}

func FuzzNew(f *testing.F) {
	f.Add("msdos", "/dev/x", "uid=5,utf8")
	f.Add("tmpfs", "", "size=0x10")
	f.Fuzz(func(t *testing.T, fstype, source, options string) {
		args, err := fsargs.New(fstype, source, options)
		if err != nil {
			return
		}
		b, pointers := fsargs.Encode(netbsd.ARM64, args)
		for _, p := range pointers {
			if p.Offset < 0 || p.Offset+8 > len(b) {
				t.Errorf("a pointer at %d of %d", p.Offset, len(b))
			}
		}
	})
}
