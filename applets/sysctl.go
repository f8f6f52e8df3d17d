package applets

import (
	"errors"
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
				return j.parametersBelow("", *plain)
			}
			if err := operands(args, 1, -1); err != nil {
				return err
			}
			return j.each(args, func(arg string) error { return j.parameter(arg, *plain) })
		}
	},
}

// parameter reads one, or sets it, or reads all below a node.
func (j *job) parameter(arg string, plain bool) error {
	name, value, set := strings.Cut(arg, "=")
	name = strings.TrimSpace(name)
	if set {
		if err := j.p.SetSysctl(name, strings.TrimSpace(value)); err != nil {
			return err
		}
	}
	text, err := j.p.Sysctl(name)
	switch {
	case errors.Is(err, sys.EISDIR):
		return j.parametersBelow(strings.TrimSuffix(name, ".")+".", plain)
	case errors.Is(err, sys.ENOENT):
		return errors.New("no such parameter; -a lists them")
	case err == nil:
		j.printParameter(name, text, plain)
	}
	return err
}

func (j *job) printParameter(name, text string, plain bool) {
	for line := range strings.SplitSeq(text, "\n") {
		if !plain {
			j.printf("%s = ", name)
		}
		j.printf("%s\n", line)
	}
}

// parametersBelow prints those whose names begin so and that can be read.
func (j *job) parametersBelow(prefix string, plain bool) error {
	names, err := j.p.Sysctls()
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		text, err := j.p.Sysctl(name)
		switch {
		case err == nil:
			j.printParameter(name, text, plain)
		case isCanceled(j.ctx, err):
			return err
		case errors.Is(err, sys.EACCES) || errors.Is(err, sys.EPERM): // some may be set only
		default:
			j.warn(name, err)
		}
	}
	return nil
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

// sortedNumbers is list in order, as text.
func sortedNumbers(list []int) []string {
	slices.Sort(list)
	var texts []string
	for _, n := range list {
		texts = append(texts, strconv.Itoa(n))
	}
	return texts
}
