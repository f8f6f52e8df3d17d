package sys

import (
	"fmt"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var opGetrusage = newOp("getrusage")

// A UsageTarget says whose use of resources [Process.Getrusage] tells.
type UsageTarget uint32

const (
	RUSAGE_SELF     UsageTarget = iota // the process
	RUSAGE_CHILDREN                    // its children that ended and were waited for
	RUSAGE_THREAD                      // the thread; Linux and FreeBSD
)

var usageNames = enumTable{
	name:   "usage targets",
	prefix: "RUSAGE_",
	values: inOrder("SELF", "CHILDREN", "THREAD"),
}

// ParseUsageTarget reads a name such as "children". The error is a
// [*NameError].
func ParseUsageTarget(text string) (UsageTarget, error) {
	v, err := usageNames.parse(text)
	return UsageTarget(v), err
}

// String is the name.
func (t UsageTarget) String() string { return usageNames.format(uint32(t)) }

// A Rusage is what a process has used; see getrusage(2). What a kernel does
// not count is 0.
type Rusage struct {
	User, System time.Duration // CPU time in the program and in the kernel
	MaxRSS       int64         // most resident memory, in bytes
	MinorFaults  int64         // page faults without reading from a device
	MajorFaults  int64         // with it
	Swaps        int64
	BlocksIn     int64 // reads of file systems
	BlocksOut    int64 // writes of them
	MessagesOut  int64
	MessagesIn   int64
	Signals      int64
	Voluntary    int64 // context switches because it waited
	Involuntary  int64 // because its time was over
}

// String is the times and the memory, in one line.
func (u *Rusage) String() string {
	return fmt.Sprintf("%.3fs user %.3fs system %dk maxrss %d+%d faults %d+%d switches",
		u.User.Seconds(), u.System.Seconds(), u.MaxRSS>>10, u.MajorFaults, u.MinorFaults, u.Voluntary, u.Involuntary)
}

type rusageLayout struct {
	size         int
	user, system timevalField
	counts       [11]abi.Field
	maxRSSUnit   int64
}

// A timevalField is a timeval inside a structure.
type timevalField struct{ sec, usec abi.Field }

func (f timevalField) duration(b []byte, order abi.ByteOrder) time.Duration {
	return time.Duration(f.sec.Int(b, order))*time.Second + time.Duration(f.usec.Int(b, order))*time.Microsecond
}

func newRusageLayout(a *abi.ABI) rusageLayout {
	l := layoutOf(a, "rusage")
	t := rusageLayout{
		size:       l.Size,
		user:       timevalField{l.field("ru_utime.tv_sec"), l.field("ru_utime.tv_usec")},
		system:     timevalField{l.field("ru_stime.tv_sec"), l.field("ru_stime.tv_usec")},
		maxRSSUnit: 1 << 10,
	}
	if a.OS == "darwin" {
		t.maxRSSUnit = 1
	}
	for i, name := range [...]string{"ru_maxrss", "ru_minflt", "ru_majflt", "ru_nswap", "ru_inblock", "ru_oublock",
		"ru_msgsnd", "ru_msgrcv", "ru_nsignals", "ru_nvcsw", "ru_nivcsw"} {
		t.counts[i] = l.field(name)
	}
	return t
}

func (t *table) rusage(b []byte) Rusage {
	l, order := &t.procs.rusage, t.abi.Order
	u := Rusage{User: l.user.duration(b, order), System: l.system.duration(b, order)}
	for i, p := range [...]*int64{&u.MaxRSS, &u.MinorFaults, &u.MajorFaults, &u.Swaps, &u.BlocksIn, &u.BlocksOut,
		&u.MessagesOut, &u.MessagesIn, &u.Signals, &u.Voluntary, &u.Involuntary} {
		*p = l.counts[i].Int(b, order)
	}
	u.MaxRSS *= l.maxRSSUnit
	return u
}

// Getrusage is what was used.
func (p *Process) Getrusage(t UsageTarget) (Rusage, error) {
	who, err := p.k.tab.procs.usage.native(uint32(t))
	if err != nil {
		return Rusage{}, p.wrap("getrusage", "", err)
	}
	s := newScratch()
	defer s.free()
	b := s.zeroed(p.k.tab.procs.rusage.size)
	if _, err := p.call(opGetrusage, intArg(int(int32(who))), backends.Mem(b, backends.Out)); err != nil {
		return Rusage{}, p.wrap("getrusage", t.String(), err)
	}
	return p.k.tab.rusage(b), nil
}
