package netbsd

import (
	"cmp"
	"slices"

	"github.com/anykernel/anykernel/sys"
)

// A ProcessInfo is what the kernel tells of a process; see kern.proc2 in
// sysctl(7).
type ProcessInfo struct {
	PID, PPID int
	Session   int // its number
	Group     int // its process group
	UID, GID  int // effective
	Name      string
	State     string // of its first LWP: "run", "sleep", "stop", "zombie", "idle", "suspended"
	LWPs      int
	Waiting   string // on what its first LWP sleeps; may be empty
}

// lwpStates are the states of an LWP by number.
var lwpStates = map[int64]string{1: "idle", 2: "run", 3: "sleep", 4: "stop", 5: "zombie", 7: "run", 8: "suspended"}

// Processes is the processes of p's kernel, by number.
func Processes(p *sys.Process) ([]ProcessInfo, error) {
	if err := want(p, "processes"); err != nil {
		return nil, err
	}
	const kern, proc2, all, most = 1, 47, 0, 1 << 16
	a := p.Kernel().ABI()
	l := layoutOf(a, "kinfo_proc2")
	b, err := p.SysctlNumbers(kern, proc2, all, 0, int32(l.Size), most)
	if err != nil || l.Size == 0 {
		return nil, p.Fail("processes", "", err)
	}
	var list []ProcessInfo
	for ; len(b) >= l.Size; b = b[l.Size:] {
		r := record{l, a.Order, b[:l.Size]}
		list = append(list, ProcessInfo{
			PID: int(r.get("p_pid")), PPID: int(r.get("p_ppid")), Session: int(r.get("p_sid")), Group: int(r.get("p__pgid")),
			UID: int(r.get("p_uid")), GID: int(r.get("p_gid")), LWPs: int(r.get("p_nlwps")), State: lwpStates[r.get("p_stat")],
			Name: r.field("p_comm").Text(r.b), Waiting: r.field("p_wmesg").Text(r.b),
		})
	}
	slices.SortFunc(list, func(a, b ProcessInfo) int { return cmp.Compare(a.PID, b.PID) })
	return list, nil
}
