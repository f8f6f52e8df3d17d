package linux

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// Namespaces are kinds of namespaces, and the other things that a process can
// stop sharing by unshare(2).
type Namespaces uint32

const (
	CLONE_NEWTIME   Namespaces = 0x80
	CLONE_FS        Namespaces = 0x200 // root, directory and umask
	CLONE_FILES     Namespaces = 0x400 // the table of descriptors
	CLONE_NEWNS     Namespaces = 0x20000
	CLONE_SYSVSEM   Namespaces = 0x40000
	CLONE_NEWCGROUP Namespaces = 0x2000000
	CLONE_NEWUTS    Namespaces = 0x4000000
	CLONE_NEWIPC    Namespaces = 0x8000000
	CLONE_NEWUSER   Namespaces = 0x10000000
	CLONE_NEWPID    Namespaces = 0x20000000
	CLONE_NEWNET    Namespaces = 0x40000000
)

var namespaces = sys.NewFlagNames("namespaces", "CLONE_",
	name("NEWTIME", uint64(CLONE_NEWTIME)),
	name("FS", uint64(CLONE_FS)),
	name("FILES", uint64(CLONE_FILES)),
	name("NEWNS", uint64(CLONE_NEWNS)),
	name("SYSVSEM", uint64(CLONE_SYSVSEM)),
	name("NEWCGROUP", uint64(CLONE_NEWCGROUP)),
	name("NEWUTS", uint64(CLONE_NEWUTS)),
	name("NEWIPC", uint64(CLONE_NEWIPC)),
	name("NEWUSER", uint64(CLONE_NEWUSER)),
	name("NEWPID", uint64(CLONE_NEWPID)),
	name("NEWNET", uint64(CLONE_NEWNET)))

// ParseNamespaces reads kinds by name, such as "newnet, newuts". The error is
// a [*sys.NameError].
func ParseNamespaces(text string) (Namespaces, error) {
	v, err := namespaces.Parse(text)
	return Namespaces(v), err
}

// String is the kinds by name.
func (n Namespaces) String() string { return namespaces.Format(uint64(n)) }

// Unshare puts p into new namespaces of these kinds; of CLONE_NEWPID and
// CLONE_NEWTIME, its future children. See unshare(2).
//
// On the host it needs a process made by Fork, because namespaces belong to
// threads there. Such a process cannot make threads after CLONE_NEWPID: its
// calls are made one after the other from then on, those that block too.
func Unshare(p *sys.Process, n Namespaces) error {
	arg, err := flagArg(p, namespaces, uint64(n))
	if err == nil {
		_, err = p.Call("unshare", arg)
		return err
	}
	return p.Fail("unshare", n.String(), err)
}

// Setns puts p into the namespace that f is open on, such as /proc/1/ns/net,
// or into those of the process that the pidfd f is of. kinds limits it to
// these kinds, 0 to none; a pidfd needs them. See setns(2).
func Setns(p *sys.Process, f *sys.File, kinds Namespaces) error {
	arg, err := flagArg(p, namespaces, uint64(kinds))
	if err != nil {
		return p.Fail("setns", f.Name(), err)
	}
	return f.Use(func(fd int) error {
		_, err := p.Call("setns", integer(fd), arg)
		return err
	})
}

// PivotRoot makes newRoot, a mount, the root of p's mount namespace, and puts
// the old root at putOld, which lies below it; see pivot_root(2).
func PivotRoot(p *sys.Process, newRoot, putOld string) error {
	to, err := sys.CString(newRoot)
	if err != nil {
		return p.Fail("pivot_root", newRoot, err)
	}
	old, err := sys.CString(putOld)
	if err != nil {
		return p.Fail("pivot_root", putOld, err)
	}
	_, err = p.Call("pivot_root", to, old)
	return err
}

// PidfdOpen is a file that stands for the process pid of p's PID namespace; it
// is readable when that has ended. See pidfd_open(2).
func PidfdOpen(p *sys.Process, pid int) (*sys.File, error) {
	const nonblock = 0o4000 // PIDFD_NONBLOCK, so that the poller can wait
	fd, err := p.Call("pidfd_open", integer(pid), backends.Int(nonblock))
	if err != nil {
		return nil, err
	}
	return p.NewFile(int(fd), fmt.Sprintf("process %d", pid)), nil
}
