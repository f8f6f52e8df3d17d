package applets

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

var uname = &Applet{
	Name:     "uname",
	Summary:  "write what the kernel is",
	Synopsis: "[-asnrvm]",
	flags: func(f *pflag.FlagSet) action {
		all := f.BoolP("all", "a", false, "all of it, in this order")
		var show [5]*bool
		for i, o := range []struct{ long, short, usage string }{
			{"kernel-name", "s", "the kernel's name"}, {"nodename", "n", "the host name"},
			{"kernel-release", "r", "the release"}, {"kernel-version", "v", "the version of the build"},
			{"machine", "m", "the hardware"},
		} {
			show[i] = f.BoolP(o.long, o.short, false, o.usage)
		}
		return func(j *job, args []string) error {
			if err := operands(args, 0, 0); err != nil {
				return err
			}
			u, err := j.p.Uname()
			if err != nil {
				return err
			}
			var words []string
			for i, word := range []string{u.Sysname, u.Nodename, u.Release, u.Version, u.Machine} {
				if *all || *show[i] {
					words = append(words, strings.TrimSpace(word))
				}
			}
			if len(words) == 0 {
				words = []string{u.Sysname}
			}
			j.printf("%s\n", strings.Join(words, " "))
			return nil
		}
	},
}

var hostname = &Applet{
	Name:     "hostname",
	Summary:  "write or set the host name",
	Synopsis: "[NAME]",
	flags: simple(func(j *job, args []string) error {
		if err := operands(args, 0, 1); err != nil {
			return err
		}
		if len(args) == 1 {
			return j.p.SetHostname(args[0])
		}
		name, err := j.p.Hostname()
		j.printf("%s\n", name)
		return err
	}),
}

var dmesg = &Applet{
	Name:    "dmesg",
	Summary: "write the kernel's messages",
	flags: simple(func(j *job, args []string) error {
		if err := operands(args, 0, 0); err != nil {
			return err
		}
		text, err := j.messages()
		for line := range strings.Lines(text) {
			j.printf("%s\n", strings.TrimSuffix(withoutPriority(line), "\n"))
		}
		return err
	}),
}

// maxMessages bounds what is read of the kernel's messages, in bytes.
const maxMessages = 1 << 20

// messages is the buffer that the kernel has for its messages.
func (j *job) messages() (string, error) {
	if j.os() != "linux" {
		b, err := j.p.SysctlNumbers(ctlKern, kernMsgbuf)
		return strings.Trim(string(b), "\x00"), err
	}
	const readAll = 3 // SYSLOG_ACTION_READ_ALL of syslog(2)
	b := make([]byte, maxMessages)
	n, err := j.p.Call("syslog", backends.Int(readAll), backends.Mem(b, backends.Out), backends.Int(maxMessages))
	if err != nil {
		return "", err
	}
	return string(b[:min(int(n), len(b))]), nil
}

// The numbers of kern.msgbuf in sysctl(7) of NetBSD.
const (
	ctlKern    = 1
	kernMsgbuf = 53
)

// withoutPriority is a message without the "<6>" in front of it.
func withoutPriority(line string) string {
	if priority, text, ok := strings.Cut(line, ">"); ok && len(priority) < 5 && strings.HasPrefix(priority, "<") {
		return text
	}
	return line
}

// os is the family of the kernel's ABI, such as "linux" or "netbsd".
func (j *job) os() string { return j.p.Kernel().ABI().OS }

var kill = &Applet{
	Name:     "kill",
	Summary:  "send a signal to processes",
	Synopsis: "[-SIGNAL | -s SIGNAL] PID... | -l [SIGNAL...]",
	raw:      true,
	flags:    simple(runKill),
}

func runKill(j *job, args []string) error {
	if len(args) > 0 && args[0] == "-l" {
		return listSignals(j, args[1:])
	}
	signal := sys.SIGTERM
	if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		name := args[0][1:]
		args = args[1:]
		if name == "s" && len(args) > 0 {
			name, args = args[0], args[1:]
		}
		var err error
		if signal, err = sys.ParseSignal(name); err != nil {
			return usageError{err}
		}
	}
	if err := operands(args, 1, -1); err != nil {
		return err
	}
	return j.each(args, func(text string) error {
		var pid int
		if n, err := fmt.Sscanf(text+"\n", "%d\n", &pid); err != nil || n != 1 {
			return errors.New("is no number of a process")
		}
		return j.p.Kill(pid, signal)
	})
}

// listSignals writes the names of all signals but the real-time ones, or tells
// a name from a number and the other way round, one a line.
func listSignals(j *job, args []string) error {
	if len(args) == 0 {
		for s := sys.Signal(1); s < sys.SIGRTMIN; s++ {
			if name, ok := strings.CutPrefix(s.String(), "SIG"); ok {
				j.printf("%s\n", name)
			}
		}
		return nil
	}
	return j.each(args, func(text string) error {
		s, err := sys.ParseSignal(text)
		if err != nil {
			return err
		}
		if text[0] >= '0' && text[0] <= '9' {
			j.printf("%s\n", strings.TrimPrefix(s.String(), "SIG"))
		} else {
			j.printf("%d\n", int(s))
		}
		return nil
	})
}
