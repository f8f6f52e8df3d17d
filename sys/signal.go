package sys

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/sys/abi"
)

var opKill = newOp("kill")

// A Signal is a portable signal number. Those that Linux has carry its
// numbers; SIGRTMIN to SIGRTMAX are the real-time signals that Linux leaves to
// programs.
type Signal uint32

const (
	SIGHUP    Signal = 1
	SIGINT    Signal = 2
	SIGQUIT   Signal = 3
	SIGILL    Signal = 4
	SIGTRAP   Signal = 5
	SIGABRT   Signal = 6
	SIGBUS    Signal = 7
	SIGFPE    Signal = 8
	SIGKILL   Signal = 9
	SIGUSR1   Signal = 10
	SIGSEGV   Signal = 11
	SIGUSR2   Signal = 12
	SIGPIPE   Signal = 13
	SIGALRM   Signal = 14
	SIGTERM   Signal = 15
	SIGSTKFLT Signal = 16
	SIGCHLD   Signal = 17
	SIGCONT   Signal = 18
	SIGSTOP   Signal = 19
	SIGTSTP   Signal = 20
	SIGTTIN   Signal = 21
	SIGTTOU   Signal = 22
	SIGURG    Signal = 23
	SIGXCPU   Signal = 24
	SIGXFSZ   Signal = 25
	SIGVTALRM Signal = 26
	SIGPROF   Signal = 27
	SIGWINCH  Signal = 28
	SIGIO     Signal = 29
	SIGPWR    Signal = 30
	SIGSYS    Signal = 31
	SIGRTMIN  Signal = 34
	SIGRTMAX  Signal = 64
	SIGEMT    Signal = 65 // BSD
	SIGINFO   Signal = 66 // BSD
)

var signalNames = enumTable{
	name:   "signals",
	prefix: "SIG",
	values: append(inOrder("", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV",
		"USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU",
		"XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"),
		enumValue{"EMT", uint32(SIGEMT)}, enumValue{"INFO", uint32(SIGINFO)},
		enumValue{"POLL", uint32(SIGIO)}, enumValue{"IOT", uint32(SIGABRT)}, enumValue{"CLD", uint32(SIGCHLD)}),
}

// signalTranslation is that of the names, and of Linux's real-time signals.
func signalTranslation(a *abi.ABI) enumTranslation {
	t := signalNames.translation(a)
	if a.OS == "linux" {
		for s := SIGRTMIN; s <= SIGRTMAX; s++ {
			t.toNative[uint32(s)], t.toPortable[uint32(s)] = uint32(s), uint32(s)
		}
	}
	return t
}

// ParseSignal reads a name, such as "term", "SIGTERM" or "RTMIN+3", or a
// portable number. The error is a [*NameError].
func ParseSignal(text string) (Signal, error) {
	upper := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(text)), "SIG")
	if offset, ok := strings.CutPrefix(upper, "RTMIN"); ok {
		if n, err := strconv.Atoi(offset); (offset == "" || err == nil) && n >= 0 && SIGRTMIN+Signal(n) <= SIGRTMAX {
			return SIGRTMIN + Signal(n), nil
		}
	}
	v, err := signalNames.parse(text)
	if err == nil && v > uint32(SIGINFO) {
		err = &NameError{Table: signalNames.name, Name: text}
	}
	return Signal(v), err
}

// String is the name, such as "SIGTERM" or "SIGRTMIN+3".
func (s Signal) String() string {
	if s > SIGRTMIN && s <= SIGRTMAX {
		return fmt.Sprintf("SIGRTMIN+%d", s-SIGRTMIN)
	}
	if s == SIGRTMIN {
		return "SIGRTMIN"
	}
	return signalNames.format(uint32(s))
}

// Signal is so named for os.Signal.
func (s Signal) Signal() {}

// nativeSignal is a signal's number in the ABI; 0, which only asks whether
// there is somebody to send one to, is 0 everywhere.
func (p *Process) nativeSignal(s Signal) (int, error) {
	if s == 0 {
		return 0, nil
	}
	n, err := p.k.tab.procs.signals.native(uint32(s))
	return int(n), err
}

// portableSignal is 0 for a number that this package has no name for.
func (t *table) portableSignal(native int) Signal {
	v, _ := t.procs.signals.portable(uint32(native))
	return Signal(v)
}

// Kill sends a signal to a process, to the group of p (0), to a group (its
// number negative), or to everybody (-1); see kill(2). Signal 0 only asks
// whether it could be sent.
func (p *Process) Kill(pid int, s Signal) error {
	n, err := p.nativeSignal(s)
	if err != nil {
		return p.wrap("kill", "", err)
	}
	return p.about("kill", pid, opKill, intArg(pid), intArg(n), intArg(1)) // a third argument is macOS's: as POSIX has it
}

// Signal sends a signal to p, from its parent; the first process sends it to
// itself.
func (p *Process) Signal(s Signal) error {
	if p.parent == nil {
		return p.Kill(p.ID(), s)
	}
	sender := Process{processState: p.parent, ctx: p.ctx}
	return sender.Kill(p.ID(), s)
}
