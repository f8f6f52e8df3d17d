package sys

import (
	"fmt"
	"strconv"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opGetrlimit = newOp("getrlimit")
	opSetrlimit = newOp("setrlimit")
	opPrlimit   = newOp("prlimit64")
)

// A Resource is something that a process may use so much of.
type Resource uint32

const (
	RLIMIT_CPU        Resource = iota // seconds of CPU time
	RLIMIT_FSIZE                      // the largest file that it makes, in bytes
	RLIMIT_DATA                       // its data segment, in bytes
	RLIMIT_STACK                      // its stack, in bytes
	RLIMIT_CORE                       // the largest core file, in bytes
	RLIMIT_RSS                        // its resident memory, in bytes
	RLIMIT_NPROC                      // processes of its user
	RLIMIT_NOFILE                     // one more than the highest descriptor
	RLIMIT_MEMLOCK                    // locked memory, in bytes
	RLIMIT_AS                         // its address space, in bytes
	RLIMIT_LOCKS                      // file locks
	RLIMIT_SIGPENDING                 // signals that wait
	RLIMIT_MSGQUEUE                   // bytes in message queues
	RLIMIT_NICE                       // 20 less the lowest nice value
	RLIMIT_RTPRIO                     // real-time priority
	RLIMIT_RTTIME                     // microseconds of real-time CPU use without a pause
	RLIMIT_SBSIZE                     // socket buffers of its user, in bytes; BSD
)

var resourceNames = enumTable{
	name:   "resources",
	prefix: "RLIMIT_",
	values: inOrder("CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS",
		"LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME", "SBSIZE"),
}

// ParseResource reads a name such as "nofile". The error is a [*NameError].
func ParseResource(text string) (Resource, error) {
	v, err := resourceNames.parse(text)
	return Resource(v), err
}

// String is the name, such as "RLIMIT_NOFILE".
func (r Resource) String() string { return resourceNames.format(uint32(r)) }

// Unlimited is a limit that is none, in every ABI.
const Unlimited = ^uint64(0)

// An Rlimit is the limits of a resource: the one that holds, and how far the
// process may raise it.
type Rlimit struct{ Cur, Max uint64 }

// String is both, such as "1024/unlimited".
func (l Rlimit) String() string { return limitText(l.Cur) + "/" + limitText(l.Max) }

func limitText(v uint64) string {
	if v == Unlimited {
		return "unlimited"
	}
	return strconv.FormatUint(v, 10)
}

type rlimitLayout struct {
	size     int
	cur, max abi.Field
}

func newRlimitLayout(a *abi.ABI) rlimitLayout {
	l := layoutOf(a, "rlimit")
	return rlimitLayout{l.Size, l.field("rlim_cur", "cur"), l.field("rlim_max", "max")}
}

// Getrlimit is the limits of a resource.
func (p *Process) Getrlimit(r Resource) (Rlimit, error) {
	native, err := p.k.tab.procs.resources.native(uint32(r))
	if err != nil {
		return Rlimit{}, p.wrap("getrlimit", "", err)
	}
	s := newScratch()
	defer s.free()
	b := s.zeroed(p.k.tab.procs.rlimit.size)
	if _, err := p.call(opGetrlimit, intArg(int(native)), backends.Mem(b, backends.Out)); err != nil {
		return Rlimit{}, p.wrap("getrlimit", r.String(), err)
	}
	return p.k.tab.rlimit(b), nil
}

// Setrlimit sets the limits of a resource.
func (p *Process) Setrlimit(r Resource, l Rlimit) error {
	native, err := p.k.tab.procs.resources.native(uint32(r))
	if err != nil {
		return p.wrap("setrlimit", "", err)
	}
	s := newScratch()
	defer s.free()
	b, err := p.k.tab.putRlimit(s, l)
	if err == nil {
		_, err = p.call(opSetrlimit, intArg(int(native)), backends.Mem(b, backends.In))
	}
	return p.wrap("setrlimit", r.String(), err)
}

// Prlimit is the limits of a resource of another process, 0 for p itself, and
// sets them where l is not nil; see prlimit(2). Linux.
func (p *Process) Prlimit(pid int, r Resource, l *Rlimit) (old Rlimit, err error) {
	native, err := p.k.tab.procs.resources.native(uint32(r))
	if err != nil {
		return Rlimit{}, p.wrap("prlimit", "", err)
	}
	s := newScratch()
	defer s.free()
	b := s.zeroed(p.k.tab.procs.rlimit.size)
	arg := backends.Arg{}
	if l != nil {
		in, err := p.k.tab.putRlimit(s, *l)
		if err != nil {
			return Rlimit{}, p.wrap("prlimit", r.String(), err)
		}
		arg = backends.Mem(in, backends.In)
	}
	if _, err := p.call(opPrlimit, intArg(pid), intArg(int(native)), arg, backends.Mem(b, backends.Out)); err != nil {
		return Rlimit{}, p.wrap("prlimit", fmt.Sprintf("%v of process %d", r, pid), err)
	}
	return p.k.tab.rlimit(b), nil
}

func (t *table) rlimit(b []byte) Rlimit {
	lay := &t.procs.rlimit
	l := Rlimit{lay.cur.Uint(b, t.abi.Order), lay.max.Uint(b, t.abi.Order)}
	for _, v := range []*uint64{&l.Cur, &l.Max} {
		if *v >= t.procs.infinity {
			*v = Unlimited
		}
	}
	return l
}

func (t *table) putRlimit(s *scratch, l Rlimit) ([]byte, error) {
	b := s.zeroed(t.procs.rlimit.size)
	for _, f := range []struct {
		field abi.Field
		v     uint64
	}{{t.procs.rlimit.cur, l.Cur}, {t.procs.rlimit.max, l.Max}} {
		if f.v == Unlimited {
			f.v = t.procs.infinity
		}
		if f.v > t.procs.infinity || !f.field.PutUint(b, t.abi.Order, f.v) {
			return nil, fmt.Errorf("a limit of %d is more than the kernel can hold: %w", f.v, EINVAL)
		}
	}
	return b, nil
}
