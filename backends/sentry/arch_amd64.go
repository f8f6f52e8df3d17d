//go:build linux

package sentry

import (
	"debug/elf"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	sentrylinux "gvisor.dev/gvisor/pkg/sentry/syscalls/linux"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/linux"
)

// What the package needs to know of the machine: how a call stands in the
// registers, and where user memory ends.

const (
	elfMachine = elf.EM_X86_64
	userMax    = 0x7ffffffff000 // end of user addresses, four-level page tables
	callLength = 2              // of the instruction SYSCALL
	returnPops = 8              // what a handler's RET takes from the stack
)

func hostABI() *abi.ABI { return linux.AMD64 }

// machineName is what uname(2) calls the machine.
const machineName = "x86_64"

func syscallTable() *kernel.SyscallTable { return sentrylinux.AMD64 }

// setCall puts a call into the registers as if SYSCALL had been executed.
func setCall(ac *arch.Context64, nr uintptr, a *arch.SyscallArguments) {
	r := &ac.Regs
	r.Orig_rax, r.Rax = uint64(nr), uint64(nr)
	r.Rdi, r.Rsi, r.Rdx = a[0].Uint64(), a[1].Uint64(), a[2].Uint64()
	r.R10, r.R8, r.R9 = a[3].Uint64(), a[4].Uint64(), a[5].Uint64()
}

// setRestart executes again the call that the kernel backed up to.
func setRestart(ac *arch.Context64) { ac.Regs.Orig_rax = ac.Regs.Rax }

// setNumber puts a call without arguments into the registers.
func setNumber(ac *arch.Context64, nr uintptr) {
	ac.Regs.Orig_rax, ac.Regs.Rax = uint64(nr), uint64(nr)
}

// dropFrame does what a signal handler does that returns at once.
func dropFrame(ac *arch.Context64) { ac.SetStack(ac.Stack() + returnPops) }

// archClasses is the class of calls that only this machine has.
var archClasses = map[uintptr]class{
	unix.SYS_FORK:       cloning,
	unix.SYS_VFORK:      cloning,
	unix.SYS_PAUSE:      leading,
	unix.SYS_ARCH_PRCTL: changing,
}

// archOwn is our own version of calls that only this machine has.
var archOwn = map[uintptr]func(kernel.SyscallFn) kernel.SyscallFn{
	unix.SYS_OPEN: openDirectory(1),
}

// windowHint is where the window is wanted: anywhere.
const windowHint = 0
