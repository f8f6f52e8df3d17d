package fsprobe_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/anykernel/anykernel/internal/fsimages"
	"github.com/anykernel/anykernel/rump/fsprobe"
)

// TestTools: what each tool makes is known for what it is.
func TestTools(t *testing.T) {
	tree := fsimages.Tree(t)
	for _, kind := range fsimages.Kinds {
		t.Run(kind.Name, func(t *testing.T) {
			f, err := os.Open(kind.Make(t, tree))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if got, err := fsprobe.Type(f); got != kind.Type || err != nil {
				t.Errorf("it is %q, %v, want %q", got, err, kind.Type)
			}
			v, err := fsprobe.Find(f, 0)
			if want := (map[string]int{"udf-512": 512, "udf-2048": 2048})[kind.Name]; err != nil || v.Sector != want || v.Offset != 0 {
				t.Errorf("it is %+v, %v, want sectors of %d", v, err, want)
			}
		})
	}
}

// at is an image of n bytes with b at off.
func at(n, off int, b ...byte) []byte {
	image := make([]byte, n)
	copy(image[off:], b)
	return image
}

// TestMagic: those for which there is no tool, by their magic numbers.
func TestMagic(t *testing.T) {
	for _, c := range []struct {
		image []byte
		want  string
	}{
		{at(9000, 8192, 0x62, 0x01, 0x07, 0), "lfs"},
		{at(9000, 8192, 0, 0x07, 0x01, 0x62), "lfs"},
		{at(2048, 1024, 'H', '+'), "hfs"},
		{at(2048, 1024, 'H', 'X'), "hfs"},
		{append(at(1148, 1024, 'B', 'D'), 'H', '+'), "hfs"},
		{at(600, 540, 0, 0x07, 0x29, 0x59), "efs"},
		{at(512, 0, 0xce, 0xfa, 0xad, 0x1b), "sysvbfs"},
		{at(67000, 65536+1372, 0x19, 0x01, 0x54, 0x19), "ffs"},
		{at(264000, 262144+1372, 0x19, 0x01, 0x54, 0x19), "ffs"},
	} {
		if got, err := fsprobe.Type(bytes.NewReader(c.image)); got != c.want || err != nil {
			t.Errorf("it is %q, %v, want %q", got, err, c.want)
		}
	}
	for what, image := range map[string][]byte{
		"nothing": nil, "a byte": {1}, "zeros": make([]byte, 1<<20), "half an ext2": at(1082, 1080, 0x53, 0xef),
		"a boot sector of no FAT": at(512, 510, 0x55, 0xaa), "an old HFS": at(2048, 1024, 'B', 'D'),
	} {
		if got, err := fsprobe.Type(bytes.NewReader(image)); !errors.Is(err, fsprobe.ErrUnknown) {
			t.Errorf("%s is %q, %v", what, got, err)
		}
	}
}

// failing is a file that cannot be read.
type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, os.ErrPermission }

func TestReadErrors(t *testing.T) {
	if _, err := fsprobe.Type(failing{}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("type: %v", err)
	}
	if _, err := fsprobe.Partitions(failing{}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("partitions: %v", err)
	}
}

var le = binary.LittleEndian

func mbrEntry(disk []byte, sector, i int, kind byte, start, size uint32) {
	e := disk[sector*512+446+16*i:]
	e[4] = kind
	le.PutUint32(e[8:], start)
	le.PutUint32(e[12:], size)
	disk[sector*512+510], disk[sector*512+511] = 0x55, 0xaa
}

// mbrDisk has a primary partition and two logical ones, of which the second
// has an HFS+.
func mbrDisk() []byte {
	disk := make([]byte, 100*512)
	mbrEntry(disk, 0, 0, 0x83, 10, 5)
	mbrEntry(disk, 0, 2, 0x05, 20, 80)
	mbrEntry(disk, 20, 0, 0x83, 2, 10)
	mbrEntry(disk, 20, 1, 0x05, 40, 40)
	mbrEntry(disk, 60, 0, 0x83, 3, 20)
	copy(disk[63*512+1024:], "H+")
	return disk
}

