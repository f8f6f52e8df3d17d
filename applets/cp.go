package applets

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/sys"
)

var cp = &Applet{
	Name:     "cp",
	Summary:  "copy files",
	Synopsis: "[-rp] SOURCE... DESTINATION",
	flags: func(f *pflag.FlagSet) action {
		c := &copier{}
		f.BoolVarP(&c.deep, "recursive", "r", false, "directories with what is in them; links as links")
		f.BoolVarP(&c.preserve, "preserve", "p", false, "keep times")
		return func(j *job, args []string) error {
			return j.intoLast(args, func(name, dst string) error { return c.copy(j, j.path(name), dst) })
		}
	},
}

// A copier copies files of one kernel within it.
type copier struct {
	deep     bool
	preserve bool
}

func (c *copier) copy(j *job, src, dst string) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	stat := j.p.Stat
	if c.deep {
		stat = j.p.Lstat
	}
	st, err := stat(src)
	if err != nil {
		return err
	}
	switch {
	case st.IsDir():
		err = c.copyDir(j, src, dst, &st)
	case st.Mode&fs.ModeSymlink != 0:
		return copyLink(j, src, dst)
	case st.IsRegular():
		err = copyFile(j, src, dst, &st)
	case c.deep:
		err = j.p.Mknod(dst, st.Mode, st.Rdev)
	default:
		return fmt.Errorf("is a %s; -r copies it as one", st.TypeName())
	}
	if err == nil && c.preserve {
		err = j.p.Chtimes(dst, sys.TimeAt(st.Atime), sys.TimeAt(st.Mtime))
	}
	return err
}

func (c *copier) copyDir(j *job, src, dst string, st *sys.Stat) error {
	switch {
	case !c.deep:
		return errors.New("is a directory; -r copies it")
	case dst == src || strings.HasPrefix(dst, strings.TrimSuffix(src, "/")+"/"):
		return fmt.Errorf("cannot be copied into itself, %s", dst)
	}
	entries, err := j.p.ReadDir(src)
	if err != nil {
		return err
	}
	if err := j.p.Mkdir(dst, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for _, e := range entries {
		if err := c.copy(j, path.Join(src, e.Name()), path.Join(dst, e.Name())); err != nil {
			if isCanceled(j.ctx, err) {
				return err
			}
			j.warn(path.Join(src, e.Name()), err)
		}
	}
	return j.p.Chmod(dst, st.Mode)
}

func copyLink(j *job, src, dst string) error {
	target, err := j.p.Readlink(src)
	if err != nil {
		return err
	}
	return j.p.Symlink(target, dst)
}

func copyFile(j *job, src, dst string, st *sys.Stat) error {
	if to, err := j.p.Stat(dst); err == nil && to.SameFile(st) {
		return fmt.Errorf("and %s are the same file", dst)
	}
	in, err := j.p.Open(src, sys.O_RDONLY|sys.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := j.p.Open(dst, sys.O_WRONLY|sys.O_CREAT|sys.O_TRUNC|sys.O_CLOEXEC, st.Mode.Perm())
	if err != nil {
		return err
	}
	return errors.Join(j.copy(out.With(j.ctx), in.With(j.ctx)), out.Close())
}
