//go:build linux && (amd64 || arm64)

package sentry

import (
	"sync"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/sentry/kernel"

	"github.com/anykernel/anykernel/backends"
)

// direct is gVisor's calls by number, for callers that run them themselves.
var direct [parkCall + 1]kernel.SyscallFn

// hookCalls puts our own calls into gVisor's table, once per process. The
// table is shared by every kernel of the process.
var hookCalls = sync.OnceFunc(func() {
	table := syscallTable()
	own(table, unix.SYS_GETRANDOM, getrandom)
	own(table, unix.SYS_TIMER_CREATE, countTimers)
	own(table, unix.SYS_OPENAT, openDirectory(2))
	own(table, unix.SYS_STATFS, honestSize)
	own(table, unix.SYS_FSTATFS, honestSize)
	for nr, ours := range archOwn {
		own(table, nr, ours)
	}
	for nr, call := range table.Table {
		direct[nr] = call.Fn
	}
	table.Table[parkCall] = kernel.Syscall{Name: "park", Fn: park}
	table.Init()
})

// own replaces one of gVisor's calls by one of ours.
func own(table *kernel.SyscallTable, nr uintptr, ours func(gvisors kernel.SyscallFn) kernel.SyscallFn) {
	call := table.Table[nr]
	call.Fn = ours(call.Fn)
	table.Table[nr] = call
}

// A class says how a call is made.
type class uint8

const (
	ordinary class = iota
	// leading calls run on the leader, because their answer is about the
	// thread that makes them (kill tells the receiver which it was), or
	// because signals to the process should end them.
	leading
	// changing calls run on the leader and change what Linux keeps per
	// thread: the workers are replaced by new ones, which inherit it.
	changing
	// masking calls set a signal mask while they run if the argument at
	// maskArg points to one; the loop sets the old mask again.
	masking
	// suspending calls do so always, and wait for signals to the process.
	suspending
	// looped calls must run in the loop.
	looped
	// executing calls replace the image of the process.
	executing
	// exiting calls end the process.
	exiting
	// cloning calls make a process or thread.
	cloning
)

// classes is the class of every call that is not ordinary.
var classes = [...]struct {
	class class
	calls []uintptr
}{
	{leading, []uintptr{unix.SYS_GETTID, unix.SYS_RT_SIGPENDING, unix.SYS_RT_SIGTIMEDWAIT, unix.SYS_KILL}},
	{changing, []uintptr{
		unix.SYS_SETUID, unix.SYS_SETGID, unix.SYS_SETREUID, unix.SYS_SETREGID, unix.SYS_SETRESUID, unix.SYS_SETRESGID,
		unix.SYS_SETFSUID, unix.SYS_SETFSGID, unix.SYS_SETGROUPS, unix.SYS_CAPSET, unix.SYS_KEYCTL,
		unix.SYS_PRCTL, unix.SYS_SECCOMP, unix.SYS_PERSONALITY,
		unix.SYS_UNSHARE, unix.SYS_SETNS,
		unix.SYS_RT_SIGPROCMASK, unix.SYS_SIGALTSTACK,
		unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_SETATTR,
		unix.SYS_SETPRIORITY, unix.SYS_IOPRIO_SET, unix.SYS_SET_MEMPOLICY,
		unix.SYS_SET_TID_ADDRESS, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ,
	}},
	{masking, []uintptr{unix.SYS_PPOLL, unix.SYS_PSELECT6, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2}},
	{suspending, []uintptr{unix.SYS_RT_SIGSUSPEND}},
	{looped, []uintptr{unix.SYS_RT_SIGRETURN, unix.SYS_RESTART_SYSCALL, unix.SYS_PTRACE}},
	{executing, []uintptr{unix.SYS_EXECVE, unix.SYS_EXECVEAT}},
	{exiting, []uintptr{unix.SYS_EXIT, unix.SYS_EXIT_GROUP}},
	{cloning, []uintptr{unix.SYS_CLONE, unix.SYS_CLONE3}},
}

var classOf = func() (table [parkCall + 1]class) {
	for _, c := range classes {
		for _, nr := range c.calls {
			table[nr] = c.class
		}
	}
	for nr, c := range archClasses {
		table[nr] = c
	}
	return table
}()

// maskArg is where the mask of a masking call stands.
func maskArg(nr uintptr) int {
	switch nr {
	case unix.SYS_PSELECT6:
		return 5
	case unix.SYS_PPOLL:
		return 3
	}
	return 4
}

func hasMask(c *backends.Call) bool { return c.Args[maskArg(c.Num)].Word() != 0 }
