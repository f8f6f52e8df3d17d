package linux

import (
	"fmt"
	"runtime"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"golang.org/x/net/bpf"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// upkeep is what a process of the host that waits for calls does between them.
// A filter that forbade it would end the process at the first call.
var upkeep = []string{"futex", "rt_sigreturn", "rt_sigprocmask", "tgkill", "clone", "exit", "prctl"}

// filterCode is struct sock_filter, filterProgram struct sock_fprog, where
// pointers have 8 bytes.
const (
	filterCode    = 8
	filterProgram = 16
	filterPointer = 8
	filterMost    = 4096 // BPF_MAXINSNS
)

// Seccomp makes every later call of p and of its future children pass a
// filter, for good; see seccomp(2). Before that it sets no_new_privs, which a
// process without CAP_SYS_ADMIN needs. The policy is one of
// github.com/elastic/go-seccomp-bpf; what a process needs to go on taking
// calls (futex and a few others, but no files, memory or sockets) is allowed
// whatever it says. Fork needs more there: close_range, getpid and
// getppid.
//
// On the host it needs a process made by Fork, as [Unshare] does.
func Seccomp(p *sys.Process, policy seccomp.Policy) error {
	a := p.Kernel().ABI()
	if a.Arch != runtime.GOARCH {
		return p.Fail("seccomp", "", fmt.Errorf("filters for %s can be made on %s only: %w", a.Arch, a.Arch, sys.ErrNotSupported))
	}
	policy.Syscalls = append([]seccomp.SyscallGroup{{Names: upkeep, Action: seccomp.ActionAllow}}, policy.Syscalls...)
	code, err := policy.Assemble()
	if err != nil {
		return p.Fail("seccomp", "", err)
	}
	raw, err := bpf.Assemble(code)
	if err != nil {
		return p.Fail("seccomp", "", err)
	}
	if len(raw) > filterMost {
		return p.Fail("seccomp", "", fmt.Errorf("the filter has %d instructions, of at most %d: %w", len(raw), filterMost, sys.E2BIG))
	}
	if err := SetNoNewPrivs(p); err != nil {
		return err
	}
	return install(p, a, raw)
}

func install(p *sys.Process, a *abi.ABI, code []bpf.RawInstruction) error {
	b := make([]byte, filterCode*len(code))
	for i, c := range code {
		at := b[i*filterCode:]
		a.Order.PutUint16(at, c.Op)
		at[2], at[3] = c.Jt, c.Jf
		a.Order.PutUint32(at[4:], c.K)
	}
	program := make([]byte, filterProgram)
	a.Order.PutUint16(program, uint16(len(code)))
	num, ok := a.Call("seccomp")
	if !ok {
		return p.Fail("seccomp", "", sys.ErrNotSupported)
	}
	mode, _ := a.Const("SECCOMP_SET_MODE_FILTER")
	c := backends.Call{Num: num, Refs: []backends.Ref{{Holder: 2, Off: filterPointer, Mem: backends.Mem(b, backends.In)}}}
	c.Args[0] = integer(mode)
	c.Args[2] = backends.Mem(program, backends.In)
	_, _, err := p.Raw(c)
	return p.Fail("seccomp", "", err)
}
