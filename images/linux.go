package images

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

// A LinuxKernel is a stock one.
type LinuxKernel struct {
	Image []byte // a bzImage for amd64
	// Modules is the kernel's folder of modules, as lib/modules/VERSION. Of
	// them, an image has the drivers of virtual disks and network interfaces.
	// nil: the kernel has its drivers built in.
	Modules fs.FS
}

// A LinuxImage is a program on a stock Linux kernel: the two files that boot
// loaders take, and the command line that they are to pass, in a folder.
type LinuxImage struct {
	Kernel      []byte
	Initramfs   []byte
	CommandLine string // see [Config]; who boots the kernel passes it
}

// Names in the folder of a LinuxImage.
const (
	linuxKernel      = "kernel"
	linuxInitramfs   = "initramfs"
	linuxCommandLine = "cmdline"
)

// In the initramfs: what is ours, beside /init.
const (
	linuxDir     = ".anykernel"
	linuxProgram = linuxDir + "/program"
)

// isLinuxInit reports whether a file of an initramfs is one of ours.
func isLinuxInit(name string) bool {
	return name == programName || name == linuxDir || strings.HasPrefix(name, linuxDir+"/")
}

// BuildLinux makes an image of the same program and files with a stock Linux
// kernel in place of the shim. Its first process is a small one of ours, which
// is compiled by the go command. The same inputs give the same bytes.
func BuildLinux(ctx context.Context, c Config, k LinuxKernel) (*LinuxImage, error) {
	if _, err := LinuxVersion(k.Image); err != nil {
		return nil, err
	}
	if err := errors.Join(CheckProgram(c.Program), checkCommandLine(c.CommandLine)); err != nil {
		return nil, err
	}
	files, err := fileRecords(c.Files)
	if err != nil {
		return nil, err
	}
	for _, r := range files {
		if r.Name == linuxDir {
			return nil, fmt.Errorf("files: %s: this is the place of the image's own files", r.Name)
		}
	}
	var modules []module
	if k.Modules != nil {
		if modules, err = findModules(k.Modules); err != nil {
			return nil, err
		}
	}
	init, err := compileInit(ctx)
	if err != nil {
		return nil, err
	}
	records := []cpio.Record{
		cpio.StaticFile(programName, string(init), 0o755),
		cpio.Directory(linuxDir, 0o755), cpio.StaticFile(linuxProgram, string(c.Program), 0o755),
	}
	records = append(append(records, moduleRecords(modules)...), files...)
	archive, err := writeArchive(records)
	if err != nil {
		return nil, err
	}
	if len(archive)+len(k.Image) > MaxSize {
		return nil, fmt.Errorf("the image would have %d bytes; %d is the most that boots", len(archive)+len(k.Image), MaxSize)
	}
	return &LinuxImage{Kernel: k.Image, Initramfs: archive, CommandLine: c.CommandLine}, nil
}

//go:embed linuxinit/dhcp.go linuxinit/end.go linuxinit/main.go linuxinit/modules.go linuxinit/network.go linuxinit/port_amd64.s
var initSource embed.FS

// compileInit compiles the first process: a module of its own, that needs
// nothing but Go.
func compileInit(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "anykernel-init")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	source, err := fs.Sub(initSource, "linuxinit")
	if err != nil {
		return nil, err
	}
	err = errors.Join(os.CopyFS(dir, source), os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module linuxinit\n\ngo 1.26\n"), 0o644))
	if err != nil {
		return nil, err
	}
	init, err := compileIn(ctx, dir, ".")
	if err != nil {
		return nil, fmt.Errorf("the first process of a Linux image is compiled when it is made: %w", err)
	}
	return init, nil
}

// Write writes the image's folder, which is made if it is not there. What is
// already in it has to be an older image.
func (im *LinuxImage) Write(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if n := e.Name(); n != linuxKernel && n != linuxInitramfs && n != linuxCommandLine {
			return fmt.Errorf("%s: the folder has %s, which is no part of an image: choose another folder", dir, n)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, linuxKernel), im.Kernel, 0o644),
		os.WriteFile(filepath.Join(dir, linuxInitramfs), im.Initramfs, 0o644),
		os.WriteFile(filepath.Join(dir, linuxCommandLine), []byte(im.CommandLine+"\n"), 0o644),
	)
}

// parse takes an image apart, which may be anything.
func (im *LinuxImage) parse() (*Image, error) {
	version, err := LinuxVersion(im.Kernel)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", linuxKernel, err)
	}
	if err := checkCommandLine(im.CommandLine); err != nil {
		return nil, fmt.Errorf("%s: %w", linuxCommandLine, err)
	}
	out := &Image{
		Size: int64(len(im.Kernel) + len(im.Initramfs)), CommandLine: im.CommandLine, passed: im.CommandLine, Linux: &Linux{Version: version},
	}
	if err := out.addFiles(im.Initramfs, linuxProgram); err != nil {
		return nil, fmt.Errorf("%s: %w", linuxInitramfs, err)
	}
	return out, nil
}

// openLinux reads the image in a folder.
func openLinux(dir string) (*Image, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var files [3][]byte
	for i, name := range []string{linuxKernel, linuxInitramfs, linuxCommandLine} {
		if files[i], err = readBounded(root, name, MaxSize); err != nil {
			return nil, fmt.Errorf("not a Linux image of anykernel: %w", err)
		}
	}
	im, err := (&LinuxImage{files[0], files[1], strings.TrimSuffix(string(files[2]), "\n")}).parse()
	if err != nil {
		return nil, err
	}
	im.Linux.Kernel, im.Linux.Initramfs = filepath.Join(dir, linuxKernel), filepath.Join(dir, linuxInitramfs)
	return im, nil
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is not a regular file", name), err)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return b, err
}
