package packetdrill

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/anykernel/anykernel/packetdrill/script"
	"github.com/anykernel/anykernel/sys"
)

// maxNested bounds files that name files.
const maxNested = 4

// command makes the settings that a command for a shell makes. Nothing else of it
// is done: scripts are written for a machine that is theirs.
func (r *runner) command(c *script.Command) error {
	return r.settingsOf(c.Text, r.cfg.Dir, maxNested)
}

func (r *runner) settingsOf(text, dir string, depth int) error {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "command")
	if err != nil {
		return err
	}
	var failed error
	syntax.Walk(file, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok && failed == nil && len(c.Args) > 0 {
			failed = r.setting(words(c), dir, depth)
		}
		return failed == nil
	})
	return failed
}

// words is a command's words, with what the shell computes; no program runs, and
// there are no variables.
func words(c *syntax.CallExpr) []string {
	var list []string
	for _, w := range c.Args {
		text, err := expand.Literal(&expand.Config{}, w)
		if err != nil {
			text = ""
		}
		list = append(list, text)
	}
	return list
}

// setting makes those of one simple command.
func (r *runner) setting(args []string, dir string, depth int) error {
	name := filepath.Base(args[0])
	switch {
	case name == "sysctl" || name == "set_sysctls.py":
		for _, a := range args[1:] {
			if key, value, ok := strings.Cut(a, "="); ok {
				if err := r.sysctl(key, value); err != nil {
					return err
				}
			}
		}
	case name == "sleep" && len(args) > 1:
		if d, err := strconv.ParseFloat(args[1], 64); err == nil && d >= 0 && d < maxSleep.Seconds() {
			r.stage.until(r.stage.now() + time.Duration(d*float64(time.Second)))
		}
	case strings.HasSuffix(name, ".sh") && dir != "" && depth > 0:
		path := filepath.Join(dir, args[0])
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil // what the run of another script left
		}
		if err != nil {
			return err
		}
		return r.settingsOf(string(text), filepath.Dir(path), depth-1)
	default:
		r.logf("ignored: %s", strings.Join(args, " "))
	}
	return nil
}

const maxSleep = time.Minute

// netbsdSettings is what Linux's settings are called by NetBSD.
var netbsdSettings = map[string]string{
	"net.ipv4.tcp_sack":       "net.inet.tcp.sack.enable",
	"net.ipv4.tcp_timestamps": "net.inet.tcp.timestamps",
	"net.ipv4.tcp_ecn":        "net.inet.tcp.ecn.enable",
}

// sysctl makes one setting, where the kernel has it.
func (r *runner) sysctl(key, value string) error {
	key = strings.ReplaceAll(strings.TrimPrefix(key, "/proc/sys/"), "/", ".")
	var err error
	switch r.proc.Kernel().ABI().OS {
	case "linux":
		path := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
		if _, err = r.proc.Stat(path); err == nil {
			err = r.proc.WriteFile(path, []byte(value+"\n"), 0)
		}
	default:
		name, ok := netbsdSettings[key]
		if !ok {
			r.logf("ignored: sysctl %s=%s", key, value)
			return nil
		}
		err = r.proc.SetSysctl(name, value)
	}
	if errors.Is(err, sys.ENOENT) || errors.Is(err, sys.EINVAL) || errors.Is(err, sys.EACCES) || errors.Is(err, sys.EPERM) || errors.Is(err, sys.EIO) {
		r.logf("ignored: sysctl %s=%s: %v", key, value, err)
		return nil
	}
	return err
}