func gptDisk() []byte {
	disk := make([]byte, 100*512)
	header := disk[512:]
	copy(header, "EFI PART")
	le.PutUint64(header[72:], 2)
	le.PutUint32(header[80:], 128)
	le.PutUint32(header[84:], 128)
	e := disk[1024+128*2:]
	e[0] = 1
	le.PutUint64(e[32:], 50)
	le.PutUint64(e[40:], 59)
	for i, u := range utf16.Encode([]rune("böot")) {
		le.PutUint16(e[56+2*i:], u)
	}
	return disk
}

func TestPartitions(t *testing.T) {
	for _, c := range []struct {
		disk []byte
		want string
	}{
		{mbrDisk(), "[partition 1: 2560 bytes at 5120 partition 5: 5120 bytes at 11264 partition 6: 10240 bytes at 32256]"},
		{gptDisk(), "[partition 3: 5120 bytes at 25600 (böot)]"},
	} {
		if parts, err := fsprobe.Partitions(bytes.NewReader(c.disk)); fmt.Sprint(parts) != c.want || err != nil {
			t.Errorf("%v, %v, want %s", parts, err, c.want)
		}
	}
	v, err := fsprobe.Find(bytes.NewReader(mbrDisk()), 0)
	if v.Type != "hfs" || v.Offset != 32256 || v.Size != 10240 || err != nil {
		t.Errorf("the only file system is %+v, %v", v, err)
	}
}

// TestHostilePartitions: rings, and numbers that are too large.
func TestHostilePartitions(t *testing.T) {
	ring := mbrDisk()
	mbrEntry(ring, 60, 1, 0x05, 40, 40)
	if parts, err := fsprobe.Partitions(bytes.NewReader(ring)); len(parts) > 70 || err != nil {
		t.Errorf("a ring has %d partitions, %v", len(parts), err)
	}
	for what, spoil := range map[string]func(header, entry []byte){
		"entries":         func(h, _ []byte) { le.PutUint32(h[80:], math.MaxUint32) },
		"size of entries": func(h, _ []byte) { le.PutUint32(h[84:], 1) },
		"first":           func(h, _ []byte) { le.PutUint64(h[72:], math.MaxUint64) },
		"start":           func(_, e []byte) { le.PutUint64(e[32:], math.MaxUint64) },
		"end":             func(_, e []byte) { le.PutUint64(e[40:], math.MaxUint64-1) },
		"end before":      func(_, e []byte) { le.PutUint64(e[40:], 3) },
	} {
		disk := gptDisk()
		spoil(disk[512:], disk[1024+256:])
		if parts, err := fsprobe.Partitions(bytes.NewReader(disk)); err == nil || !strings.Contains(err.Error(), "GPT") && !strings.Contains(err.Error(), "sectors") {
			t.Errorf("%s: %v, %v", what, parts, err)
		}
	}
}

// counting is a reader that counts.
type counting struct {
	r     io.ReaderAt
	bytes int
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	c.bytes += len(p)
	return c.r.ReadAt(p, off)
}

// FuzzFind: whatever an image holds, what is read is bounded, and what is
// found makes sense.
func FuzzFind(f *testing.F) {
	// Small seeds: the fuzzer is slow with large ones.
	f.Add(mbrDisk()[:512], 0)
	f.Add(gptDisk()[:2048], 3)
	f.Add(fsimages.V7(24)[:2048], 0)
	f.Add(at(2048, 1024, 'B', 'D'), 0)
	f.Add(at(512, 510, 0x55, 0xaa), 1)
	f.Fuzz(func(t *testing.T, image []byte, partition int) {
		r := &counting{r: bytes.NewReader(image)}
		v, err := fsprobe.Find(r, partition)
		if err == nil && (v.Type == "" || v.Offset < 0 || v.Size == 0) {
			t.Errorf("found %+v", v)
		}
		if r.bytes > 16<<20 {
			t.Errorf("%d bytes were read", r.bytes)
		}
	})
}

func Example() {
	image := bytes.NewReader(fsimages.V7(256))
	fmt.Println(fsprobe.Type(image))
	// Output: v7fs <nil>
}
