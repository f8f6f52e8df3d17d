package applets

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/sys"
)

var ps = &Applet{
	Name:     "ps",
	Summary:  "list processes",
	Synopsis: "[-f]",
	flags: func(f *pflag.FlagSet) action {
		full := f.BoolP("full", "f", false, "parent, user, state, threads and command line too")
		return func(j *job, args []string) error {
			if err := operands(args, 0, 0); err != nil {
				return err
			}
			return runPs(j, *full)
		}
	},
}

// A processInfo is what /proc tells of a process.
type processInfo struct {
	pid, ppid, uid, threads string
	state                   string
	name                    string // of the thread that leads it
	command                 string // its command line; may be empty
}

// psColumns aligns names to the left.
const psColumns = "rrrrrl"

func runPs(j *job, full bool) error {
	entries, err := j.p.ReadDir("/proc")
	if err != nil {
		return fmt.Errorf("the kernel has no /proc to read: %s", message(err))
	}
	rows := [][]string{{"PID", "NAME"}}
	if full {
		rows = [][]string{{"PID", "PPID", "UID", "S", "THREADS", "NAME", "COMMAND"}}
	}
	for _, pid := range numbers(entries) {
		p, err := j.process(pid)
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, sys.ESRCH):
			continue // it has ended meanwhile
		case err != nil:
			j.warn(pid, err)
		case full:
			rows = append(rows, []string{p.pid, p.ppid, p.uid, p.state, p.threads, p.name, p.command})
		default:
			rows = append(rows, []string{p.pid, p.name})
		}
	}
	j.columns(rows, psColumns)
	return nil
}

// numbers is the entries whose names are numbers, in their order.
func numbers(entries []fs.DirEntry) []string {
	var list []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			list = append(list, n)
		}
	}
	return sortedNumbers(list)
}

func (j *job) process(pid string) (processInfo, error) {
	p := processInfo{pid: pid}
	status, err := j.readFile("/proc/" + pid + "/status")
	if err != nil {
		return p, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		fields[key] = strings.TrimSpace(value)
	}
	first := func(key string) string {
		v, _, _ := strings.Cut(fields[key], "\t")
		v, _, _ = strings.Cut(v, " ")
		return v
	}
	p.ppid, p.uid, p.state, p.threads = first("PPid"), first("Uid"), first("State"), first("Threads")
	p.name = fields["Name"]
	if line, err := j.readFile("/proc/" + pid + "/cmdline"); err == nil {
		p.command = strings.TrimSpace(strings.ReplaceAll(line, "\x00", " "))
	}
	return p, nil
}
