package sys

import "github.com/anykernel/anykernel/backends"

var (
	opGetpriority = newOp("getpriority")
	opSetpriority = newOp("setpriority")
)

// A PriorityTarget says what the number given to [Process.Priority] is.
type PriorityTarget uint32

const (
	PRIO_PROCESS PriorityTarget = 0 // a process, 0 for the caller
	PRIO_PGRP    PriorityTarget = 1 // a process group
	PRIO_USER    PriorityTarget = 2 // all processes of a user
)

var priorityNames = enumTable{
	name:   "priority targets",
	prefix: "PRIO_",
	values: inOrder("PROCESS", "PGRP", "USER"),
}

// ParsePriorityTarget reads a name such as "process". The error is a
// [*NameError].
func ParsePriorityTarget(text string) (PriorityTarget, error) {
	v, err := priorityNames.parse(text)
	return PriorityTarget(v), err
}

// String is the name.
func (t PriorityTarget) String() string { return priorityNames.format(uint32(t)) }

// Priority is the nice value, from -20, which is served first, to 19 (20 on
// the BSDs), of a process, or the lowest in a set of them; see getpriority(2).
func (p *Process) Priority(t PriorityTarget, who int) (int, error) {
	which, err := p.k.tab.procs.priority.native(uint32(t))
	if err != nil {
		return 0, p.wrap("getpriority", "", err)
	}
	v, err := p.number("getpriority", opGetpriority, intArg(int(which)), intArg(who))
	if err == nil && p.k.tab.abi.OS == "linux" {
		v = 20 - v // Linux's call has no negative results
	}
	return v, err
}

// SetPriority sets the nice value of a process, or of a set of them.
func (p *Process) SetPriority(t PriorityTarget, who, nice int) error {
	which, err := p.k.tab.procs.priority.native(uint32(t))
	if err != nil {
		return p.wrap("setpriority", "", err)
	}
	return p.about("setpriority", who, opSetpriority, intArg(int(which)), intArg(who), backends.Int(uintptr(nice)))
}
