//go:build linux && (amd64 || arm64)

package sentry

import (
	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
)

// gVisor gives file systems in memory that have no bound the greatest size
// there is. Linux gives them none, and df leaves them out.

// unboundedBlocks is more than a file system with a bound has.
const unboundedBlocks = 1 << 50

// honestSize is statfs or fstatfs, whose buffer is argument 1.
func honestSize(gvisors kernel.SyscallFn) kernel.SyscallFn {
	return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
		r, ctrl, err := gvisors(t, nr, args)
		if err != nil {
			return r, ctrl, err
		}
		var st linux.Statfs
		if _, err := st.CopyIn(t, args[1].Pointer()); err != nil {
			return 0, nil, err
		}
		if st.Blocks < unboundedBlocks {
			return r, ctrl, nil
		}
		st.Blocks, st.BlocksFree, st.BlocksAvailable = 0, 0, 0
		_, err = st.CopyOut(t, args[1].Pointer())
		return r, ctrl, err
	}
}
