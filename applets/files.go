package applets

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/sys"
)

var mkdir = &Applet{
	Name:     "mkdir",
	Summary:  "make directories",
	Synopsis: "[-p] [-m MODE] DIRECTORY...",
	flags: func(f *pflag.FlagSet) action {
		parents := f.BoolP("parents", "p", false, "with those above them, and without an error where they exist")
		mode := f.StringP("mode", "m", "", "permissions, such as 0755 or u=rwx")
		return func(j *job, args []string) error {
			if err := operands(args, 1, -1); err != nil {
				return err
			}
			return j.each(args, func(name string) error { return makeDir(j, name, *mode, *parents) })
		}
	},
}

func makeDir(j *job, name, mode string, parents bool) error {
	make := j.p.Mkdir
	if parents {
		make = j.p.MkdirAll
	}
	if err := make(j.path(name), 0o777); err != nil || mode == "" {
		return err
	}
	perm, err := sys.ParseMode(mode)
	if err != nil {
		return err
	}
	return j.p.Chmod(j.path(name), perm)
}

var rmdir = &Applet{
	Name:     "rmdir",
	Summary:  "remove empty directories",
	Synopsis: "DIRECTORY...",
	flags: simple(func(j *job, args []string) error {
		if err := operands(args, 1, -1); err != nil {
			return err
		}
		return j.each(args, func(name string) error { return j.p.Rmdir(j.path(name)) })
	}),
}

var rm = &Applet{
	Name:     "rm",
	Summary:  "remove files, never following links",
	Synopsis: "[-rf] FILE...",
	flags: func(f *pflag.FlagSet) action {
		deep := f.BoolP("recursive", "r", false, "directories with what is in them")
		force := f.BoolP("force", "f", false, "no error for what does not exist")
		return func(j *job, args []string) error {
			if len(args) == 0 && *force {
				return nil
			}
			if err := operands(args, 1, -1); err != nil {
				return err
			}
			return j.each(args, func(name string) error { return remove(j, name, *deep, *force) })
		}
	},
}

func remove(j *job, name string, deep, force bool) error {
	if base := path.Base(name); base == "." || base == ".." || base == "/" {
		return fmt.Errorf("refusing to remove %q", base)
	}
	p := j.path(name)
	st, err := j.p.Lstat(p)
	switch {
	case errors.Is(err, fs.ErrNotExist) && force:
		return nil
	case err != nil:
		return err
	case deep:
		return j.p.RemoveAll(p)
	case st.IsDir():
		// Some kernels say EPERM, and some unlink it.
		//lint:ignore ST1005 it is what strerror(3) says
		return errors.New("Is a directory")
	}
	return j.p.Unlink(p)
}

var ln = &Applet{
	Name:     "ln",
	Summary:  "give files more names, or make symbolic links",
	Synopsis: "[-sf] TARGET... NAME|DIRECTORY",
	flags: func(f *pflag.FlagSet) action {
		symbolic := f.BoolP("symbolic", "s", false, "symbolic links")
		force := f.BoolP("force", "f", false, "replace what is there")
		return func(j *job, args []string) error {
			return j.intoLast(args, func(target, dst string) error { return link(j, target, dst, *symbolic, *force) })
		}
	},
}

