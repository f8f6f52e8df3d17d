package backends

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/hypercall"
)

// Hooked is k with its system calls shown to hooks, and ended when one of them
// stops it. [Open] does this where its Config has hooks; it is for kernels that
// were opened in another way, with the same hooks in their Config.
func Hooked(k Kernel, hooks *hypercall.Hooks) Kernel {
	if hooks == nil {
		return k
	}
	h := &hooked{Kernel: k, hooks: hooks}
	if hooks.Want(hypercall.EventSyscall) {
		h.names = map[uintptr]string{}
		for _, c := range k.ABI().Calls() {
			if num := uintptr(c.Value); h.names[num] == "" {
				h.names[num] = c.Name
			}
		}
	}
	h.watching.Go(h.watch)
	if g, ok := k.(GuestKernel); ok {
		return &hookedGuests{h, g}
	}
	return h
}

// Unhooked is the kernel as its backend made it.
func Unhooked(k Kernel) Kernel {
	switch h := k.(type) {
	case *hooked:
		return h.Kernel
	case *hookedGuests:
		return h.Kernel
	}
	return k
}

type hooked struct {
	Kernel
	hooks    *hypercall.Hooks
	names    map[uintptr]string // of calls; nil where nobody wants to see them
	watching sync.WaitGroup
	lost     error // of the close after a stop
}

// watch closes the kernel when it is stopped.
func (h *hooked) watch() {
	select {
	case <-h.hooks.Stopped():
		h.lost = h.Kernel.Close()
	case <-h.Done():
	}
}

func (h *hooked) Init() Process { return &hookedProcess{h.Kernel.Init(), h} }

func (h *hooked) Err() error {
	if err := h.hooks.Err(); err != nil {
		return err
	}
	return h.Kernel.Err()
}

func (h *hooked) Close() error {
	stopped := h.hooks.Err()
	err := h.Kernel.Close()
	h.watching.Wait()
	if stopped == nil && h.hooks.Err() != nil { // by the kernel's last events
		return errors.Join(h.hooks.Err(), err)
	}
	if err == nil {
		err, h.lost = h.lost, nil
	}
	return err
}

type hookedProcess struct {
	Process
	h *hooked
}

func (p *hookedProcess) Call(c Call) (r0, r1 uintptr, err error) {
	return p.call(&c, func() (uintptr, uintptr, error) { return p.Process.Call(c) })
}

// call does what makes the call c, which the hooks see.
func (p *hookedProcess) call(c *Call, do func() (r0, r1 uintptr, err error)) (r0, r1 uintptr, err error) {
	if err := p.h.hooks.Err(); err != nil {
		return 0, 0, err
	}
	if p.h.names == nil {
		r0, r1, err = do()
	} else {
		r0, r1, err = p.show(c, do)
	}
	if err != nil {
		if stop := p.h.hooks.Err(); stop != nil {
			err = stop
		}
	}
	return r0, r1, err
}

// show makes a call by way of the hooks.
func (p *hookedProcess) show(c *Call, do func() (r0, r1 uintptr, err error)) (r0, r1 uintptr, err error) {
	ev := &hypercall.Event{Name: hypercall.EventSyscall, PID: p.ID(), Args: p.fields(c)}
	p.h.hooks.Emit(ev, func() {
		r0, r1, err := do()
		ev.Result.Set("r0", int64(r0))
		ev.Result.Set("r1", int64(r1))
		ev.Err = err
	})
	return uintptr(ev.Result.Int("r0")), uintptr(ev.Result.Int("r1")), p.errno(ev.Err)
}

// errno is err as the kernel would say it, where a hook put the number of an
// error of this process's OS in its place.
func (p *hookedProcess) errno(err error) error {
	var here syscall.Errno
	if !errors.As(err, &here) {
		return err
	}
	name := unix.ErrnoName(here)
	for _, e := range p.h.ABI().Errnos() {
		if e.Name == name {
			return e.Errno
		}
	}
	return err
}

func (p *hookedProcess) fields(c *Call) hypercall.Fields {
	f := hypercall.Fields{{Name: "call", Value: p.h.names[c.Num]}, {Name: "number", Value: int64(c.Num)}}
	n := MaxArgs
	for n > 0 && !c.Args[n-1].IsMem() && c.Args[n-1].Word() == 0 {
		n--
	}
	holders := make([]string, MaxArgs, MaxArgs+len(c.Refs))
	for i := range holders {
		holders[i] = fmt.Sprint("arg", i)
		if i < n {
			f = append(f, hypercall.Field{Name: holders[i], Value: valueOf(&c.Args[i])})
		}
	}
	for i := range c.Refs {
		r := &c.Refs[i]
		name := ""
		if r.Holder >= 0 && r.Holder < len(holders) {
			name = fmt.Sprint(holders[r.Holder], "+", r.Off)
		}
		holders = append(holders, name)
		f = append(f, hypercall.Field{Name: name, Value: valueOf(&r.Mem)})
	}
	return f
}

func valueOf(a *Arg) any {
	if a.IsMem() {
		return a.Bytes()
	}
	return int64(a.Word())
}

func (p *hookedProcess) Fork(ctx context.Context, fds Descriptors) (Process, error) {
	child, err := p.Process.Fork(ctx, fds)
	if err != nil {
		return nil, err
	}
	return &hookedProcess{child, p.h}, nil
}
