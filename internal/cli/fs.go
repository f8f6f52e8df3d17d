package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/fsprobe"
	"github.com/anykernel/anykernel/sys"
)

const locationHelp = `An image is a file of the host or a block device; its file system is found by
looking into it. IMAGE#2 is the second partition of a disk; where only one
partition has a file system it need not be said.`

func newFSCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fs",
		Short: "Look into the file systems of images, and copy files out and in",
		Long: `Look into the file systems of images and copy files out and in, without root:
NetBSD's drivers do it, in this process. They know FFS, ext2, MSDOS, ISO 9660,
UDF, LFS, NTFS, HFS+, NILFS, SysVBFS and the seventh edition's, as far as the
kit has them.

` + locationHelp,
		Example: `  anykernel fs info disk.img
  anykernel fs ls -l disk.img:/etc
  anykernel fs copy disk.img:/etc out`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFSInfoCommand(e), newFSListCommand(e), newFSCopyCommand(e))
	return cmd
}

func newFSInfoCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "info IMAGE...",
		Short: "Tell what file systems and partitions images have; needs no kit",
		Args:  someImages(1, -1),
		RunE: func(_ *cobra.Command, args []string) error {
			t := newTable("IMAGE", "PARTITION", ">OFFSET", ">BYTES", "FILE SYSTEM")
			for _, image := range args {
				if err := addImage(t, image); err != nil {
					return err
				}
			}
			return t.print(e.stdout)
		},
	}
}

// addImage tells t of an image, and of its partitions where it has any.
func addImage(t *table, image string) error {
	f, err := os.Open(image)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Seek(0, 2)
	if err != nil {
		return err
	}
	v, err := fsprobe.Find(f, 0)
	if err == nil && v.Offset == 0 {
		t.add(image, "-", "0", fmt.Sprint(size), v.Type)
		return nil
	}
	parts, partErr := fsprobe.Partitions(f)
	if partErr != nil {
		t.add(image, "-", "0", fmt.Sprint(size), "none that is known")
		return nil
	}
	for _, p := range parts {
		what := "none that is known"
		if v, err := fsprobe.Find(f, p.Number); err == nil {
			what = v.Type
		}
		t.add(image, strings.TrimSpace(fmt.Sprint(p.Number, " ", p.Name)), fmt.Sprint(p.Offset), fmt.Sprint(p.Size), what)
	}
	return nil
}

func newFSListCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ls IMAGE[:PATH]",
		Short: "List files in an image",
		Args:  someImages(1, 1),
	}
	long := cmd.Flags().BoolP("long", "l", false, "type, rights, owner, size and time too")
	all := cmd.Flags().BoolP("all", "a", false, "hidden names too")
	recursive := cmd.Flags().BoolP("recursive", "R", false, "what is in folders, too")
	fstype := typeFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		loc, err := e.openLocation(ctx, imageLocation(args[0]), *fstype, true)
		if err != nil {
			return err
		}
		defer loc.kernel.Close()
		ls := []string{"ls"}
		for flag, on := range map[string]bool{"-l": *long, "-a": *all, "-R": *recursive} {
			if on {
				ls = append(ls, flag)
			}
		}
		// From inside of it, so that names are as the image has them.
		name := strings.TrimPrefix(strings.TrimPrefix(loc.path, imageRoot), "/")
		return e.execApplet(ctx, loc.kernel, imageRoot, append(ls, cmp.Or(name, ".")))
	}
	return cmd
}

func newFSCopyCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "copy FROM TO",
		Short: "Copy files out of an image, into one, or from one to another",
		Long: `Copy a file, or what a folder holds with all below it. FROM and TO are names of
the host, or IMAGE:PATH. Nothing is replaced. TO is a folder where FROM is one,
and is made where it is not there.

` + locationHelp,
		Example: `  anykernel fs copy disk.img:/etc/passwd .
  anykernel fs copy site disk.img:/var/www`,
		Args: someImages(2, 2),
	}
	fstype := typeFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		return e.copyBetween(ctx, parseLocation(args[0]), parseLocation(args[1]), *fstype)
	}
	return cmd
}

func typeFlag(cmd *cobra.Command) *string {
	return cmd.Flags().StringP("type", "t", "", "the `type` of the file system, such as msdos, where it is not to be found out")
}

func someImages(low, high int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < low || high >= 0 && len(args) > high {
			return usagef("%s takes %s", cmd.CommandPath(), strings.TrimPrefix(cmd.Use, cmd.Name()+" "))
		}
		return nil
	}
}

// A location is a file, or a folder, of the host or in an image.
type location struct {
	image string // "" for the host
	path  string
}

// parseLocation reads IMAGE:PATH, the path absolute or empty, or a name of the
// host.
func parseLocation(text string) location {
	if image, ok := strings.CutSuffix(text, ":"); ok {
		return location{image, "/"}
	}
	if i := strings.Index(text, ":/"); i > 0 {
		return location{text[:i], path.Clean(text[i+1:])}
	}
	return location{"", text}
}

// imageLocation is parseLocation where a name alone is an image's.
func imageLocation(text string) location {
	l := parseLocation(text)
	if l.image == "" {
		l = location{text, "/"}
	}
	return l
}

// imageRoot is where an image is mounted.
const imageRoot = "/image"

// An openedLocation is a location as a kernel sees it.
type openedLocation struct {
	kernel *sys.Kernel
	path   string
}

// openLocation opens the kernel that a location is seen by: the host, or a
// NetBSD that mounts the image.
func (e *env) openLocation(ctx context.Context, l location, fstype string, readOnly bool) (openedLocation, error) {
	if l.image == "" {
		k, err := e.open(ctx, "host")
		return openedLocation{k, l.path}, err
	}
	mount := l.image + ":" + imageRoot
	if fstype != "" {
		mount = fstype + ":" + mount
	}
	if readOnly {
		mount += ":ro"
	}
	spec := backends.Spec{Name: "rump", Args: []string{"vfs"}, Options: []backends.Option{{Key: "mount", Value: mount}}}
	k, err := e.open(ctx, spec.String())
	return openedLocation{k, path.Join(imageRoot, l.path)}, err
}

func (e *env) copyBetween(ctx context.Context, from, to location, fstype string) (err error) {
	src, err := e.openLocation(ctx, from, fstype, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.kernel.Close()) }()
	dst, err := e.openLocation(ctx, to, fstype, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.kernel.Close()) }()
	p, q := src.kernel.Init().With(ctx), dst.kernel.Init().With(ctx)
	st, err := p.Stat(src.path)
	if err != nil {
		return err
	}
	if st.IsDir() {
		return q.CopyFS(dst.path, p.FS(src.path))
	}
	target := dst.path
	if st, err := q.Stat(target); err == nil && st.IsDir() || strings.HasSuffix(to.path, "/") {
		target = path.Join(target, path.Base(src.path))
	}
	return copyFile(p, src.path, q, target, st)
}

// copyFile copies a regular file from one kernel to another.
func copyFile(p *sys.Process, from string, q *sys.Process, to string, st sys.Stat) error {
	r, err := p.Open(from, sys.O_RDONLY|sys.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := q.Open(to, sys.O_WRONLY|sys.O_CREAT|sys.O_EXCL|sys.O_CLOEXEC, st.Info("").Mode().Perm())
	if err != nil {
		return err
	}
	_, err = w.ReadFrom(r)
	return errors.Join(err, w.Close())
}
