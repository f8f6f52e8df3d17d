package sys

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// procSys is where Linux shows its variables as files.
const procSys = "/proc/sys"

// Sysctl is the value of a variable of sysctl(8), by its name with dots or
// slashes, such as "kernel.hostname", without the newline behind it. It reads
// /proc/sys of Linux, and the tree that NetBSD describes itself; structures,
// and other BSDs, need [Process.SysctlNumbers]. It is EISDIR where the name is
// that of a node with variables below it.
func (p *Process) Sysctl(name string) (string, error) {
	if p.k.tab.abi.OS == "netbsd" {
		text, err := p.sysctlText(name)
		return text, p.wrap("sysctl", name, err)
	}
	file, err := p.sysctlPath(name)
	if err != nil {
		return "", err
	}
	b, err := p.ReadFile(file)
	return strings.TrimSuffix(string(b), "\n"), err
}

// SetSysctl sets a variable of sysctl(8).
func (p *Process) SetSysctl(name, value string) error {
	if p.k.tab.abi.OS == "netbsd" {
		return p.wrap("sysctl", name, p.setSysctlText(name, value))
	}
	file, err := p.sysctlPath(name)
	if err != nil {
		return err
	}
	f, err := p.Open(file, O_WRONLY|O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, err = f.With(p.ctx).Write([]byte(value))
	return errors.Join(err, f.Close())
}

// Sysctls is the names of all variables, with dots, in the order of their
// names. Those that p may not look at are left out.
func (p *Process) Sysctls() ([]string, error) {
	switch p.k.tab.abi.OS {
	case "netbsd":
		names, err := p.sysctlNames("", nil)
		slices.Sort(names)
		return names, p.wrap("sysctl", "", err)
	case "linux":
	default:
		return nil, p.wrap("sysctl", "", ErrNotSupported)
	}
	var names []string
	err := fs.WalkDir(p.FS(procSys), ".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, sysctlName(file))
		}
		if err != nil && file != "." {
			return fs.SkipDir
		}
		return err
	})
	return names, err
}

// sysctlPath is the file of a variable. As sysctl(8) has it, the first
// separator in a name says which of dot and slash separates; the other one is
// part of a name, such as that of an interface.
func (p *Process) sysctlPath(name string) (string, error) {
	if p.k.tab.abi.OS != "linux" {
		return "", p.wrap("sysctl", name, ErrNotSupported)
	}
	file := name
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '.' {
		file = swapDots(name)
	}
	if !fs.ValidPath(file) || file == "." {
		return "", p.wrap("sysctl", name, fmt.Errorf("no name of a variable: %w", EINVAL))
	}
	return path.Join(procSys, file), nil
}

func sysctlName(file string) string { return swapDots(file) }

func swapDots(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return '/'
		case '/':
			return '.'
		}
		return r
	}, name)
}
