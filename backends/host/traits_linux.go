//go:build amd64 || arm64

package host

import (
	"strings"
	"sync"

	"github.com/anykernel/anykernel/sys/abi"
)

// A trait is what must be known of a call to make it on the right thread.
type trait uint8

const (
	// blocking is every call that is not named below: it may block, and any
	// thread of the process may make it.
	blocking trait = iota
	// waiting is blocking, and may end a child's life as a zombie.
	waiting
	// quick never blocks, and says the same on every thread.
	quick
	// reading tells an attribute of the calling thread. In a process made by
	// Fork the leader makes it.
	reading
	// changing changes attributes that Linux keeps for each thread. In a
	// process made by Fork the leader makes it, and all other threads are
	// made anew from the leader; in the first process it is refused.
	changing
	// joining is changing, and changes credentials in some cases.
	joining
	// credentials is changing, but in the first process it is made on all
	// threads, as POSIX has it.
	credentials
	// prctl is any of the above.
	prctl
	// exec ends all threads but does not end the process.
	exec
	// exit ends one thread; in a process whose threads nobody sees it ends
	// the process.
	exit
	// forbidden would break the loop or Go's runtime.
	forbidden
)

// traitCalls names the calls of each trait, in any architecture's spelling.
var traitCalls = map[trait]string{
	waiting: "wait4 waitid",
	quick: `getpid getppid gettid getuid geteuid getgid getegid getpgid getpgrp getsid getresuid
		getresgid getgroups getrusage getrlimit setrlimit umask uname sysinfo times time gettimeofday
		clock_gettime clock_getres getcpu getitimer setitimer alarm kill tkill tgkill
		rt_sigaction getrandom eventfd2 epoll_create1 timerfd_gettime sched_yield`,
	reading: `getpriority ioprio_get sched_getparam sched_getscheduler sched_getaffinity sched_getattr
		sched_rr_get_interval capget rt_sigpending get_mempolicy get_robust_list`,
	joining: "unshare setns",
	changing: `setpriority ioprio_set sched_setparam sched_setscheduler sched_setaffinity
		sched_setattr seccomp personality rt_sigprocmask landlock_restrict_self set_mempolicy
		keyctl add_key request_key ptrace`,
	credentials: `setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset`,
	prctl:       "prctl",
	exec:        "execve execveat",
	exit:        "exit",
	forbidden: `clone clone3 fork vfork rt_sigreturn set_tid_address set_robust_list rseq
		sigaltstack arch_prctl set_thread_area modify_ldt restart_syscall`,
}

// traitTable is the traits of an ABI's calls by number.
type traitTable [512]trait

func newTraitTable(a *abi.ABI) *traitTable {
	t := new(traitTable)
	for tr, names := range traitCalls {
		for name := range strings.FieldsSeq(names) {
			if num, ok := a.Call(name); ok && num < uintptr(len(t)) {
				t[num] = tr
			}
		}
	}
	return t
}

func (t *traitTable) of(num uintptr) trait {
	if num >= uintptr(len(t)) {
		return blocking
	}
	return t[num]
}

var hostTraits = sync.OnceValue(func() *traitTable { return newTraitTable(hostABI) })
