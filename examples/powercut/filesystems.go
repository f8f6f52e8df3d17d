package main

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/kerneltest"
	_ "github.com/anykernel/anykernel/backends/rump"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/disk"
	"github.com/anykernel/anykernel/sys"
)

const imageSize = 16 << 20

// A filesystem is a way to keep files on a disk.
type filesystem struct {
	name    string
	kind    string   // as mount(2) knows it
	options string   // of the mount
	mkfs    []string // makes an empty one in the file that is the last argument
	fsck    []string // repairs it there; nil: nothing does
	sector  int      // of the disk, in bytes
	save    save
	faults  []disk.Fault
}

var (
	mkFFS  = []string{"makefs", "-t", "ffs", "-o", "version=2", "-f", "200", "-s", fmt.Sprint(imageSize)}
	mkFFS4 = append(slices.Clone(mkFFS), "-S", "4096", "-o", "bsize=32768,fsize=4096")
	mkExt2 = []string{"mkfs.ext2", "-q", "-F", "-O", "none", "-I", "128", "-b", "1024"}
	mkFAT  = []string{"mkfs.vfat", "-F", "16"}

	e2fsck  = []string{"e2fsck", "-fy"}
	fsckFAT = []string{"fsck.vfat", "-a", "-w"}
)

// filesystems is what this program knows. NetBSD's own fsck_ffs is not among
// what a kit has, so nothing repairs an FFS without a log here.
var filesystems = []filesystem{
	{"ffs+log", "ffs", "log", mkFFS, nil, 512, careful, nil},
	{"ffs+log/4096", "ffs", "log", mkFFS4, nil, 4096, careful, nil},
	{"ffs+log/fsync", "ffs", "log", mkFFS, nil, 512, hopeful, nil},
	{"ffs+log/liar", "ffs", "log", mkFFS, nil, 512, careful, []disk.Fault{disk.Lying}},
	{"ffs", "ffs", "", mkFFS, nil, 512, careful, nil},
	{"ffs+sync", "ffs", "sync", mkFFS, nil, 512, careful, nil},
	{"ext2", "ext2fs", "", mkExt2, nil, 512, careful, nil},
	{"ext2+e2fsck", "ext2fs", "", mkExt2, e2fsck, 512, careful, nil},
	{"ext2+sync+e2fsck", "ext2fs", "sync", mkExt2, e2fsck, 512, careful, nil},
	{"msdos", "msdos", "", mkFAT, nil, 512, careful, nil},
	{"msdos+fsck", "msdos", "", mkFAT, fsckFAT, 512, careful, nil},
	{"msdos+sync+fsck", "msdos", "sync", mkFAT, fsckFAT, 512, careful, nil},
}

func names() []string {
	var list []string
	for _, f := range filesystems {
		list = append(list, f.name)
	}
	return list
}

