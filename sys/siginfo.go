package sys

import (
	"fmt"

	"github.com/anykernel/anykernel/sys/abi"
)

// A Siginfo is what comes with a signal; see sigaction(2). Which fields mean
// something depends on signal and code.
type Siginfo struct {
	Signal Signal
	Code   int    // why it was sent, in the kernel's numbers; see Reason
	Errno  int    // an error number, rarely used
	PID    int    // who sent it, or the child that it is about
	UID    int    // that one's real user
	Status int    // of a child: its exit status, or a signal
	Value  uint64 // what sigqueue(3) or a timer gave with it
	Addr   uint64 // of a fault: where
	Band   int64  // of SIGIO: the events
	FD     int    // of SIGIO: the descriptor

	linux bool
}

// reasonsOfAll are the codes that any signal of Linux may have.
var reasonsOfAll = map[int]string{
	0: "SI_USER", 0x80: "SI_KERNEL", -1: "SI_QUEUE", -2: "SI_TIMER", -3: "SI_MESGQ", -4: "SI_ASYNCIO",
	-5: "SI_SIGIO", -6: "SI_TKILL", -7: "SI_DETHREAD", -60: "SI_ASYNCNL",
}

// reasonsOf are the codes of single signals of Linux, counted from 1.
var reasonsOf = map[Signal][]string{
	SIGILL: {"ILL_ILLOPC", "ILL_ILLOPN", "ILL_ILLADR", "ILL_ILLTRP", "ILL_PRVOPC", "ILL_PRVREG", "ILL_COPROC", "ILL_BADSTK"},
	SIGFPE: {"FPE_INTDIV", "FPE_INTOVF", "FPE_FLTDIV", "FPE_FLTOVF", "FPE_FLTUND", "FPE_FLTRES", "FPE_FLTINV", "FPE_FLTSUB"},
	SIGSEGV: {"SEGV_MAPERR", "SEGV_ACCERR", "SEGV_BNDERR", "SEGV_PKUERR", "SEGV_ACCADI", "SEGV_ADIDERR", "SEGV_ADIPERR",
		"SEGV_MTEAERR", "SEGV_MTESERR", "SEGV_CPERR"},
	SIGBUS:  {"BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR", "BUS_MCEERR_AO"},
	SIGTRAP: {"TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT", "TRAP_UNK", "TRAP_PERF"},
	SIGCHLD: {"CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"},
	SIGIO:   {"POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP"},
	SIGSYS:  {"SYS_SECCOMP", "SYS_USER_DISPATCH"},
}

// NewLinuxSiginfo is what Linux gave with a signal, in its numbers: Reason
// then has names.
func NewLinuxSiginfo(i Siginfo) Siginfo {
	i.linux = true
	return i
}

// Reason is the name of the code, such as "SI_USER" or "CLD_EXITED"; a number
// where it has none here.
func (i *Siginfo) Reason() string {
	if i.linux {
		if name, ok := reasonsOfAll[i.Code]; ok {
			return name
		}
		if l := reasonsOf[i.Signal]; i.Code > 0 && i.Code <= len(l) {
			return l[i.Code-1]
		}
	}
	return fmt.Sprint(i.Code)
}

// String is signal, reason and sender in one line.
func (i *Siginfo) String() string {
	return fmt.Sprintf("%v (%s) from process %d of user %d", i.Signal, i.Reason(), i.PID, i.UID)
}

type siginfoLayout struct {
	size                                 int
	signo, errno, code, pid, uid, status abi.Field
	value, addr, band, fd                abi.Field
}

func newSiginfoLayout(a *abi.ABI) siginfoLayout {
	l := layoutOf(a, "siginfo_t", "siginfo")
	return siginfoLayout{
		size:   max(l.Size, 128),
		signo:  l.field("si_signo", "signo"),
		errno:  l.field("si_errno", "errno"),
		code:   l.field("si_code", "code"),
		pid:    l.field("si_pid", "pid"),
		uid:    l.field("si_uid", "uid"),
		status: l.field("si_status", "status"),
		value:  l.field("si_value", "value"),
		addr:   l.field("si_addr", "addr"),
		band:   l.field("si_band", "band"),
		fd:     l.field("si_fd", "fd"),
	}
}

func (t *table) decodeSiginfo(b []byte) Siginfo {
	l, o := &t.procs.siginfo, t.abi.Order
	return Siginfo{
		Signal: t.portableSignal(int(l.signo.Int(b, o))),
		Errno:  int(l.errno.Int(b, o)),
		Code:   int(l.code.Int(b, o)),
		PID:    int(l.pid.Int(b, o)),
		UID:    int(l.uid.Uint(b, o)),
		Status: int(l.status.Int(b, o)),
		Value:  l.value.Uint(b, o),
		Addr:   l.addr.Uint(b, o),
		Band:   l.band.Int(b, o),
		FD:     int(l.fd.Int(b, o)),
		linux:  t.abi.OS == "linux",
	}
}
