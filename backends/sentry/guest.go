//go:build linux && (amd64 || arm64)

package sentry

import (
	"context"
	"fmt"
	"math"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/sentry/kernel/version"

	"github.com/anykernel/anykernel/backends"
)

var _ backends.GuestKernel = (*Kernel)(nil)

// System is what the kernel calls itself.
func (k *Kernel) System() (name, release, machine string) {
	return version.LinuxSysname, version.LinuxRelease(), machineName
}

// NewGuest makes a process for a client; see [backends.GuestKernel].
func (k *Kernel) NewGuest(ctx context.Context, name string, m backends.GuestMemory) (backends.Guest, error) {
	if m != nil {
		return nil, fmt.Errorf("a process of Linux whose calls do not bring their memory: %w", backends.ErrNotSupported)
	}
	if !k.cfg.Guests {
		return nil, fmt.Errorf("guests of a kernel that was not opened for them: %w", backends.ErrNotSupported)
	}
	flags := uintptr(unix.SIGCHLD)
	p, err := k.init.clone(flags, ctx.Done())
	if err != nil {
		return nil, err
	}
	p.leader.t.SetName(name)
	if err := p.onChild(sigDefault); err != nil {
		_ = p.Close()
		return nil, err
	}
	return &guest{p}, nil
}

// What becomes of children that have ended.
const (
	sigDefault = 0 // they wait for their parent
	sigIgnore  = 1 // they are gone
)

// onChild sets what SIGCHLD does.
func (p *Process) onChild(handler byte) error {
	action := make([]byte, 32)
	action[0] = handler
	c := backends.Call{Num: unix.SYS_RT_SIGACTION}
	c.Args[0], c.Args[1], c.Args[3] = backends.Int(uintptr(unix.SIGCHLD)), backends.Mem(action, backends.In), backends.Int(8)
	_, _, err := p.Call(c)
	return err
}

// A guest is a process of a client.
type guest struct{ *Process }

// Memory lends memory for one call.
func (g *guest) Memory(n int) ([]byte, error) {
	if g.arena == nil {
		return nil, g.arenaErr
	}
	return g.arena.lend(n)
}

// Release takes it back.
func (g *guest) Release(mem []byte) { g.arena.release(mem) }

// Call makes a raw call.
func (g *guest) Call(c backends.Call) (r0, r1 uintptr, err error) {
	return g.callInArena(c)
}

// CallTouched makes a raw call.
func (g *guest) CallTouched(c backends.Call) (r0, r1 uintptr, touched int, err error) {
	r0, r1, err = g.callInArena(c)
	return r0, r1, touchedBy(&c, r0, err), err
}

// answers are calls that write as many bytes as they return, to an argument
// behind whose memory there is none that they write.
var answers = map[uintptr]int{
	unix.SYS_READ: 1, unix.SYS_PREAD64: 1, unix.SYS_GETDENTS64: 1, unix.SYS_READLINKAT: 2, unix.SYS_GETRANDOM: 0,
}

// touchedBy is how much of its memory a call may have written.
func touchedBy(c *backends.Call, r0 uintptr, err error) int {
	arg, ok := answers[c.Num]
	if !ok || err != nil {
		return math.MaxInt
	}
	n := int(r0)
	for i := range arg { // what comes before it
		n += (len(c.Args[i].Bytes()) + 15) &^ 15
	}
	return n
}

// ForkGuest makes a child.
func (g *guest) ForkGuest(ctx context.Context, fds backends.Descriptors) (backends.Guest, error) {
	p, err := g.fork(ctx, fds)
	if err != nil {
		return nil, err
	}
	return &guest{p}, nil
}

// Fork makes a child.
func (g *guest) Fork(ctx context.Context, fds backends.Descriptors) (backends.Process, error) {
	return g.ForkGuest(ctx, fds)
}

// SetMemory does nothing: calls bring all of their memory.
func (*guest) SetMemory(backends.GuestMemory) {}

// Exec is for clients whose calls do not bring their memory, of which this
// kernel has none.
func (*guest) Exec(string) error {
	return fmt.Errorf("another program behind the same connection: %w", backends.ErrNotSupported)
}

// callInArena makes a call whose memory is in the arena.
func (p *Process) callInArena(c backends.Call) (r0, r1 uintptr, err error) {
	base := p.k.platform.win.arenaBase()
	address := func(a *backends.Arg) uintptr {
		switch b := a.Bytes(); {
		case !a.IsMem():
			return a.Word()
		case len(b) == 0:
			return base
		default:
			return base + uintptr(p.arena.offset(b))
		}
	}
	if len(c.Refs) > 0 {
		if err := c.LinkTo(func(ref int) uintptr { return address(&c.Refs[ref].Mem) }); err != nil {
			return 0, 0, err
		}
	}
	for i := range c.Args {
		c.Args[i] = backends.Int(address(&c.Args[i]))
	}
	return p.do(c)
}

// bring makes a call of this program's in a kernel for guests: its memory goes
// by the arena.
func (p *Process) bring(c backends.Call) (r0, r1 uintptr, err error) {
	if p.arena == nil {
		return 0, 0, p.arenaErr
	}
	size := 0
	pieces(&c, func(a *backends.Arg) { size += pieceSize(a) })
	area, err := p.arena.lend(size)
	if err != nil {
		return 0, 0, err
	}
	defer p.arena.release(area)
	there := c
	there.Refs = append([]backends.Ref(nil), c.Refs...)
	var back []moved
	pieces(&there, func(a *backends.Arg) {
		from := a.Bytes()
		to := area[:len(from):len(from)]
		area = area[pieceSize(a):]
		copy(to, from)
		if a.Dir()&backends.Out != 0 {
			back = append(back, moved{from, to})
		}
		*a = backends.Mem(to, a.Dir())
	})
	r0, r1, err = p.callInArena(there)
	for _, m := range back {
		copy(m.here, m.there)
	}
	return r0, r1, err
}

// moved is memory of a call, and where it is in the arena.
type moved struct{ here, there []byte }

func pieceSize(a *backends.Arg) int { return (len(a.Bytes()) + 15) &^ 15 }

// pieces gives f all memory of a call.
func pieces(c *backends.Call, f func(a *backends.Arg)) {
	for i := range c.Args {
		if c.Args[i].IsMem() {
			f(&c.Args[i])
		}
	}
	for i := range c.Refs {
		if c.Refs[i].Mem.IsMem() {
			f(&c.Refs[i].Mem)
		}
	}
}
