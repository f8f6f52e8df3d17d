//go:build !netbsd && !openbsd

// The archives that images are made of need u-root's cpio, which those two lack.

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/images"
	"github.com/anykernel/anykernel/images/stock"
)

func init() { commands = append(commands, newImageCommand) }

func newImageCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Make and inspect images of bare guests",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newImageBuildCommand(e), newImageInspectCommand(e))
	return cmd
}

// imageBuild is the flags of 'image build'.
type imageBuild struct {
	out, files, line, xl, tags, linux, oci string
}

func newImageBuildCommand(e *env) *cobra.Command {
	var b imageBuild
	cmd := &cobra.Command{
		Use:   "build PACKAGE|PROGRAM",
		Short: "Make a bootable image of a Go program",
		Long: `Build a Go program statically for linux/amd64, or take a static executable as it
is, and join it with files into one image that boots under Xen, QEMU and KVM
with no operating system in it.

With --linux the image is a folder: a stock Linux kernel as it is, an initramfs
with the same program and files, and the command line. These are the files that
other boot loaders take, too. The kernel is a bzImage, whose modules are looked
for in ../lib/modules; "auto" is Debian's kernel for virtual machines, which apt
downloads into the cache. The guest's network is configured by DHCP, or as the
word ip= of the command line says.

With --oci the image, of either kind, is in a container image for urunc, which
runs guests as containers. Tools copy it from the folder to a registry, such as
skopeo from oci:FOLDER.`,
		Example: `  anykernel image build ./examples/xenweb --files examples/xenweb/site -o xenweb.img
  anykernel image build ./cmd/app --cmdline 'MODE=quick -- serve' -o app.img --xl app.cfg
  anykernel image build ./cmd/app --linux auto -o app.linux`,
		Args: exactArgs(1, "a package or a program"),
	}
	f := cmd.Flags()
	f.StringVarP(&b.out, "output", "o", "", "the image's `file` (default: the program's name and .img), or folder with --linux (.linux)")
	f.StringVar(&b.files, "files", "", "a `directory` whose contents the program finds below its root")
	f.StringVar(&b.line, "cmdline", "", "the `command line`: NAME=VALUE for the environment, arguments behind --")
	f.StringVar(&b.tags, "tags", "", "build `tags` for the Go program")
	f.StringVar(&b.xl, "xl", "", "also write a configuration for Xen's xl(1) to this `file`")
	f.StringVar(&b.linux, "linux", "", "put the program on a stock Linux `kernel` instead: a bzImage, or \"auto\"")
	f.StringVar(&b.oci, "oci", "", "write a container image for urunc instead, as an OCI layout, to this `folder`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		return b.run(ctx, args[0])
	}
	return cmd
}

func (b *imageBuild) run(ctx context.Context, what string) error {
	if b.xl != "" && (b.linux != "" || b.oci != "") {
		return usagef("--xl is for images without --linux and --oci")
	}
	if b.oci != "" && b.out != "" {
		return usagef("--oci and --output: one of them")
	}
	program, err := b.program(ctx, what)
	if err != nil {
		return err
	}
	c := images.Config{Program: program, CommandLine: b.line}
	if b.files != "" {
		root, err := os.OpenRoot(b.files)
		if err != nil {
			return fmt.Errorf("--files: %w", err)
		}
		defer root.Close()
		c.Files = root.FS()
	}
	name, err := programName(what)
	if err != nil {
		return err
	}
	if b.oci != "" {
		return b.buildOCI(ctx, name, c)
	}
	if b.out == "" {
		b.out = name + ".img"
		if b.linux != "" {
			b.out = name + ".linux"
		}
	}
	if b.linux != "" {
		return b.buildLinux(ctx, c)
	}
	image, err := images.Build(c)
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.out, image, 0o644); err != nil {
		return err
	}
	return b.writeXL()
}

// program is a static executable as it is, or what a package builds to.
func (b *imageBuild) program(ctx context.Context, what string) ([]byte, error) {
	if info, err := os.Stat(what); err == nil && info.Mode().IsRegular() && filepath.Ext(what) != ".go" {
		return os.ReadFile(what)
	}
	var flags []string
	if b.tags != "" {
		flags = append(flags, "-tags="+b.tags)
	}
	return images.Compile(ctx, what, flags...)
}

func (b *imageBuild) buildLinux(ctx context.Context, c images.Config) error {
	kernel, err := b.linuxKernel(ctx)
	if err != nil {
		return err
	}
	image, err := images.BuildLinux(ctx, c, kernel)
	if err != nil {
		return err
	}
	return image.Write(b.out)
}

// linuxKernel is the one of --linux.
func (b *imageBuild) linuxKernel(ctx context.Context) (images.LinuxKernel, error) {
	kernel, err := stock.Find(ctx, b.linux)
	if err != nil {
		return images.LinuxKernel{}, fmt.Errorf("--linux: %w", err)
	}
	return kernel, nil
}

