package linux

import (
	"fmt"
	"io"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// SignalfdFlags are the flags of signalfd(2).
type SignalfdFlags uint32

const (
	SFD_NONBLOCK SignalfdFlags = 0x800
	SFD_CLOEXEC  SignalfdFlags = 0x80000
)

var signalfdFlags = sys.NewFlagNames("signalfd flags", "SFD_",
	name("NONBLOCK", uint64(SFD_NONBLOCK)), name("CLOEXEC", uint64(SFD_CLOEXEC)))

// ParseSignalfdFlags reads flags by name, such as "cloexec". The error is a
// [*sys.NameError].
func ParseSignalfdFlags(text string) (SignalfdFlags, error) {
	v, err := signalfdFlags.Parse(text)
	return SignalfdFlags(v), err
}

// String is the flags by name.
func (f SignalfdFlags) String() string { return signalfdFlags.Format(uint64(f)) }

// A Signalfd takes signals that the process has blocked; see signalfd(2) and
// [sys.Process.Sigprocmask].
type Signalfd struct{ *sys.File }

// NewSignalfd makes a descriptor that takes the signals of set.
func NewSignalfd(p *sys.Process, set sys.SigSet, flags SignalfdFlags) (*Signalfd, error) {
	mask := signalMask(p.Kernel().ABI(), set)
	f, err := open(p, "signalfd4", "signalfd", signalfdFlags, uint64(flags),
		backends.Int(^uintptr(0)), backends.Mem(mask, backends.In), integer(len(mask)))
	if err != nil {
		return nil, err
	}
	return &Signalfd{f}, nil
}

// SetMask makes the signals of set those that s takes.
func (s *Signalfd) SetMask(set sys.SigSet) error {
	mask := signalMask(s.Process().Kernel().ABI(), set)
	_, err := s.Call("signalfd4", backends.Mem(mask, backends.In), integer(len(mask)), backends.Arg{})
	return err
}

// signalMask is a set as Linux has it: a word with a bit for each signal from
// 1 to 64. Package sys numbers signals as Linux does.
func signalMask(a *abi.ABI, set sys.SigSet) []byte {
	var bits uint64
	for _, s := range set.Signals() {
		if s <= sys.SIGRTMAX {
			bits |= 1 << (s - 1)
		}
	}
	b := make([]byte, 8)
	a.Order.PutUint64(b, bits)
	return b
}

// A SignalInfo is a signal that a Signalfd took.
type SignalInfo struct {
	sys.Siginfo
	TID        int    // of a POSIX timer: its number in the kernel
	Overrun    int    // of a POSIX timer: expirations that were missed
	Utime      uint64 // of SIGCHLD: the child's user time, in ticks
	Stime      uint64 // of SIGCHLD: its system time, in ticks
	Trap       int    // of a fault: its number in the hardware
	AddrLSB    int    // of SIGBUS: how many low bits of Addr mean nothing
	Syscall    int    // of SIGSYS: the call
	CallAddr   uint64 // of SIGSYS: where it was made
	SystemArch uint32 // of SIGSYS: AUDIT_ARCH_…
}

// siginfoLayout is where the ABI has what in struct signalfd_siginfo.
type siginfoLayout struct {
	size                                                       int
	signo, errno, code, pid, uid, fd, tid, band, overrun, trap abi.Field
	status, value, ptr, utime, stime, addr, lsb                abi.Field
	syscall, callAddr, arch                                    abi.Field
}

var siginfos = layoutOf("signalfd_siginfo", func(l abi.Layout) siginfoLayout {
	f := func(name string) abi.Field { return field(&l, "ssi_"+name) }
	return siginfoLayout{
		size:  l.Size,
		signo: f("signo"), errno: f("errno"), code: f("code"), pid: f("pid"), uid: f("uid"), fd: f("fd"),
		tid: f("tid"), band: f("band"), overrun: f("overrun"), trap: f("trapno"), status: f("status"),
		value: f("int"), ptr: f("ptr"), utime: f("utime"), stime: f("stime"), addr: f("addr"), lsb: f("addr_lsb"),
		syscall: f("syscall"), callAddr: f("call_addr"), arch: f("arch"),
	}
})

func (l *siginfoLayout) decode(b []byte, o abi.ByteOrder) SignalInfo {
	return SignalInfo{
		Siginfo: sys.NewLinuxSiginfo(sys.Siginfo{
			Signal: sys.Signal(l.signo.Uint(b, o)),
			Errno:  int(l.errno.Int(b, o)),
			Code:   int(l.code.Int(b, o)),
			PID:    int(l.pid.Uint(b, o)),
			UID:    int(l.uid.Uint(b, o)),
			Status: int(l.status.Int(b, o)),
			Value:  l.ptr.Uint(b, o),
			Addr:   l.addr.Uint(b, o),
			Band:   l.band.Int(b, o),
			FD:     int(l.fd.Int(b, o)),
		}),
		TID:        int(l.tid.Uint(b, o)),
		Overrun:    int(l.overrun.Uint(b, o)),
		Utime:      l.utime.Uint(b, o),
		Stime:      l.stime.Uint(b, o),
		Trap:       int(l.trap.Uint(b, o)),
		AddrLSB:    int(l.lsb.Uint(b, o)),
		Syscall:    int(l.syscall.Int(b, o)),
		CallAddr:   l.callAddr.Uint(b, o),
		SystemArch: uint32(l.arch.Uint(b, o)),
	}
}

// Next waits for a signal and takes it.
func (s *Signalfd) Next() (SignalInfo, error) {
	p := s.Process()
	l := siginfos.of(p)
	b := make([]byte, l.size)
	n, err := s.Read(b)
	if err == nil && n != len(b) {
		err = s.Fail("read", fmt.Errorf("%d bytes of %d: %w", n, len(b), io.ErrUnexpectedEOF))
	}
	if err != nil {
		return SignalInfo{}, err
	}
	return l.decode(b, p.Kernel().ABI().Order), nil
}
