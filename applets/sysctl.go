package applets

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/sys"
)

var sysctl = &Applet{
	Name:     "sysctl",
	Summary:  "read and set parameters of the kernel",
	Synopsis: "[-n] -a | NAME[=VALUE]...",
	flags: func(f *pflag.FlagSet) action {
		all := f.BoolP("all", "a", false, "all parameters")
		plain := f.BoolP("values", "n", false, "values without names")
		return func(j *job, args []string) error {
			if *all {
				return j.allParameters(procSys, *plain)
			}
			if err := operands(args, 1, -1); err != nil {
				return err
			}
			return j.each(args, func(arg string) error { return j.parameter(arg, *plain) })
		}
	},
}

// procSys is where Linux has its parameters.
const procSys = "/proc/sys"

// parameter reads one, or sets it.
func (j *job) parameter(arg string, plain bool) error {
	name, value, set := strings.Cut(arg, "=")
	file := path.Join(procSys, strings.ReplaceAll(strings.TrimSpace(name), ".", "/"))
	if !strings.HasPrefix(file, procSys+"/") {
		return usagef("%q is no name of a parameter", name)
	}
	if set {
		if err := j.writeFile(file, strings.TrimSpace(value)+"\n"); err != nil {
			return err
		}
	}
	if st, err := j.p.Stat(file); err == nil && st.IsDir() {
		return j.allParameters(file, plain)
	}
	return j.printParameter(file, plain)
}

func (j *job) printParameter(file string, plain bool) error {
	text, err := j.readFile(file)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(strings.TrimPrefix(file, procSys+"/"), "/", ".")
	for line := range strings.Lines(text) {
		if !plain {
			j.printf("%s = ", name)
		}
		j.printf("%s\n", strings.TrimSuffix(line, "\n"))
	}
	return nil
}

// allParameters prints those below dir that can be read.
func (j *job) allParameters(dir string, plain bool) error {
	return fs.WalkDir(j.p.FS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err := j.ctx.Err(); err != nil {
			return err
		}
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err != nil || info.Mode()&0o444 == 0 {
			return nil // write-only parameters have no value
		}
		if err := j.printParameter(path.Join(dir, name), plain); err != nil {
			j.warn(name, err)
		}
		return nil
	})
}

// maxSmallFile bounds what is read of files that are read whole, in bytes.
const maxSmallFile = 16 << 20

// readFile is the text of a small file of the kernel, such as one of /proc.
func (j *job) readFile(name string) (string, error) {
	f, err := j.p.Open(name, sys.O_RDONLY|sys.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return readAll(f.With(j.ctx), maxSmallFile)
}

func (j *job) writeFile(name, text string) error {
	f, err := j.p.Open(name, sys.O_WRONLY|sys.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.With(j.ctx).Write([]byte(text))
	return err
}

// sortedNumbers is list in order, as text.
func sortedNumbers(list []int) []string {
	slices.Sort(list)
	var texts []string
	for _, n := range list {
		texts = append(texts, strconv.Itoa(n))
	}
	return texts
}
