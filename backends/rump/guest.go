//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"context"
	"sync"
	"unsafe"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump"
	"github.com/anykernel/anykernel/sys/abi"
)

var _ backends.GuestKernel = (*Kernel)(nil)

// System is what the kernel calls itself.
func (k *Kernel) System() (name, release, machine string) { return k.raw.System() }

// NewGuest makes a process for a client; see [backends.GuestKernel].
func (k *Kernel) NewGuest(ctx context.Context, name string, m backends.GuestMemory) (backends.Guest, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	raw, err := k.raw.NewGuest(name)
	if err != nil {
		return nil, k.init.gone(err)
	}
	g := &guest{Process{k: k, raw: raw.Process}, raw}
	g.SetMemory(m)
	return g, nil
}

// A guest is a process of a client.
type guest struct {
	Process
	rawGuest *rump.Guest
}

var areas = sync.Pool{New: func() any { b := make([]byte, areaSize); return &b }}

// areaSize is that of the pieces of memory that are kept for calls.
const areaSize = 64 << 10

// Memory lends memory for one call.
func (g *guest) Memory(n int) ([]byte, error) {
	if n > areaSize {
		return make([]byte, n), nil
	}
	return (*areas.Get().(*[]byte))[:n], nil
}

// Release takes it back.
func (g *guest) Release(mem []byte) {
	if cap(mem) == areaSize {
		clear(mem) // nobody sees what was another's
		mem = mem[:areaSize]
		areas.Put(&mem)
	}
}

// Call makes a raw call.
func (g *guest) Call(c backends.Call) (r0, r1 uintptr, err error) {
	r0, r1, _, err = g.CallTouched(c)
	return r0, r1, err
}

// CallTouched makes a raw call.
func (g *guest) CallTouched(c backends.Call) (r0, r1 uintptr, touched int, err error) {
	if len(c.Refs) > 0 {
		if err := c.Link(); err != nil {
			return 0, 0, 0, err
		}
	}
	if c.Num == 0 || c.Num >= rump.NumCalls {
		return 0, 0, 0, g.unknown()
	}
	l, err := g.raw.LWP()
	if err != nil {
		return 0, 0, 0, g.gone(err)
	}
	start, end := bounds(&c)
	l.SetArea(start, end)
	r0, r1, err = g.call(l, &c)
	touched = int(l.Touched() - start)
	g.raw.Return(l)
	return r0, r1, touched, err
}

// bounds is the piece of memory that a call brought, 0 where it brought none.
func bounds(c *backends.Call) (start, end uintptr) {
	add := func(b []byte) {
		if p := uintptr(unsafe.Pointer(unsafe.SliceData(b))); len(b) > 0 {
			if end == 0 || p < start {
				start = p
			}
			end = max(end, p+uintptr(len(b)))
		}
	}
	for i := range c.Args {
		add(c.Args[i].Bytes())
	}
	for i := range c.Refs {
		add(c.Refs[i].Mem.Bytes())
	}
	return start, end
}

// ForkGuest makes a child.
func (g *guest) ForkGuest(ctx context.Context, fds backends.Descriptors) (backends.Guest, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	raw, err := g.rawGuest.Fork(fds == backends.CleanDescriptors, fds == backends.SharedDescriptors)
	if err != nil {
		return nil, g.gone(err)
	}
	return &guest{Process{k: g.k, raw: raw.Process}, raw}, nil
}

// Fork makes a child.
func (g *guest) Fork(ctx context.Context, fds backends.Descriptors) (backends.Process, error) {
	return g.ForkGuest(ctx, fds)
}

// Exec tells the kernel that the process runs another program.
func (g *guest) Exec(name string) error {
	if err := g.rawGuest.Exec(name); err != nil {
		return g.gone(err)
	}
	return nil
}

// SetMemory says where calls find memory that they did not bring.
func (g *guest) SetMemory(m backends.GuestMemory) {
	if m == nil {
		g.rawGuest.SetMemory(nil)
		return
	}
	g.rawGuest.SetMemory(guestMemory{m})
}

// guestMemory answers the kernel with NetBSD's numbers.
type guestMemory struct{ m backends.GuestMemory }

func number(err error, otherwise int) int {
	if err == nil {
		return 0
	}
	if e, ok := err.(abi.Errno); ok {
		return int(e)
	}
	return otherwise
}

const (
	eNOMEM = 12
	eFAULT = 14
)

func (g guestMemory) CopyIn(p []byte, addr uint64) int  { return number(g.m.CopyIn(p, addr), eFAULT) }
func (g guestMemory) CopyOut(addr uint64, p []byte) int { return number(g.m.CopyOut(addr, p), eFAULT) }
func (g guestMemory) Raise(signal int)                  { g.m.Raise(signal) }
func (g guestMemory) Halt()                             { g.m.Halt() }

func (g guestMemory) CopyInString(p []byte, addr uint64) (int, int) {
	n, err := g.m.CopyInString(p, addr)
	return n, number(err, eFAULT)
}

func (g guestMemory) Map(size uint64) (uint64, int) {
	addr, err := g.m.Map(size)
	return addr, number(err, eNOMEM)
}
