//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"fmt"
	"strings"
	"time"

	"github.com/anykernel/anykernel/hypercall/rumpuser"
)

// GuestMemory is where a process has its memory that is not in this address
// space.
type GuestMemory = rumpuser.GuestMemory

// GuestComponent is the component that gives a kernel guests.
const GuestComponent = "kern_sysproxy"

// A Guest is a process whose calls reach no memory of this process, but what
// they bring ([rumpuser.Thread.SetArea]) or, where they bring none, what a
// [GuestMemory] gives them.
type Guest struct {
	*Process
}

// NewGuest makes a guest, a child of the first process with no files open but
// the console. The kernel has the [GuestComponent].
func (k *Kernel) NewGuest(name string) (*Guest, error) {
	t, err := k.host.NewThread()
	if err != nil {
		return nil, err
	}
	g, err := k.fork(t, forkClean, name)
	if err != nil {
		t.Free()
	}
	return g, err
}

// fork makes a guest whose first LWP is then the thread's.
func (k *Kernel) fork(t *LWP, flags uintptr, name string) (*Guest, error) {
	host := rumpuser.NewGuest()
	errno, err := t.ForkGuest(host, int(flags), name)
	if err != nil {
		host.Free()
		return nil, k.why(err)
	}
	if errno != 0 {
		host.Free()
		return nil, fmt.Errorf("a process for a client: error %d (the kernel needs the component %s)", errno, GuestComponent)
	}
	t.SetGuest(host)
	pid, _, _, err := t.Syscall(sysGetpid)
	if err != nil {
		return nil, k.why(err)
	}
	p, err := k.addProcess(int(pid), t, host)
	if err != nil {
		return nil, err
	}
	return &Guest{p}, nil
}

// SetMemory says where calls that bring no memory find theirs. nil: nowhere.
func (g *Guest) SetMemory(m GuestMemory) { g.lwps.guest.SetMemory(m) }

// Fork makes a child, as [Process.Fork] does, which is a guest too.
func (g *Guest) Fork(clean, shared bool) (*Guest, error) {
	t, err := g.lwps.take()
	if err != nil {
		return nil, err
	}
	defer g.lwps.give(t)
	// The kernel makes the child's LWP that of the thread that forks. So a
	// thread of the child's own does, in the parent's LWP.
	first, err := g.k.host.NewThread()
	if err != nil {
		return nil, err
	}
	first.SetLWP(t.LWP())
	child, err := g.k.fork(first, forkFlags(clean, shared), "")
	if err != nil {
		first.Free()
	}
	return child, err
}

// Exec tells the kernel that the process runs another program: calls in flight
// are interrupted, and descriptors that say so are closed.
func (g *Guest) Exec(name string) error {
	l := &g.lwps
	l.close()
	defer l.open()
	for !l.wait(time.Now().Add(10 * time.Millisecond)) {
		l.interrupt()
	}
	release := g.k.Symbol("rump_pub_lwproc_releaselwp")
	t, err := l.reduce(func(t *LWP) error { _, err := t.Invoke(release); return err })
	if err == nil {
		t.Uninterrupt()
		err = t.Exec(name)
	}
	return g.k.why(err)
}

// System is what the kernel calls itself: the name of the system, its release
// and the machine.
func (k *Kernel) System() (name, release, machine string) {
	text := func(variable string) string {
		b := k.image.Constant(variable)
		s, _, _ := strings.Cut(string(b), "\x00")
		return s
	}
	return text("rumpns_ostype"), text("rumpns_osrelease"), text("rumpns_machine")
}