// choose is the file systems of these names, all of them for none.
func choose(list []string) ([]filesystem, error) {
	if len(list) == 0 {
		return filesystems, nil
	}
	var chosen []filesystem
	for _, name := range list {
		found := false
		for _, f := range filesystems {
			if f.name == name {
				chosen, found = append(chosen, f), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no file system %q: there are %s", name, strings.Join(names(), "; "))
		}
	}
	return chosen, nil
}

// A tally is what became of a file system after power failures.
type tally struct {
	cuts, refused, panicked, lost int
	example                       string // of what went wrong
}

func (t *tally) survived() int { return t.cuts - t.refused - t.panicked - t.lost }

// cut lets the power fail.
func (f *filesystem) cut(ctx context.Context, o options, progress func(made, failed int)) (*tally, error) {
	c, err := f.crash(ctx, o)
	if err != nil {
		return nil, err
	}
	c.Progress = progress
	r, err := c.Run(ctx)
	if err != nil {
		return nil, err
	}
	t := &tally{cuts: r.Cuts}
	for _, e := range r.Failures {
		var panicked *backends.PanicError
		var refused *kerneltest.BootError
		switch {
		case errors.As(e.Err, &panicked):
			t.panicked++
		case errors.As(e.Err, &refused):
			t.refused++
		default:
			t.lost++
		}
	}
	if len(r.Failures) > 0 {
		t.example = fmt.Sprintf("%v: %v", r.Failures[0].Cut, r.Failures[0].Err)
	}
	return t, nil
}

// crash is the workload on this file system, which starts empty and clean.
func (f *filesystem) crash(ctx context.Context, o options) (*kerneltest.Crash, error) {
	d, err := f.empty(ctx)
	if err != nil {
		return nil, err
	}
	workload := func(k *sys.Kernel, mark func(string)) error { return work(k.Init(), f.save, mark) }
	return &kerneltest.Crash{
		Kernel: f.kernel(), Boot: f.boot, Disk: d, Faults: f.faults, Workload: workload, Repair: f.repair(), Check: check,
		Loss: o.loss, Cuts: o.cuts, Again: o.again, Seed: o.seed,
	}, nil
}

// kernel is the specification of a kernel with the file system on /mnt.
func (f *filesystem) kernel() string {
	return fmt.Sprintf("rump:vfs?mount=%s:%s:/mnt:%s", f.kind, kerneltest.CrashDisk, f.options)
}

// boot opens a kernel whose disks have sectors of the right size.
func (f *filesystem) boot(ctx context.Context, spec string, cfg backends.Config) (*sys.Kernel, error) {
	if f.sector != 512 {
		cfg.Host.Params = params{"RUMP_BLKSECTSHIFT": strconv.Itoa(bits.TrailingZeros(uint(f.sector)))}
	}
	return sys.OpenConfig(ctx, spec, cfg)
}

// params are settings of a kernel; see rump(7).
type params map[string]string

// Param implements hypercall.Params.
func (p params) Param(name string) (string, bool) { v, ok := p[name]; return v, ok }

// empty is a disk with an empty file system that was mounted once: the log of
// an FFS is made then.
func (f *filesystem) empty(ctx context.Context) (*disk.Disk, error) {
	dir, err := os.MkdirTemp("", "powercut")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	image := filepath.Join(dir, "image")
	if err := os.WriteFile(image, nil, 0o644); err != nil {
		return nil, err
	}
	if err := os.Truncate(image, imageSize); err != nil {
		return nil, err
	}
	command := append(append([]string(nil), f.mkfs...), image)
	if f.kind == "ffs" { // makefs copies a folder
		command = append(command, filepath.Join(dir, "empty"))
		if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
			return nil, err
		}
	}
	if err := tool(command...); err != nil {
		return nil, err
	}
	d, err := disk.Load(image, disk.Options{Sector: f.sector})
	if err != nil {
		return nil, err
	}
	host := hypercall.Host{Block: hypercall.Files(map[string]hypercall.File{kerneltest.CrashDisk: d})}
	k, err := f.boot(ctx, f.kernel(), backends.Config{Host: host})
	if err != nil {
		return nil, err
	}
	return d, k.Close()
}

// tool runs a program of the host. Those that repair say by status 1 that they
// did.
func tool(command ...string) error {
	path, err := exec.LookPath(command[0])
	if err != nil {
		path = "/usr/sbin/" + command[0]
	}
	out, err := exec.Command(path, command[1:]...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 && strings.Contains(command[0], "fsck") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", command[0], err, out)
	}
	return nil
}

// repair is what a machine does before it mounts its disks.
func (f *filesystem) repair() func(*disk.Disk) error {
	if f.fsck == nil {
		return nil
	}
	return func(d *disk.Disk) error {
		file, err := os.CreateTemp("", "powercut")
		if err != nil {
			return err
		}
		defer os.Remove(file.Name())
		if err := errors.Join(file.Close(), d.Save(file.Name())); err != nil {
			return err
		}
		if err := tool(append(append([]string(nil), f.fsck...), file.Name())...); err != nil {
			return err
		}
		return d.Restore(file.Name())
	}
}
