package applets

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/sys"
)

var ls = &Applet{
	Name:     "ls",
	Summary:  "list directories and files",
	Synopsis: "[-aAdilRrSt1] [FILE...]",
	flags: func(f *pflag.FlagSet) action {
		l := &lister{}
		f.BoolVarP(&l.all, "all", "a", false, "names that begin with a dot too")
		f.BoolVarP(&l.almost, "almost-all", "A", false, "the same without . and ..")
		f.BoolVarP(&l.plain, "directory", "d", false, "directories themselves, not what is in them")
		f.BoolVarP(&l.inode, "inode", "i", false, "the number of each file")
		f.BoolVarP(&l.long, "long", "l", false, "type, permissions, links, owner, group, size and time")
		f.BoolVarP(&l.deep, "recursive", "R", false, "directories below as well")
		f.BoolVarP(&l.reverse, "reverse", "r", false, "the other way round")
		f.BoolVarP(&l.bySize, "sort-size", "S", false, "largest first")
		f.BoolVarP(&l.byTime, "sort-time", "t", false, "newest first")
		f.BoolP("one", "1", true, "one name a line, as always")
		return l.run
	},
}

type lister struct {
	all, almost, plain, inode, long, deep, reverse, bySize, byTime bool

	titled bool // a directory's name stands above what is in it
	blocks int  // written so far
}

// A listed is one file as ls shows it.
type listed struct {
	name string // as it is shown
	path string
	st   sys.Stat
}

func (l *lister) run(j *job, args []string) error {
	if len(args) == 0 {
		args = []string{"."}
	}
	var files, dirs []listed
	err := j.each(args, func(name string) error {
		f, err := l.operand(j, name)
		switch {
		case err != nil:
			return err
		case f.st.IsDir() && !l.plain:
			dirs = append(dirs, f)
		default:
			files = append(files, f)
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.titled = len(args) > 1 || l.deep
	if len(files) > 0 {
		l.blocks++
		l.print(j, files)
	}
	l.sort(dirs)
	for _, d := range dirs {
		if err := l.directory(j, d); err != nil {
			return err
		}
	}
	return nil
}

// operand is a file that was named. A link is followed unless its own
// attributes are asked for.
func (l *lister) operand(j *job, name string) (listed, error) {
	f := listed{name: name, path: j.path(name)}
	stat := j.p.Stat
	if l.long || l.plain {
		stat = j.p.Lstat
	}
	var err error
	f.st, err = stat(f.path)
	if err != nil && !l.long { // a link that leads nowhere
		f.st, err = j.p.Lstat(f.path)
	}
	return f, err
}

func (l *lister) directory(j *job, dir listed) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	files, err := l.read(j, dir)
	if err != nil {
		j.warn(dir.name, err)
		return nil
	}
	if l.blocks > 0 {
		j.printf("\n")
	}
	l.blocks++
	if l.titled {
		j.printf("%s:\n", dir.name)
	}
	l.print(j, files)
	if !l.deep {
		return nil
	}
	for _, f := range files {
		if f.st.IsDir() && f.name != "." && f.name != ".." {
			f.name = path.Join(dir.name, f.name)
			if err := l.directory(j, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lister) read(j *job, dir listed) ([]listed, error) {
	entries, err := j.p.ReadDir(dir.path)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries)+2)
	if l.all {
		names = append(names, ".", "..")
	}
	for _, e := range entries {
		if l.all || l.almost || !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	var files []listed
	for _, name := range names {
		f := listed{name: name, path: dir.path + "/" + name}
		if f.st, err = j.p.Lstat(f.path); err != nil {
			j.warn(f.path, err)
			continue
		}
		files = append(files, f)
	}
	return files, nil
}

func (l *lister) sort(files []listed) {
	slices.SortStableFunc(files, func(a, b listed) int {
		c := 0
		switch {
		case l.bySize:
			c = int(max(-1, min(1, b.st.Size-a.st.Size)))
		case l.byTime:
			c = b.st.Mtime.Compare(a.st.Mtime)
		}
		if c == 0 {
			c = strings.Compare(a.name, b.name)
		}
		return c
	})
	if l.reverse {
		slices.Reverse(files)
	}
}

func (l *lister) print(j *job, files []listed) {
	l.sort(files)
	var rows [][]string
	for _, f := range files {
		var row []string
		if l.inode {
			row = append(row, strconv.FormatUint(f.st.Ino, 10))
		}
		if l.long {
			row = append(row, l.attributes(&f.st)...)
		}
		rows = append(rows, append(row, l.label(j, f)))
	}
	j.columns(rows, "l")
}

func (l *lister) attributes(st *sys.Stat) []string {
	return []string{
		sys.FormatMode(st.Mode), fmt.Sprint(st.Nlink), fmt.Sprint(st.UID), fmt.Sprint(st.GID),
		sizeOrDevice(st), st.Mtime.UTC().Format("2006-01-02 15:04"),
	}
}

// sizeOrDevice is the number of a device, or the size of anything else.
func sizeOrDevice(st *sys.Stat) string {
	if st.Mode&fs.ModeDevice != 0 {
		return st.Rdev.String()
	}
	return strconv.FormatInt(st.Size, 10)
}

// label is the name and, in the long form, where a link leads.
func (l *lister) label(j *job, f listed) string {
	if !l.long || f.st.Mode&fs.ModeSymlink == 0 {
		return f.name
	}
	target, err := j.p.Readlink(f.path)
	if err != nil {
		return f.name
	}
	return f.name + " -> " + target
}

var stat = &Applet{
	Name:     "stat",
	Summary:  "tell what the kernel knows of files",
	Synopsis: "[-L] FILE...",
	flags: func(f *pflag.FlagSet) action {
		follow := f.BoolP("dereference", "L", false, "follow links")
		return func(j *job, args []string) error {
			if err := operands(args, 1, -1); err != nil {
				return err
			}
			stat := j.p.Lstat
			if *follow {
				stat = j.p.Stat
			}
			return j.each(args, func(name string) error {
				st, err := stat(j.path(name))
				if err == nil {
					j.printStat(name, &st)
				}
				return err
			})
		}
	},
}

func (j *job) printStat(name string, st *sys.Stat) {
	j.printf("  File: %s\n", name)
	j.printf("  Type: %s\n  Mode: %04o (%s)\n", st.TypeName(), permissionBits(st.Mode), sys.FormatMode(st.Mode))
	j.printf("  Size: %d  Blocks: %d  Block size: %d\n", st.Size, st.Blocks, st.Blksize)
	j.printf("Device: %v  Inode: %d  Links: %d\n", st.Dev, st.Ino, st.Nlink)
	if st.Mode&fs.ModeDevice != 0 {
		j.printf("Number: %v\n", st.Rdev)
	}
	j.printf(" Owner: %d  Group: %d\n", st.UID, st.GID)
	for _, t := range []struct {
		name string
		time time.Time
	}{{"Access", st.Atime}, {"Modify", st.Mtime}, {"Change", st.Ctime}, {"Birth", st.Btime}} {
		if !t.time.IsZero() {
			j.printf("%6s: %s\n", t.name, t.time.UTC().Format("2006-01-02 15:04:05.000000000"))
		}
	}
}

// permissionBits is the 12 bits of a mode as chmod(1) takes them.
func permissionBits(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&flag != 0 {
			bits |= bit
		}
	}
	return bits
}