func link(j *job, target, dst string, symbolic, force bool) error {
	if force {
		if err := j.p.Unlink(dst); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if symbolic {
		return j.p.Symlink(target, dst)
	}
	return j.p.Link(j.path(target), dst)
}

// intoLast calls f for each operand but the last, with the path that it
// belongs to: the last operand or, where that is a directory, the same name
// in it.
func (j *job) intoLast(args []string, f func(name, dst string) error) error {
	if err := operands(args, 2, -1); err != nil {
		return err
	}
	sources, last := args[:len(args)-1], j.path(args[len(args)-1])
	st, err := j.p.Stat(last)
	isDir := err == nil && st.IsDir()
	if len(sources) > 1 && !isDir {
		return usagef("%q is not a directory", args[len(args)-1])
	}
	return j.each(sources, func(name string) error {
		if isDir {
			return f(name, path.Join(last, path.Base(name)))
		}
		return f(name, last)
	})
}

var mv = &Applet{
	Name:     "mv",
	Summary:  "rename or move files",
	Synopsis: "[-n] SOURCE... DESTINATION",
	flags: func(f *pflag.FlagSet) action {
		keep := f.BoolP("no-clobber", "n", false, "leave what is there")
		return func(j *job, args []string) error {
			return j.intoLast(args, func(name, dst string) error { return move(j, name, dst, *keep) })
		}
	},
}

// move renames a file or, between file systems, copies and removes it.
func move(j *job, name, dst string, keep bool) error {
	src := j.path(name)
	if keep {
		if _, err := j.p.Lstat(dst); err == nil {
			return nil
		}
	}
	err := j.p.Rename(src, dst)
	if !errors.Is(err, sys.EXDEV) {
		return err
	}
	c := copier{deep: true, preserve: true}
	if err := c.copy(j, src, dst); err != nil {
		return err
	}
	return j.p.RemoveAll(src)
}

var touch = &Applet{
	Name:     "touch",
	Summary:  "set the times of files, and make those that do not exist",
	Synopsis: "[-acm] [-d TIME] FILE...",
	flags: func(f *pflag.FlagSet) action {
		access := f.BoolP("access", "a", false, "only when it was last read")
		modify := f.BoolP("modify", "m", false, "only when it was last written")
		existing := f.BoolP("no-create", "c", false, "make no file")
		when := f.StringP("date", "d", "now", "the `time`: now, RFC 3339, or @SECONDS since 1970")
		return func(j *job, args []string) error {
			t, err := sys.ParseFileTime(*when)
			if err != nil {
				return usageError{err}
			}
			if err := operands(args, 1, -1); err != nil {
				return err
			}
			var atime, mtime sys.FileTime // neither
			if *access || !*modify {
				atime = t
			}
			if *modify || !*access {
				mtime = t
			}
			return j.each(args, func(name string) error { return setTimes(j, name, atime, mtime, !*existing) })
		}
	},
}

func setTimes(j *job, name string, atime, mtime sys.FileTime, create bool) error {
	p := j.path(name)
	err := j.p.Chtimes(p, atime, mtime)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !create {
		return nil
	}
	f, err := j.p.Open(p, sys.O_WRONLY|sys.O_CREAT|sys.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Chtimes(atime, mtime)
}

var chmod = &Applet{
	Name:     "chmod",
	Summary:  "change permissions",
	Synopsis: "MODE FILE...",
	raw:      true, // a mode may begin with a minus
	flags: simple(func(j *job, args []string) error {
		if err := operands(args, 2, -1); err != nil {
			return err
		}
		if _, err := sys.ChangeMode(0, args[0]); err != nil {
			return usageError{err}
		}
		return j.each(args[1:], func(name string) error {
			st, err := j.p.Stat(j.path(name))
			if err != nil {
				return err
			}
			mode, err := sys.ChangeMode(st.Mode, args[0])
			if err != nil {
				return err
			}
			return j.p.Chmod(j.path(name), mode)
		})
	}),
}

var mknod = &Applet{
	Name:     "mknod",
	Summary:  "make device files and named pipes",
	Synopsis: "[-m MODE] NAME b|c|p [MAJOR MINOR]",
	flags: func(f *pflag.FlagSet) action {
		mode := f.StringP("mode", "m", "0666", "permissions")
		return func(j *job, args []string) error { return runMknod(j, args, *mode) }
	},
}

func runMknod(j *job, args []string, mode string) error {
	perm, err := sys.ParseMode(mode)
	if err != nil {
		return usageError{err}
	}
	if err := operands(args, 2, 4); err != nil {
		return err
	}
	types := map[string]fs.FileMode{
		"b": fs.ModeDevice, "c": fs.ModeDevice | fs.ModeCharDevice, "u": fs.ModeDevice | fs.ModeCharDevice, "p": fs.ModeNamedPipe,
	}
	kind, ok := types[args[1]]
	switch {
	case !ok:
		return usagef("type %q is none of b, c and p", args[1])
	case (kind&fs.ModeDevice != 0) != (len(args) == 4):
		return usagef("a device has a major and a minor number, and a pipe has none")
	}
	var dev sys.Device
	if len(args) == 4 {
		if dev, err = parseDevice(args[2], args[3]); err != nil {
			return usageError{err}
		}
	}
	if kind == fs.ModeNamedPipe {
		return j.p.Mkfifo(j.path(args[0]), perm)
	}
	return j.p.Mknod(j.path(args[0]), kind|perm, dev)
}

func parseDevice(major, minor string) (sys.Device, error) {
	a, err := strconv.ParseUint(major, 0, 32)
	if err != nil {
		return sys.Device{}, fmt.Errorf("%q is no major number", major)
	}
	b, err := strconv.ParseUint(minor, 0, 32)
	if err != nil {
		return sys.Device{}, fmt.Errorf("%q is no minor number", minor)
	}
	return sys.Device{Major: uint32(a), Minor: uint32(b)}, nil
}
