//go:build linux

package sentry

import (
	"debug/elf"

	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	sentrylinux "gvisor.dev/gvisor/pkg/sentry/syscalls/linux"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/linux"
)

// What the package needs to know of the machine: how a call stands in the
// registers, and where user memory ends.

const (
	elfMachine = elf.EM_AARCH64
	userMax    = 0xfffffffff000 // end of user addresses, 48 bits
	callLength = 4              // of the instruction SVC
)

func hostABI() *abi.ABI { return linux.ARM64 }

// machineName is what uname(2) calls the machine.
const machineName = "aarch64"

func syscallTable() *kernel.SyscallTable { return sentrylinux.ARM64 }

// setCall puts a call into the registers as if SVC had been executed.
func setCall(ac *arch.Context64, nr uintptr, a *arch.SyscallArguments) {
	r := &ac.Regs.Regs
	for i := range a {
		r[i] = a[i].Uint64()
	}
	r[8] = uint64(nr)
	ac.OrigR0 = r[0]
}

// setRestart executes again the call that the kernel backed up to: number and
// arguments stand in the registers already.
func setRestart(*arch.Context64) {}

// setNumber puts a call without arguments into the registers.
func setNumber(ac *arch.Context64, nr uintptr) { ac.Regs.Regs[8] = uint64(nr) }

// dropFrame does what a signal handler does that returns at once: the return
// address is in a register.
func dropFrame(*arch.Context64) {}

// archClasses is the class of calls that only this machine has.
var archClasses = map[uintptr]class{}

// archOwn is our own version of calls that only this machine has.
var archOwn = map[uintptr]func(kernel.SyscallFn) kernel.SyscallFn{}

// windowHint is where the window is wanted. gVisor lays images out some 40 TiB
// below its end, whatever that is.
const windowHint = 0x6000_0000_0000
