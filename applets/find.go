package applets

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/sys"
)

var find = &Applet{
	Name:     "find",
	Summary:  "walk directories and write the files that meet all tests",
	Synopsis: "[PATH...] [-name PATTERN] [-type bcdflps] [-size [+-]N[ckMG]] [-maxdepth N] [-mindepth N] [-empty] [-print0]",
	raw:      true,
	flags:    simple(runFind),
}

// A finder is what find is told.
type finder struct {
	tests              []findTest
	minDepth, maxDepth int
	end                string // behind each name
}

// A findTest reports whether a file is one that is looked for.
type findTest func(j *job, name string, st *sys.Stat) (bool, error)

func runFind(j *job, args []string) error {
	n := 0
	for n < len(args) && !strings.HasPrefix(args[n], "-") {
		n++
	}
	f, err := parseFind(args[n:])
	if err != nil {
		return usageError{err}
	}
	roots := args[:n]
	if n == 0 {
		roots = []string{"."}
	}
	for _, root := range roots {
		if err := f.walk(j, root, 0); err != nil {
			return err
		}
	}
	return nil
}

func parseFind(args []string) (*finder, error) {
	f := &finder{maxDepth: 1 << 30, end: "\n"}
	for len(args) > 0 {
		name := args[0]
		args = args[1:]
		switch name {
		case "-print":
			continue
		case "-print0":
			f.end = "\x00"
			continue
		case "-empty":
			f.tests = append(f.tests, isEmpty)
			continue
		}
		if len(args) == 0 {
			return nil, fmt.Errorf("%q is no test, or its value is missing", name)
		}
		if err := f.test(name, args[0]); err != nil {
			return nil, fmt.Errorf("%s %s: %w", name, args[0], err)
		}
		args = args[1:]
	}
	return f, nil
}

func (f *finder) test(name, value string) (err error) {
	var test findTest
	switch name {
	case "-name":
		test, err = nameTest(value)
	case "-type":
		test, err = typeTest(value)
	case "-size":
		test, err = sizeTest(value)
	case "-maxdepth":
		f.maxDepth, err = strconv.Atoi(value)
	case "-mindepth":
		f.minDepth, err = strconv.Atoi(value)
	default:
		return fmt.Errorf("no such test")
	}
	if test != nil {
		f.tests = append(f.tests, test)
	}
	return err
}

func nameTest(pattern string) (findTest, error) {
	_, err := path.Match(pattern, "")
	return func(_ *job, name string, _ *sys.Stat) (bool, error) {
		return path.Match(pattern, path.Base(name))
	}, err
}

func typeTest(letters string) (findTest, error) {
	const types = "bcdflps"
	if strings.Trim(letters, types+",") != "" || letters == "" {
		return nil, fmt.Errorf("types are of %s", types)
	}
	return func(_ *job, _ string, st *sys.Stat) (bool, error) {
		return strings.IndexByte(letters, typeLetter(st.Mode)) >= 0, nil
	}, nil
}

func typeLetter(m fs.FileMode) byte {
	if m.IsRegular() {
		return 'f'
	}
	return sys.FormatMode(m)[0]
}

// sizeTest understands "+10k" as larger, "-10k" as smaller than 10 KiB; sizes
// are rounded up to whole units. Without a unit they count blocks of 512
// bytes.
func sizeTest(text string) (findTest, error) {
	units := map[byte]int64{'c': 1, 'k': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}
	number, unit := strings.TrimLeft(text, "+-"), int64(512)
	if number != "" && units[number[len(number)-1]] != 0 {
		unit = units[number[len(number)-1]]
		number = number[:len(number)-1]
	}
	want, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("no size: a number, with c, k, M or G behind it")
	}
	return func(_ *job, _ string, st *sys.Stat) (bool, error) {
		have := (st.Size + unit - 1) / unit
		switch text[0] {
		case '+':
			return have > want, nil
		case '-':
			return have < want, nil
		}
		return have == want, nil
	}, nil
}

func isEmpty(j *job, name string, st *sys.Stat) (bool, error) {
	if !st.IsDir() {
		return st.IsRegular() && st.Size == 0, nil
	}
	entries, err := j.p.ReadDir(j.path(name))
	return err == nil && len(entries) == 0, err
}

// walk tells of errors and goes on, except for the end of the job.
func (f *finder) walk(j *job, name string, depth int) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	st, err := j.p.Lstat(j.path(name))
	if err != nil {
		j.warn(name, err)
		return nil
	}
	if depth >= f.minDepth && f.meets(j, name, &st) {
		j.printf("%s%s", name, f.end)
	}
	if !st.IsDir() || depth >= f.maxDepth {
		return nil
	}
	entries, err := j.p.ReadDir(j.path(name))
	if err != nil {
		j.warn(name, err)
	}
	for _, e := range entries {
		if err := f.walk(j, strings.TrimSuffix(name, "/")+"/"+e.Name(), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (f *finder) meets(j *job, name string, st *sys.Stat) bool {
	for _, test := range f.tests {
		ok, err := test(j, name, st)
		if err != nil {
			j.warn(name, err)
		}
		if !ok {
			return false
		}
	}
	return true
}
