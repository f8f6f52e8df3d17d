package rump

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/rump/fsprobe"
	"github.com/anykernel/anykernel/sys/abi/netbsd/fsargs"
)

// A mount is a file system in an image of the host, that a kernel has from the
// start.
type mount struct {
	fstype    string // "" until it was looked at
	image     string // on the host
	partition int    // 0 for none
	dir       string // where it appears
	options   string // of its type
	readOnly  bool

	offset, size int64  // in the image
	sector       int    // the size of sectors that it needs; 0 for any
	features     string // that the kernel may not know, separated by commas
}

// parseMount reads [TYPE:]IMAGE[#PARTITION]:DIRECTORY[:OPTION,…]. The directory
// is what stands behind the last ":/".
func parseMount(text string) (mount, error) {
	const form = "it is [TYPE:]IMAGE[#PARTITION]:DIRECTORY[:ro,OPTION...], such as disk.img:/mnt"
	i := strings.LastIndex(text, ":/")
	if i <= 0 {
		return mount{}, errors.New(form)
	}
	m := mount{image: text[:i], size: -1}
	dir, options, _ := strings.Cut(text[i+1:], ":")
	m.dir = path.Clean(dir)
	if fstype, image, ok := strings.Cut(m.image, ":"); ok && fsargs.Known(fstype) {
		m.fstype, m.image = fstype, image
	}
	if image, number, ok := strings.Cut(m.image, "#"); ok {
		if n, err := strconv.Atoi(number); err == nil && n > 0 {
			m.image, m.partition = image, n
		}
	}
	var rest []string
	for o := range strings.SplitSeq(options, ",") {
		switch o {
		case "ro":
			m.readOnly = true
		case "", "rw":
		default:
			rest = append(rest, o)
		}
	}
	m.options = strings.Join(rest, ",")
	if m.image == "" || m.dir == "/" {
		return mount{}, errors.New(form)
	}
	return m, nil
}

// onlyRead are types that NetBSD does not write, or not safely.
var onlyRead = map[string]bool{"cd9660": true, "efs": true, "hfs": true, "nilfs": true, "ntfs": true}

// inspect looks into the image for what the text did not say.
func (m *mount) inspect(host hypercall.Block) error {
	info, err := host.Stat(m.image)
	if err != nil {
		return err
	}
	if info.Mode&fs.ModeDir != 0 {
		return fmt.Errorf("%s is a folder: --copy copies one in", m.image)
	}
	f, err := host.Open(m.image, hypercall.Read|hypercall.Write)
	if err != nil {
		if f, err = host.Open(m.image, hypercall.Read); err != nil {
			return err
		}
		m.readOnly = true
	}
	defer f.Close()
	v, err := fsprobe.Find(f, m.partition)
	switch known := m.fstype != "" && (m.partition == 0 || v.Size != 0); {
	case err == nil && m.fstype == "":
		m.fstype = v.Type
		fallthrough
	case err == nil && m.fstype == v.Type, known && m.partition != 0:
		m.offset, m.size, m.sector = v.Offset, v.Size, v.Sector
	case !known:
		return fmt.Errorf("%s: %w; a type may stand before it, such as ffs:%s", m.image, err, m.image)
	}
	m.readOnly = m.readOnly || onlyRead[m.fstype]
	if m.fstype == "ext2fs" {
		m.features = strings.Join(fsprobe.ExtFeatures(io.NewSectionReader(f, m.offset, math.MaxInt64-m.offset)), ", ")
	}
	return nil
}

// component is the component that has the type of file system.
func (m *mount) component() string { return "fs_" + m.fstype }
