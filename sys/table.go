package sys

import (
	"sync"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// A table is what this package needs to know of an ABI, looked up once: call
// numbers, where structures hold what, and how portable numbers translate.
// It is immutable and shared by all kernels of that ABI.
type table struct {
	abi    *abi.ABI
	calls  []callNumber // by op
	eintr  abi.Errno
	open   bitTranslation
	files  fileTable
	poll   pollTable
	procs  procTable
	socket socketTable
	kevent keventLayout

	atFDCWD int
}

var tables sync.Map // *abi.ABI → *table

func tableOf(a *abi.ABI) *table {
	if t, ok := tables.Load(a); ok {
		return t.(*table)
	}
	stored, _ := tables.LoadOrStore(a, newTable(a))
	return stored.(*table)
}

func newTable(a *abi.ABI) *table {
	t := &table{abi: a, calls: make([]callNumber, len(ops)), eintr: errnoNumber(a, "EINTR")}
	for o := range ops {
		t.calls[o] = findCall(a, &ops[o])
	}
	cwd, _ := a.Const("AT_FDCWD")
	t.atFDCWD = int(cwd)
	t.open = openFlags.translation(a)
	t.files = newFileTable(a)
	t.poll = newPollTable(a)
	t.procs = newProcTable(a)
	t.socket = newSocketTable(a)
	t.kevent = newKeventLayout(a)
	return t
}

// has reports whether the ABI has a call.
func (t *table) has(o op) bool { return t.calls[o].num != noCall }

func errnoNumber(a *abi.ABI, name string) abi.Errno {
	for _, e := range a.Errnos() {
		if e.Name == name {
			return e.Errno
		}
	}
	return 0
}

// place puts portable arguments where the ABI wants them.
func (n *callNumber) place(dst *[backends.MaxArgs]backends.Arg, args []backends.Arg) {
	if n.pad < 0 || int(n.pad) >= len(args) {
		copy(dst[:], args)
		return
	}
	copy(dst[:n.pad], args)
	copy(dst[n.pad+1:], args[n.pad:])
}
