package applets

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/rump/fsprobe"
	"github.com/anykernel/anykernel/sys"
)

// A mounted is a file system that a process sees.
type mounted struct{ from, on, kind, options string }

// mounts is all file systems that the process sees.
func (j *job) mounts() ([]mounted, error) {
	if j.os() != "linux" {
		var list []mounted
		all, err := j.p.Mounts()
		for i := range all {
			list = append(list, mountedOf(&all[i]))
		}
		return list, err
	}
	text, err := j.readFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var list []mounted
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) >= 4 {
			list = append(list, mounted{unescapeMount(f[0]), unescapeMount(f[1]), f[2], f[3]})
		}
	}
	return list, nil
}

func mountedOf(st *sys.Statfs) mounted {
	options := "rw"
	if st.ReadOnly() {
		options = "ro"
	}
	return mounted{st.From, st.On, st.Type, options}
}

// unescapeMount undoes how /proc/self/mounts writes blanks: "\040".
func unescapeMount(text string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, `\`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		if len(after) >= 3 {
			if c, err := strconv.ParseUint(after[:3], 8, 8); err == nil {
				b.WriteByte(byte(c))
				text = after[3:]
				continue
			}
		}
		b.WriteByte('\\')
		text = after
	}
}

var mount = &Applet{
	Name:     "mount",
	Summary:  "list what is mounted, or mount a file system",
	Synopsis: "[-t TYPE] [-o OPTION[,OPTION...]] [[SOURCE] DIRECTORY]",
	flags: func(f *pflag.FlagSet) action {
		kind := f.StringP("types", "t", "", "the type of the file system")
		options := f.StringP("options", "o", "", "ro, nosuid, nodev, noexec, bind, remount ..., and those of the type")
		return func(j *job, args []string) error {
			if len(args) == 0 {
				return j.printMounts(*kind)
			}
			if err := operands(args, 1, 2); err != nil {
				return err
			}
			flags, rest := mountOptions(*options)
			dir := args[len(args)-1]
			if *kind == "" && flags&(sys.MS_BIND|sys.MS_REMOUNT|sys.MS_MOVE) == 0 {
				if len(args) == 1 {
					return usagef("the type is missing: -t tmpfs")
				}
				var err error
				if *kind, err = j.fileSystemOn(args[0]); err != nil {
					return err
				}
			}
			source := *kind
			if len(args) == 2 {
				source = args[0]
			}
			if flags&sys.MS_BIND != 0 {
				source = j.path(source)
			}
			if err := j.p.Mount(source, j.path(dir), *kind, flags, rest); err != nil {
				j.warn(dir, err)
			}
			return nil
		}
	},
}

// fileSystemOn is the type of the file system on a device, as NetBSD, which
// mounts them here, calls it.
func (j *job) fileSystemOn(device string) (string, error) {
	f, err := j.p.Open(j.path(device), sys.O_RDONLY|sys.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("%s: %s", device, message(err))
	}
	defer f.Close()
	kind, err := fsprobe.Type(f)
	if err != nil {
		return "", fmt.Errorf("%s: %s: say which it is: -t ffs", device, message(err))
	}
	return kind, nil
}

func (j *job) printMounts(kind string) error {
	list, err := j.mounts()
	for _, m := range list {
		if kind == "" || kind == m.kind {
			j.printf("%s on %s type %s (%s)\n", m.from, m.on, m.kind, m.options)
		}
	}
	return err
}

// mountOptions is the flags among the options, and the rest as text.
func mountOptions(text string) (flags sys.MountFlags, rest string) {
	short := map[string]sys.MountFlags{
		"": 0, "defaults": 0, "rw": 0, "ro": sys.MS_RDONLY, "sync": sys.MS_SYNCHRONOUS, "rbind": sys.MS_BIND | sys.MS_REC,
	}
	var others []string
	for option := range strings.SplitSeq(text, ",") {
		flag, ok := short[option]
		if !ok {
			var err error
			flag, err = sys.ParseMountFlags(option)
			ok = err == nil && !strings.Contains(option, "=")
		}
		if ok {
			flags |= flag
		} else {
			others = append(others, option)
		}
	}
	return flags, strings.Join(others, ",")
}

var umount = &Applet{
	Name:     "umount",
	Summary:  "take away what is mounted",
	Synopsis: "[-lf] DIRECTORY...",
	flags: func(f *pflag.FlagSet) action {
		lazy := f.BoolP("lazy", "l", false, "out of sight now, away when nobody uses it any more")
		force := f.BoolP("force", "f", false, "end what goes on in it")
		return func(j *job, args []string) error {
			if err := operands(args, 1, -1); err != nil {
				return err
			}
			var flags sys.UnmountFlags
			if *lazy {
				flags |= sys.UMOUNT_DETACH
			}
			if *force {
				flags |= sys.UMOUNT_FORCE
			}
			return j.each(args, func(dir string) error { return j.p.Unmount(j.path(dir), flags) })
		}
	},
}

var df = &Applet{
	Name:     "df",
	Summary:  "write how much space file systems have",
	Synopsis: "[-h] [FILE...]",
	flags: func(f *pflag.FlagSet) action {
		// -h is for people here, as everywhere; help is --help.
		human := f.BoolP("human-readable", "h", false, "sizes with units")
		f.Bool("help", false, "write this help")
		return func(j *job, args []string) error {
			if help, _ := f.GetBool("help"); help {
				return pflag.ErrHelp
			}
			return runDf(j, args, *human)
		}
	},
}

func runDf(j *job, args []string, human bool) error {
	heading := "1K-blocks"
	if human {
		heading = "Size"
	}
	rows := [][]string{{"Filesystem", "Type", heading, "Used", "Available", "Use%", "Mounted on"}}
	list, err := j.mounts()
	if err != nil && len(args) == 0 {
		return err
	}
	add := func(m mounted, st *sys.Statfs) {
		rows = append(rows, dfRow(m, st, human))
	}
	if len(args) == 0 {
		for _, m := range list {
			st, err := j.p.Statfs(m.on)
			switch {
			case errors.Is(err, sys.EACCES) || errors.Is(err, sys.ENOENT):
			case err != nil:
				j.warn(m.on, err)
			case st.Blocks > 0:
				add(m, &st)
			}
		}
	}
	err = j.each(args, func(name string) error {
		st, err := j.p.Statfs(j.path(name))
		if err != nil {
			return err
		}
		add(j.mountOf(list, name, &st), &st)
		return nil
	})
	if len(rows) > 1 {
		j.columns(rows, "ll")
	}
	return err
}

// mountOf is the mount that a file is on.
func (j *job) mountOf(list []mounted, name string, st *sys.Statfs) mounted {
	if st.On != "" {
		return mountedOf(st)
	}
	best := mounted{from: "-", on: name, kind: st.Type}
	for _, m := range list {
		if other, err := j.p.Statfs(m.on); err == nil && other.FSID == st.FSID && other.Type == st.Type && isBelow(j.path(name), m.on) {
			best = m // later ones cover earlier ones
		}
	}
	return best
}

// isBelow reports whether a file is dir or below it, by their names.
func isBelow(file, dir string) bool {
	return dir == "/" || file == dir || strings.HasPrefix(file, dir+"/")
}

func dfRow(m mounted, st *sys.Statfs, human bool) []string {
	used := (st.Blocks - st.Bfree) * uint64(st.Frsize)
	percent := "-"
	if all := used + st.Available(); all > 0 {
		percent = fmt.Sprintf("%d%%", (used*100+all-1)/all)
	}
	form := kibibytes
	if human {
		form = humanSize
	}
	return []string{m.from, m.kind, form(st.Total()), form(used), form(st.Available()), percent, m.on}
}

func kibibytes(n uint64) string { return strconv.FormatUint((n+1023)/1024, 10) }

func humanSize(n uint64) string {
	const units = "BKMGTPE"
	f, i := float64(n), 0
	for f >= 1024 {
		f, i = f/1024, i+1
	}
	if i > 0 && f < 10 {
		return fmt.Sprintf("%.1f%c", f, units[i])
	}
	return fmt.Sprintf("%.0f%c", f, units[i])
}
