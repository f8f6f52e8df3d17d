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
	abi   *abi.ABI
	calls [opCount]callNumber
	eintr abi.Errno
	open  bitTranslation

	atFDCWD int
}

var tables sync.Map // *abi.ABI → *table

func tableOf(a *abi.ABI) *table {
	if t, ok := tables.Load(a); ok {
		return t.(*table)
	}
	t := &table{abi: a, eintr: errnoNumber(a, "EINTR")}
	for o := range opCount {
		t.calls[o] = findCall(a, &opNames[o])
	}
	cwd, _ := a.Const("AT_FDCWD")
	t.atFDCWD = int(cwd)
	t.open = openFlags.translation(a)
	stored, _ := tables.LoadOrStore(a, t)
	return stored.(*table)
}

func errnoNumber(a *abi.ABI, name string) abi.Errno {
	for _, e := range a.Errnos() {
		if e.Name == name {
			return e.Errno
		}
	}
	return 0
}

const noCall = ^uint32(0)

// A callNumber is how an ABI makes a call: its number, and where it has an
// argument that only pads.
type callNumber struct {
	num uint32
	pad int8 // position of the padding, -1 for none
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

// findCall tries the names that a call goes by, the best first.
func findCall(a *abi.ABI, names *opInfo) callNumber {
	for _, name := range names.names {
		if num, ok := a.Call(name); ok {
			n := callNumber{num: uint32(num), pad: -1}
			if names.pad > 0 && padsOffsets(a) {
				n.pad = names.pad
			}
			return n
		}
	}
	return callNumber{num: noCall, pad: -1}
}

// padsOffsets reports whether the ABI puts an unused word before a 64-bit
// offset, as NetBSD and OpenBSD do.
func padsOffsets(a *abi.ABI) bool { return a.OS == "netbsd" || a.OS == "openbsd" }
