package netbsd

import (
	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// A Module is a part of the kernel, built in or loaded; see modstat(8).
type Module struct {
	Name     string
	Requires string // others that it needs, separated by commas
	Class    string // "vfs", "driver", "misc" …
	Source   string // "builtin", "boot" or "filesys"
	Refs     int    // who needs it; -1 where it is built in and not in use
	Size     int    // bytes; 0 where it is built in
}

var (
	moduleClasses = []string{"any", "misc", "vfs", "driver", "exec", "secmodel"}
	moduleSources = []string{"builtin", "boot", "filesys"}
)

// maxModules bounds the list.
const maxModules = 1024

// Modules is the modules of p's kernel; see modctl(2).
func Modules(p *sys.Process) ([]Module, error) {
	const stat = 2 // MODCTL_STAT
	if err := want(p, "modctl"); err != nil {
		return nil, err
	}
	num, ok := p.Kernel().ABI().Call("modctl")
	l := layoutOf(p.Kernel().ABI(), "modstat_t")
	if !ok || l.Size == 0 {
		return nil, p.Fail("modctl", "", sys.ErrNotSupported)
	}
	b := make([]byte, maxModules*l.Size)
	iov, refs := p.Vectors([][]byte{b}, backends.Out, 1)
	_, _, err := p.Raw(backends.Call{Num: num, Args: [backends.MaxArgs]backends.Arg{backends.Int(stat), iov}, Refs: refs})
	if err != nil {
		return nil, p.Fail("modctl", "", err)
	}
	var list []Module
	for ; len(b) >= l.Size; b = b[l.Size:] {
		r := record{l, p.Kernel().ABI().Order, b[:l.Size]}
		m := Module{
			Name: r.field("ms_name").Text(r.b), Requires: r.field("ms_required").Text(r.b),
			Class: nth(moduleClasses, r.get("ms_class")), Source: nth(moduleSources, r.get("ms_source")),
			Refs: int(int32(r.get("ms_refcnt"))), Size: int(r.get("ms_size")),
		}
		if m.Name == "" {
			break
		}
		list = append(list, m)
	}
	return list, nil
}

func nth(list []string, i int64) string {
	if i < 0 || i >= int64(len(list)) {
		return ""
	}
	return list[i]
}
