package xentest

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/u-root/u-root/pkg/cpio"
)

//go:embed init.sh
var initScript string

//go:embed vif.sh
var vifScript string

//go:embed block.sh
var blockScript string

const (
	xenDir     = "usr/lib/xen-4.17"
	libraryDir = "lib/x86_64-linux-gnu"
	loader     = "lib64/ld-linux-x86-64.so.2"
)

// programs of dom0: where they are in the packages, and where they go.
var programs = []string{
	xenDir + "/bin/xl", xenDir + "/bin/xenstored", xenDir + "/bin/xenconsoled", xenDir + "/bin/xen-init-dom0",
	xenDir + "/bin/libxl-save-helper", xenDir + "/bin/xenconsole", "usr/bin/xenstore",
}

// applets of busybox that scripts use.
var applets = []string{
	"sh", "mount", "ls", "cat", "sleep", "poweroff", "mkdir", "insmod", "ln", "ifconfig", "ping", "grep", "cut", "awk", "tr",
	"losetup", "dd", "echo", "printf", "rm", "md5sum", "touch", "udhcpd", "true", "seq", "test", "[", "kill", "head", "tail",
	"cpio", "timeout", "pidof", "stty",
}

// storeCommands are names that xenstore(1) is called by.
var storeCommands = []string{"ls", "read", "write", "list", "exists", "rm", "watch"}

var modules = []string{
	"drivers/virtio/virtio", "drivers/virtio/virtio_ring", "drivers/virtio/virtio_pci_legacy_dev",
	"drivers/virtio/virtio_pci_modern_dev", "drivers/virtio/virtio_pci", "drivers/block/virtio_blk",
	"drivers/xen/xen-privcmd", "drivers/xen/xen-evtchn", "drivers/xen/xen-gntdev", "drivers/xen/xen-gntalloc",
	"drivers/xen/xenfs/xenfs", "drivers/net/xen-netback/xen-netback", "drivers/block/xen-blkback/xen-blkback", "drivers/block/loop",
}

// where libraries are searched, below the packages' root.
var libraryDirs = []string{libraryDir, "usr/" + libraryDir, xenDir + "/lib/x86_64-linux-gnu"}

// A dom0 is the contents of its initramfs.
type dom0 struct {
	root    string
	records []cpio.Record
	have    map[string]bool
}

// newDom0 is a dom0 from the packages.
func newDom0(root string) ([]byte, error) {
	d := &dom0{root: root, have: map[string]bool{}}
	for _, dir := range []string{"proc", "sys", "dev", "tmp", "run/xen", "var/lib/xen", "var/lock", "var/log/xen/console"} {
		d.mkdir(dir)
	}
	d.link("var/run", "/run")
	if err := d.addPrograms(); err != nil {
		return nil, err
	}
	for _, f := range [][2]string{
		{"init", initScript}, {"etc/xen/scripts/vif-test", vifScript}, {"etc/xen/scripts/block", blockScript},
		{"etc/xen/xl.conf", "autoballoon=\"off\"\n"}, {"etc/passwd", "root:x:0:0::/:/bin/sh\n"},
	} {
		d.add(f[0], []byte(f[1]), 0o755)
	}
	return d.archive()
}

func (d *dom0) addPrograms() error {
	if err := d.copy("bin/busybox", "bin/busybox"); err != nil {
		return err
	}
	for _, a := range applets {
		d.link("bin/"+a, "busybox")
	}
	for _, p := range programs {
		if err := d.program(p); err != nil {
			return err
		}
		d.link("bin/"+path.Base(p), "/"+p)
	}
	for _, c := range storeCommands {
		d.link("bin/xenstore-"+c, "/usr/bin/xenstore")
	}
	if err := errors.Join(d.copy(loader, loader), d.library("libgcc_s.so.1")); err != nil {
		return err
	}
	kernels, err := filepath.Glob(filepath.Join(d.root, "lib/modules/*"))
	if err != nil || len(kernels) == 0 {
		return fmt.Errorf("no kernel's modules in %s", d.root)
	}
	version := filepath.Base(kernels[0])
	for _, m := range modules {
		if err := d.copy("lib/modules/"+version+"/kernel/"+m+".ko", "lib/mod/"+path.Base(m)+".ko"); err != nil {
			return err
		}
	}
	return nil
}

func (d *dom0) mkdir(name string) {
	if name == "." || d.have[name] {
		return
	}
	d.mkdir(path.Dir(name))
	d.have[name] = true
	d.records = append(d.records, cpio.Directory(name, 0o755))
}

func (d *dom0) add(name string, b []byte, perm uint64) {
	d.mkdir(path.Dir(name))
	d.records = append(d.records, cpio.StaticRecord(b, cpio.Info{Name: name, Mode: cpio.S_IFREG | perm}))
}

func (d *dom0) link(name, target string) {
	d.mkdir(path.Dir(name))
	d.records = append(d.records, cpio.Symlink(name, target))
}

func (d *dom0) copy(from, to string) error {
	b, err := os.ReadFile(filepath.Join(d.root, from))
	if err == nil {
		d.add(to, b, 0o755)
	}
	return err
}

// program copies a program and the libraries that it loads.
func (d *dom0) program(name string) error {
	if err := d.copy(name, name); err != nil {
		return err
	}
	return d.librariesOf(filepath.Join(d.root, name))
}

func (d *dom0) librariesOf(file string) error {
	f, err := elf.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	needed, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	for _, n := range needed {
		if err := d.library(n); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func (d *dom0) library(name string) error {
	to := libraryDir + "/" + name
	if name == filepath.Base(loader) || d.have[to] {
		return nil
	}
	for _, dir := range libraryDirs {
		file := filepath.Join(d.root, dir, name)
		if _, err := os.Stat(file); err != nil {
			continue
		}
		d.have[to] = true
		if err := d.copy(path.Join(dir, name), to); err != nil {
			return err
		}
		return d.librariesOf(file)
	}
	return fmt.Errorf("library %s is in none of the packages", name)
}

func (d *dom0) archive() ([]byte, error) {
	slices.SortStableFunc(d.records, func(a, b cpio.Record) int { return compareDepth(a.Name, b.Name) })
	cpio.MakeAllReproducible(d.records)
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	w := cpio.Newc.Writer(z)
	if err := errors.Join(cpio.WriteRecords(w, d.records), cpio.WriteTrailer(w), z.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// compareDepth puts directories before what is in them.
func compareDepth(a, b string) int {
	return bytes.Count([]byte(a), []byte("/")) - bytes.Count([]byte(b), []byte("/"))
}

// hypervisor is Xen and dom0's kernel.
func hypervisor(root string) (xen, kernel []byte, err error) {
	f, err := os.Open(filepath.Join(root, "boot/xen-4.17-amd64.gz"))
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, nil, err
	}
	if xen, err = io.ReadAll(z); err != nil {
		return nil, nil, err
	}
	kernels, err := filepath.Glob(filepath.Join(root, "boot/vmlinuz-*"))
	if err != nil || len(kernels) == 0 {
		return nil, nil, errors.Join(fmt.Errorf("no kernel in %s", root), err)
	}
	kernel, err = os.ReadFile(kernels[0])
	return xen, kernel, err
}