// programName is the last element of a package's or program's name.
func programName(what string) (string, error) {
	abs, err := filepath.Abs(what)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(filepath.Base(abs), ".go"), nil
}

func (b *imageBuild) buildOCI(ctx context.Context, name string, c images.Config) error {
	image, err := b.ociImage(ctx, name, c)
	if err != nil {
		return err
	}
	return image.Write(b.oci)
}

func (b *imageBuild) ociImage(ctx context.Context, name string, c images.Config) (*images.OCIImage, error) {
	if b.linux == "" {
		return images.BuildOCI(name, c)
	}
	kernel, err := b.linuxKernel(ctx)
	if err != nil {
		return nil, err
	}
	return images.BuildLinuxOCI(ctx, name, c, kernel)
}

// defaultXLMemory is the memory of a guest in a configuration that we write,
// in MiB.
const defaultXLMemory = 128

func (b *imageBuild) writeXL() error {
	if b.xl == "" {
		return nil
	}
	image, err := filepath.Abs(b.out)
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(b.out), ".img")
	c := images.XLConfig{Name: name, Image: image, MemoryMiB: defaultXLMemory}
	if err := c.Check(); err != nil {
		return err
	}
	return os.WriteFile(b.xl, []byte(c.String()), 0o644)
}

// imageInfo is what 'image inspect --json' prints.
type imageInfo struct {
	Size        int64      `json:"size"`
	Linux       string     `json:"linux,omitempty"` // the kernel's version
	OCI         *ociRow    `json:"oci,omitempty"`
	CommandLine string     `json:"commandLine"`
	Program     programRow `json:"program"`
	Files       []fileRow  `json:"files"`
}

type ociRow struct {
	Name        string            `json:"name"`
	Digest      string            `json:"digest"`
	Annotations map[string]string `json:"annotations"`
}

type programRow struct {
	Size   int64  `json:"size"`
	Path   string `json:"path,omitempty"`
	Module string `json:"module,omitempty"`
	Go     string `json:"go,omitempty"`
}

type fileRow struct {
	Path   string `json:"path"`
	Mode   string `json:"mode"`
	Size   int64  `json:"size"`
	Target string `json:"target,omitempty"`
}

func newImageInspectCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect IMAGE",
		Short: "Show what is in an image",
		Args:  exactArgs(1, "an image"),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		im, err := images.Open(args[0])
		if err != nil {
			return err
		}
		info := describeImage(im)
		if *asJSON {
			return e.printJSON(info)
		}
		return info.print(e.stdout)
	}
	return cmd
}

func describeImage(im *images.Image) imageInfo {
	info := imageInfo{Size: im.Size, CommandLine: im.CommandLine, Program: programRow{Size: im.Program.Size}, Files: []fileRow{}}
	if b := im.Program.Build; b != nil {
		info.Program.Path, info.Program.Go = b.Path, b.GoVersion
		info.Program.Module = strings.TrimSpace(b.Main.Path + " " + b.Main.Version)
	}
	if im.Linux != nil {
		info.Linux = im.Linux.Version
	}
	if o := im.OCI; o != nil {
		info.OCI = &ociRow{o.Name, o.Digest, o.Annotations}
	}
	for _, f := range im.Files {
		info.Files = append(info.Files, fileRow{f.Path, f.Mode.String(), f.Size, f.Target})
	}
	return info
}

func (info *imageInfo) print(w io.Writer) error {
	program := "not a Go program"
	if info.Program.Go != "" {
		program = fmt.Sprintf("%s, module %s, %s", info.Program.Path, info.Program.Module, info.Program.Go)
	}
	if err := info.OCI.print(w); err != nil {
		return err
	}
	kernel := ""
	if info.Linux != "" {
		kernel = ", on Linux " + info.Linux
	}
	_, err := fmt.Fprintf(w, "image of %d bytes%s\nprogram of %d bytes: %s\ncommand line: %s\n", info.Size, kernel, info.Program.Size, program, info.CommandLine)
	if err != nil || len(info.Files) == 0 {
		return err
	}
	t := newTable("MODE", ">SIZE", "PATH")
	for _, f := range info.Files {
		path := f.Path
		if f.Target != "" {
			path += " -> " + f.Target
		}
		t.add(f.Mode, strconv.FormatInt(f.Size, 10), path)
	}
	return t.print(w)
}

func (o *ociRow) print(w io.Writer) error {
	if o == nil {
		return nil
	}
	_, err := fmt.Fprintf(w, "container image %s, %s\n", o.Name, o.Digest)
	for _, k := range slices.Sorted(maps.Keys(o.Annotations)) {
		_, werr := fmt.Fprintf(w, "  %s: %s\n", k, o.Annotations[k])
		err = errors.Join(err, werr)
	}
	return err
}

// exactArgs refuses another number of arguments, saying what is wanted.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return usageError{errors.New("wanted: " + what)}
		}
		if len(args) > n {
			return usagef("unexpected argument %q", args[n])
		}
		return nil
	}
}
