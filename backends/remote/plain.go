package remote

import (
	"context"
	"errors"
	"fmt"

	"github.com/anykernel/anykernel/backends"
)

// A rump_server says little of itself. What it can do is found by trying.

// by makes a call by name.
func (p *Process) by(ctx context.Context, name string, args ...backends.Arg) (uintptr, error) {
	num, ok := p.k.abi.Call(name)
	if !ok {
		return 0, fmt.Errorf("the ABI has no call %s", name)
	}
	c := backends.Call{Num: num, Cancel: ctx.Done()}
	copy(c.Args[:], args)
	r, _, err := p.Call(c)
	return r, err
}

// findID asks the kernel for the number of the process.
func (p *Process) findID(ctx context.Context) error {
	pid, err := p.by(ctx, "getpid")
	p.pid = int(pid)
	return err
}

// closeFrom closes descriptors from fd on.
func (p *Process) closeFrom(ctx context.Context, fd int) error {
	cmd, ok := p.k.abi.Const("F_CLOSEM")
	if !ok {
		return errors.New("the ABI has no F_CLOSEM")
	}
	_, err := p.by(ctx, "fcntl", backends.Int(uintptr(fd)), backends.Int(uintptr(cmd)))
	if errnoOf(err) == eBADF {
		return nil // there was none
	}
	return err
}

// Numbers of NetBSD's errors.
const (
	eBADF  = 9
	eNOSYS = 78
)

// probes are calls that tell whether the kernel has something. All descriptors
// that they open are closed.
var probes = []struct {
	caps []backends.Capability
	call string
	args []backends.Arg
}{
	{[]backends.Capability{backends.Files}, "open", []backends.Arg{path("/"), backends.Int(0)}},
	{[]backends.Capability{backends.Kqueue}, "kqueue", nil},
	{[]backends.Capability{backends.TCP, backends.RawSockets}, "socket", []backends.Arg{backends.Int(2), backends.Int(1)}},
	{[]backends.Capability{backends.IPv6}, "socket", []backends.Arg{backends.Int(24), backends.Int(1)}},
	{[]backends.Capability{backends.Unix}, "socket", []backends.Arg{backends.Int(1), backends.Int(1)}},
}

func path(s string) backends.Arg { return backends.Mem(append([]byte(s), 0), backends.In) }

// lacks are what a client of a rump_server never has.
var lacks = map[backends.Capability]string{
	backends.Mounts:     "the server does not tell whether it has a file system in memory",
	backends.Xattrs:     "the server does not tell whether it has a file system with them",
	backends.Processes:  "a rump kernel has Fork, but no exit, wait or exec",
	backends.Signals:    "nobody catches the signals of a client",
	backends.Interrupts: "a rump_server cannot interrupt a call: one that is cancelled is given up",
	backends.Hostname:   "the server may have other clients",
	backends.Netlink:    "NetBSD has the route socket instead",
	backends.Epoll:      "NetBSD has kqueue instead",
	backends.Inotify:    "NetBSD has kqueue instead",
	backends.Memfd:      "NetBSD has no memfd_create",
	backends.Splice:     "NetBSD has no splice",
	backends.Namespaces: "NetBSD has no namespaces",
	backends.Seccomp:    "NetBSD has no seccomp",
}

// probe finds out what a rump_server has.
func (k *Kernel) probe(ctx context.Context) error {
	k.abi = k.abi.Restrict(callNumbers(k.abi, k.knows))
	if err := k.init.findID(ctx); err != nil {
		return err
	}
	k.caps = backends.Capabilities{backends.Isolated: ""}
	for name, reason := range lacks {
		k.caps[name] = reason
	}
	for _, probe := range probes {
		fd, err := k.init.by(ctx, probe.call, probe.args...)
		reason := ""
		if err != nil {
			if errnoOf(err) == 0 {
				return err
			}
			reason = fmt.Sprintf("the server has none: %s fails with error %d", probe.call, errnoOf(err))
		} else if _, err := k.init.by(ctx, "close", backends.Int(fd)); err != nil {
			return err
		}
		for _, c := range probe.caps {
			k.caps[c] = reason
		}
	}
	return nil
}

// knows reports whether a kernel has a call, by its release. The numbers above
// are of NetBSD 9 and later. Source: sys/kern/syscalls.master.
func (k *Kernel) knows(n int64) bool {
	const lastOf8 = 482
	var major int
	_, _ = fmt.Sscanf(k.banner.Release, "%d", &major)
	return major >= 9 || n <= lastOf8
}
