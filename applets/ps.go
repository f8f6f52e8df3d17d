package applets

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/netbsd"
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

// A processInfo is what the kernel tells of a process.
type processInfo struct {
	pid, ppid, uid, threads string
	state                   string
	name                    string // of the thread that leads it
	command                 string // its command line; may be empty
}

// psColumns aligns names to the left.
const psColumns = "rrrrrl"

func runPs(j *job, full bool) error {
	list, err := j.processes()
	if err != nil {
		return err
	}
	rows := [][]string{{"PID", "NAME"}}
	if full {
		rows = [][]string{{"PID", "PPID", "UID", "S", "THREADS", "NAME", "COMMAND"}}
	}
	for _, p := range list {
		if full {
			rows = append(rows, []string{p.pid, p.ppid, p.uid, p.state, p.threads, p.name, p.command})
		} else {
			rows = append(rows, []string{p.pid, p.name})
		}
	}
	j.columns(rows, psColumns)
	return nil
}

// processes is all processes that the kernel tells of, by number.
func (j *job) processes() ([]processInfo, error) {
	if j.os() == "netbsd" {
		return j.processesNetBSD()
	}
	entries, err := j.p.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("the kernel has no /proc to read: %s", message(err))
	}
	var list []processInfo
	for _, pid := range numbers(entries) {
		p, err := j.process(pid)
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, sys.ESRCH):
			continue // it has ended meanwhile
		case err != nil:
			j.warn(pid, err)
		default:
			list = append(list, p)
		}
	}
	return list, nil
}

// stateLetters are the states of NetBSD's processes as /proc of Linux calls
// them.
var stateLetters = map[string]string{"idle": "I", "run": "R", "sleep": "S", "stop": "T", "suspended": "T", "zombie": "Z"}

func (j *job) processesNetBSD() ([]processInfo, error) {
	all, err := netbsd.Processes(j.p)
	var list []processInfo
	for _, p := range all {
		list = append(list, processInfo{
			pid: strconv.Itoa(p.PID), ppid: strconv.Itoa(p.PPID), uid: strconv.Itoa(p.UID), threads: strconv.Itoa(p.LWPs),
			state: stateLetters[p.State], name: p.Name,
		})
	}
	return list, err
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
