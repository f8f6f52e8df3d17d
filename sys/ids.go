package sys

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
)

var (
	opGetpid    = newOp("getpid")
	opGetppid   = newOp("getppid")
	opGetpgid   = newOp("getpgid")
	opSetpgid   = newOp("setpgid")
	opGetsid    = newOp("getsid")
	opSetsid    = newOp("setsid")
	opGetuid    = newOp("getuid")
	opGeteuid   = newOp("geteuid")
	opGetgid    = newOp("getgid")
	opGetegid   = newOp("getegid")
	opSetuid    = newOp("setuid")
	opSetgid    = newOp("setgid")
	opSetreuid  = newOp("setreuid")
	opSetregid  = newOp("setregid")
	opSetresuid = newOp("setresuid")
	opSetresgid = newOp("setresgid")
	opGetresuid = newOp("getresuid")
	opGetresgid = newOp("getresgid")
	opGetgroups = newOp("getgroups")
	opSetgroups = newOp("setgroups")
)

// number is a call whose result is a small number.
func (p *Process) number(name string, o op, args ...backends.Arg) (int, error) {
	r, err := p.call(o, args...)
	if err != nil {
		return 0, p.wrap(name, "", err)
	}
	return int(int32(r)), nil
}

// about is a call on something that name errors, such as a process number.
func (p *Process) about(name string, subject any, o op, args ...backends.Arg) error {
	_, err := p.call(o, args...)
	if err != nil {
		return p.wrap(name, fmt.Sprint(subject), err)
	}
	return nil
}

func intArg(v int) backends.Arg { return backends.Int(uintptr(v)) }

// idArg is a user or group number; -1 leaves what is there.
func idArg(v int) backends.Arg { return backends.Int(uintptr(uint32(v))) }

// Getpid is the number of the process as it sees itself. It differs from
// [Process.ID], which is how its parent sees it, in another PID namespace.
func (p *Process) Getpid() (int, error) { return p.number("getpid", opGetpid) }

// Getppid is the number of the parent; 0 where that is in another PID
// namespace.
func (p *Process) Getppid() (int, error) { return p.number("getppid", opGetppid) }

// Getpgid is the process group of a process, 0 for p itself.
func (p *Process) Getpgid(pid int) (int, error) { return p.number("getpgid", opGetpgid, intArg(pid)) }

// Getpgrp is the process group of p.
func (p *Process) Getpgrp() (int, error) { return p.Getpgid(0) }

// Setpgid puts a process, 0 for p itself, into a process group, 0 for one of
// its own; see setpgid(2).
func (p *Process) Setpgid(pid, pgid int) error {
	return p.about("setpgid", pid, opSetpgid, intArg(pid), intArg(pgid))
}

// Getsid is the session of a process, 0 for p itself.
func (p *Process) Getsid(pid int) (int, error) { return p.number("getsid", opGetsid, intArg(pid)) }

// Setsid makes p the leader of a session, and of a process group, of its own,
// whose number it returns; see setsid(2).
func (p *Process) Setsid() (int, error) { return p.number("setsid", opSetsid) }

// Getuid is the real user.
func (p *Process) Getuid() (int, error) { return p.number("getuid", opGetuid) }

// Geteuid is the effective user.
func (p *Process) Geteuid() (int, error) { return p.number("geteuid", opGeteuid) }

// Getgid is the real group.
func (p *Process) Getgid() (int, error) { return p.number("getgid", opGetgid) }

// Getegid is the effective group.
func (p *Process) Getegid() (int, error) { return p.number("getegid", opGetegid) }

// Setuid sets the user; see setuid(2). On the host, where p is the first
// process, it and its relatives act on all threads of this program.
func (p *Process) Setuid(uid int) error { return p.about("setuid", uid, opSetuid, idArg(uid)) }

// Setgid sets the group; see setgid(2).
func (p *Process) Setgid(gid int) error { return p.about("setgid", gid, opSetgid, idArg(gid)) }

// Setreuid sets the real and the effective user; -1 leaves one as it is.
func (p *Process) Setreuid(real, effective int) error {
	return p.about("setreuid", []int{real, effective}, opSetreuid, idArg(real), idArg(effective))
}

// Setregid sets the real and the effective group; -1 leaves one as it is.
func (p *Process) Setregid(real, effective int) error {
	return p.about("setregid", []int{real, effective}, opSetregid, idArg(real), idArg(effective))
}

// IDs are the numbers of users, or of groups, that a process has.
type IDs struct{ Real, Effective, Saved int }

// Setresuid sets the users; -1 leaves one as it is. See setresuid(2).
func (p *Process) Setresuid(ids IDs) error {
	return p.about("setresuid", ids, opSetresuid, idArg(ids.Real), idArg(ids.Effective), idArg(ids.Saved))
}

// Setresgid sets the groups; -1 leaves one as it is.
func (p *Process) Setresgid(ids IDs) error {
	return p.about("setresgid", ids, opSetresgid, idArg(ids.Real), idArg(ids.Effective), idArg(ids.Saved))
}

// Getresuid is all users of p.
func (p *Process) Getresuid() (IDs, error) { return p.getres("getresuid", opGetresuid) }

// Getresgid is all groups of p, but for the supplementary ones.
func (p *Process) Getresgid() (IDs, error) { return p.getres("getresgid", opGetresgid) }

func (p *Process) getres(name string, o op) (IDs, error) {
	s := newScratch()
	defer s.free()
	var b [3][]byte
	var args [3]backends.Arg
	for i := range b {
		b[i] = s.zeroed(4)
		args[i] = backends.Mem(b[i], backends.Out)
	}
	if _, err := p.call(o, args[:]...); err != nil {
		return IDs{}, p.wrap(name, "", err)
	}
	order := p.k.tab.abi.Order
	return IDs{int(order.Uint32(b[0])), int(order.Uint32(b[1])), int(order.Uint32(b[2]))}, nil
}

// maxGroups is NGROUPS_MAX of Linux, which has the most.
const maxGroups = 65536

// Getgroups is the supplementary groups.
func (p *Process) Getgroups() ([]int, error) {
	n, err := p.number("getgroups", opGetgroups, backends.Arg{}, backends.Arg{})
	if err != nil || n <= 0 {
		return nil, err
	}
	b := make([]byte, 4*min(n, maxGroups))
	if n, err = p.number("getgroups", opGetgroups, intArg(len(b)/4), backends.Mem(b, backends.Out)); err != nil {
		return nil, err
	}
	groups := make([]int, min(max(n, 0), len(b)/4))
	for i := range groups {
		groups[i] = int(p.k.tab.abi.Order.Uint32(b[4*i:]))
	}
	return groups, nil
}

// Setgroups sets the supplementary groups.
func (p *Process) Setgroups(groups []int) error {
	if len(groups) > maxGroups {
		return p.wrap("setgroups", "", fmt.Errorf("%d groups, of at most %d: %w", len(groups), maxGroups, EINVAL))
	}
	b := make([]byte, 4*len(groups))
	for i, g := range groups {
		p.k.tab.abi.Order.PutUint32(b[4*i:], uint32(g))
	}
	return p.about("setgroups", groups, opSetgroups, intArg(len(groups)), backends.Mem(b, backends.In))
}
