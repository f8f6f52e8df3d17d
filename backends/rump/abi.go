//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/anykernel/anykernel/rump"
	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
)

// netbsdABI is NetBSD's on this machine, with the calls of all its releases.
func netbsdABI() *abi.ABI {
	if runtime.GOARCH == "arm64" {
		return netbsd.ARM64
	}
	return netbsd.AMD64
}

// callSet is a set of call numbers.
type callSet [rump.NumCalls / 64]uint64

func (s *callSet) add(n uintptr)      { s[n/64] |= 1 << (n % 64) }
func (s *callSet) has(n uintptr) bool { return n < rump.NumCalls && s[n/64]>>(n%64)&1 != 0 }

// abis keeps one ABI for each set of calls: kernels of the same components
// share it.
var abis struct {
	sync.Mutex
	m map[callSet]*abi.ABI
}

// abiOf is NetBSD's ABI with those calls alone that a kernel has. A call that
// a later release changed is left as the kernel's own release has it.
func abiOf(k *rump.Kernel) *abi.ABI {
	calls := k.Calls()
	if calls == nil {
		return netbsdABI()
	}
	var set callSet
	for _, n := range calls {
		set.add(n)
	}
	abis.Lock()
	defer abis.Unlock()
	if a, ok := abis.m[set]; ok {
		return a
	}
	if abis.m == nil {
		abis.m = map[callSet]*abi.ABI{}
	}
	a := restrict(netbsdABI(), &set)
	abis.m[set] = a
	return a
}

// restrict is a with the calls of a set alone.
func restrict(a *abi.ABI, set *callSet) *abi.ABI {
	var calls []abi.Number
	for _, c := range a.Calls() {
		if set.has(uintptr(c.Value)) {
			calls = append(calls, c)
		}
	}
	var ioctls []abi.IoctlInfo
	for d := a.Data; d != nil; d = d.Base {
		ioctls = append(ioctls, d.Ioctls...)
	}
	slices.SortFunc(ioctls, func(a, b abi.IoctlInfo) int { return strings.Compare(a.Name, b.Name) })
	return abi.New(*a, &abi.Data{
		Calls: calls, Consts: a.Consts(), Errnos: a.Errnos(), Layouts: a.Layouts(), Ioctls: ioctls,
	})
}
