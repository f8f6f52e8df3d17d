package sys

import (
	"errors"
	"testing"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/darwin"
	"github.com/anykernel/anykernel/sys/abi/freebsd"
	"github.com/anykernel/anykernel/sys/abi/linux"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
	"github.com/anykernel/anykernel/sys/abi/openbsd"
)

func TestParseSignal(t *testing.T) {
	for text, want := range map[string]Signal{
		"term": SIGTERM, "SIGTERM": SIGTERM, " Kill ": SIGKILL, "15": SIGTERM, "cld": SIGCHLD,
		"rtmin": SIGRTMIN, "SIGRTMIN+3": 37, "64": SIGRTMAX, "info": SIGINFO,
	} {
		if got, err := ParseSignal(text); got != want || err != nil {
			t.Errorf("ParseSignal(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "nosuch", "SIG", "RTMIN+31", "RTMIN-1", "999", "-1", "rtmin+x"} {
		var e *NameError
		if got, err := ParseSignal(text); !errors.As(err, &e) {
			t.Errorf("ParseSignal(%q) = %v, %v, want a *NameError", text, got, err)
		}
	}
	for s := Signal(1); s <= SIGINFO; s++ {
		if got, err := ParseSignal(s.String()); got != s || err != nil {
			t.Errorf("%v is read as %v, %v", s, got, err)
		}
	}
}

func TestSigSet(t *testing.T) {
	set, err := ParseSigSet("all, ~kill ~SIGSTOP")
	if err != nil || set.Has(SIGKILL) || set.Has(SIGSTOP) || !set.Has(SIGTERM) || !set.Has(SIGRTMAX) || !set.Has(SIGINFO) {
		t.Errorf("all but two is %v, %v", set, err)
	}
	set = SigSetOf(SIGUSR1, SIGRTMAX, 0, 200)
	if s := set.String(); s != "SIGUSR1|SIGRTMIN+30" {
		t.Errorf("the set is %s", s)
	}
	set.Del(SIGRTMAX)
	if again, err := ParseSigSet(set.String()); again != set || err != nil {
		t.Errorf("%v is read as %v, %v", set, again, err)
	}
	if _, err := ParseSigSet("term, nosuch"); err == nil {
		t.Error("an unknown signal is read")
	}
}

// TestSigsetOfABIs writes a set in each ABI and reads it back.
func TestSigsetOfABIs(t *testing.T) {
	for _, a := range []*abi.ABI{linux.AMD64, linux.ARM64, netbsd.AMD64, freebsd.AMD64, openbsd.AMD64, darwin.ARM64} {
		tab := tableOf(a)
		set := SigSetOf(SIGHUP, SIGUSR1, SIGCHLD, SIGSYS)
		var s scratch
		b := tab.sigset(&s, set)
		if got := tab.portableSigset(b); got != set {
			t.Errorf("%s: %v comes back as %v", a.OS, set, got)
		}
		usr1, _ := a.Const("SIGUSR1")
		at, bit := (usr1-1)/8, byte(1)<<((usr1-1)%8)
		if b[at]&bit == 0 {
			t.Errorf("%s: SIGUSR1, which is %d, is not in %x", a.OS, usr1, b)
		}
	}
}

func TestWaitStatus(t *testing.T) {
	for _, tc := range []struct {
		abi    *abi.ABI
		status uint32
		want   string
	}{
		{linux.AMD64, 0x0000, "exit status 0"},
		{linux.AMD64, 0xff00, "exit status 255"},
		{linux.AMD64, 0x000f, "killed by SIGTERM"},
		{linux.AMD64, 0x008b, "killed by SIGSEGV (core dumped)"},
		{linux.AMD64, 0x137f, "stopped by SIGSTOP"},
		{linux.AMD64, 0xffff, "continued"},
		{netbsd.AMD64, 0x117f, "stopped by SIGSTOP"},
		{netbsd.AMD64, 0x001e, "killed by SIGUSR1"},
		{netbsd.AMD64, 0xffff, "continued"},
		{darwin.ARM64, 0x117f, "stopped by SIGSTOP"},
		{darwin.ARM64, 0x137f, "continued"},
		{freebsd.AMD64, 0x0013, "continued"},
	} {
		if got := tableOf(tc.abi).waitStatus(tc.status).String(); got != tc.want {
			t.Errorf("%s: status %#x is %q, want %q", tc.abi.OS, tc.status, got, tc.want)
		}
	}
}

func TestSysctlNames(t *testing.T) {
	p := &Process{processState: &processState{k: &Kernel{name: "test", tab: tableOf(linux.AMD64)}}}
	for name, want := range map[string]string{
		"kernel.hostname":                "/proc/sys/kernel/hostname",
		"net/ipv4/ip_forward":            "/proc/sys/net/ipv4/ip_forward",
		"net.ipv4.conf.eth0/1.rp_filter": "/proc/sys/net/ipv4/conf/eth0.1/rp_filter",
		"net/ipv4/conf/eth0.1/rp_filter": "/proc/sys/net/ipv4/conf/eth0.1/rp_filter",
	} {
		if got, err := p.sysctlPath(name); got != want || err != nil {
			t.Errorf("%s is in %q, %v, want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"", ".", "..", "kernel/../x", "/etc/passwd", "kernel..x"} {
		if got, err := p.sysctlPath(name); !errors.Is(err, EINVAL) {
			t.Errorf("%q is in %q, %v, want EINVAL", name, got, err)
		}
	}
}

func TestRlimitOfABIs(t *testing.T) {
	for _, a := range []*abi.ABI{linux.AMD64, netbsd.AMD64, freebsd.AMD64, openbsd.AMD64, darwin.ARM64} {
		tab := tableOf(a)
		var s scratch
		for _, l := range []Rlimit{{0, 1024}, {1 << 40, Unlimited}, {Unlimited, Unlimited}} {
			b, err := tab.putRlimit(&s, l)
			if err != nil {
				t.Errorf("%s: %v: %v", a.OS, l, err)
			} else if got := tab.rlimit(b); got != l {
				t.Errorf("%s: %v comes back as %v", a.OS, l, got)
			}
		}
	}
	var s scratch
	if _, err := tableOf(netbsd.AMD64).putRlimit(&s, Rlimit{Cur: 1 << 63}); !errors.Is(err, EINVAL) {
		t.Errorf("a limit beyond the ABI's: %v", err)
	}
}
