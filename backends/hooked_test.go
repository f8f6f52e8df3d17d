package backends_test

import (
	"context"
	"errors"
	"testing"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/linux"
)

// echo is a kernel whose every call returns its first argument.
type echo struct {
	backends.Kernel
	closed chan struct{}
}

func (e *echo) ABI() *abi.ABI          { return linux.AMD64 }
func (e *echo) Init() backends.Process { return &echoProcess{e: e} }
func (e *echo) Done() <-chan struct{}  { return e.closed }
func (e *echo) Err() error             { return nil }
func (e *echo) Close() error           { close(e.closed); return nil }

type echoProcess struct {
	backends.Process
	e *echo
}

func (p *echoProcess) ID() int { return 7 }
func (p *echoProcess) Call(c backends.Call) (uintptr, uintptr, error) {
	select {
	case <-p.e.closed:
		return 0, 0, backends.ErrClosed
	default:
		return c.Args[0].Word(), 0, nil
	}
}
func (p *echoProcess) Fork(context.Context, backends.Descriptors) (backends.Process, error) {
	return p, nil
}

func TestHookedCalls(t *testing.T) {
	var seen []hypercall.Fields
	stop := errors.New("that is enough")
	hooks := hypercall.NewHooks("box", hypercall.Intercept(func(ev *hypercall.Event, next func()) {
		seen = append(seen, ev.Args)
		switch ev.Args.Text("call") {
		case "getpid":
			ev.Err = abi.Errno(99)
			return
		case "sync":
			ev.Stop(stop)
		}
		next()
		ev.Result.Set("r0", ev.Result.Int("r0")+1)
	}, hypercall.EventSyscall))
	k := backends.Hooked(&echo{closed: make(chan struct{})}, hooks)
	call := func(p backends.Process, name string, args ...backends.Arg) (uintptr, error) {
		num, _ := linux.AMD64.Call(name)
		c := backends.Call{Num: num, Refs: []backends.Ref{{Holder: 1, Off: 8, Mem: backends.Mem([]byte("piece"), backends.In)}}}
		copy(c.Args[:], args)
		r, _, err := p.Call(c)
		return r, err
	}
	child, _ := k.Init().Fork(t.Context(), backends.CopiedDescriptors)
	if r, err := call(child, "writev", backends.Int(41), backends.Mem(make([]byte, 16), backends.In), backends.Int(1)); r != 42 || err != nil {
		t.Errorf("writev: %d, %v", r, err)
	}
	if _, err := call(k.Init(), "getpid"); err != abi.Errno(99) {
		t.Errorf("getpid: %v", err)
	}
	f := seen[0]
	if f.Text("call") != "writev" || f.Int("number") != 20 || f.Int("arg0") != 41 || len(f.Bytes("arg1")) != 16 || f.Int("arg2") != 1 || string(f.Bytes("arg1+8")) != "piece" {
		t.Errorf("the hook saw %v", f)
	}
	if k.Err() != nil {
		t.Errorf("the kernel has ended: %v", k.Err())
	}
	call(k.Init(), "sync")
	<-k.Done()
	for range 2 {
		if _, err := call(k.Init(), "writev"); err != stop || k.Err() != stop {
			t.Errorf("a call on a stopped kernel: %v, the kernel says %v", err, k.Err())
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d events, want 3", len(seen))
	}
}

// echoGuests is an echo that has guests.
type echoGuests struct{ *echo }

func (echoGuests) System() (name, release, machine string) { return "Linux", "1", "x86_64" }
func (e echoGuests) NewGuest(context.Context, string, backends.GuestMemory) (backends.Guest, error) {
	return &echoGuest{echoProcess: echoProcess{e: e.echo}}, nil
}

type echoGuest struct {
	echoProcess
	backends.Guest
}

func (g *echoGuest) ID() int { return g.echoProcess.ID() }
func (g *echoGuest) Call(c backends.Call) (uintptr, uintptr, error) {
	return g.echoProcess.Call(c)
}
func (g *echoGuest) CallTouched(c backends.Call) (uintptr, uintptr, int, error) {
	r0, r1, err := g.echoProcess.Call(c)
	return r0, r1, 3, err
}
func (g *echoGuest) Fork(context.Context, backends.Descriptors) (backends.Process, error) {
	return g, nil
}
func (g *echoGuest) ForkGuest(context.Context, backends.Descriptors) (backends.Guest, error) {
	return g, nil
}

// TestHookedGuests: hooks see the calls of guests, and may write to all of
// their memory.
func TestHookedGuests(t *testing.T) {
	for _, event := range []string{hypercall.EventSyscall, hypercall.EventBio} {
		seen := 0
		hooks := hypercall.NewHooks("box", hypercall.Intercept(func(ev *hypercall.Event, next func()) {
			seen++
			next()
		}, event))
		plain := echoGuests{&echo{closed: make(chan struct{})}}
		k := backends.Hooked(plain, hooks)
		if backends.Unhooked(k) != backends.Kernel(plain) {
			t.Error("the kernel below is another one")
		}
		g, err := k.(backends.GuestKernel).NewGuest(t.Context(), "guest", nil)
		if err != nil {
			t.Fatal(err)
		}
		child, err := g.ForkGuest(t.Context(), backends.CopiedDescriptors)
		if err != nil {
			t.Fatal(err)
		}
		c := backends.Call{Num: 39}
		c.Args[0] = backends.Int(5)
		for _, p := range []backends.Guest{g, child} {
			r, _, touched, err := p.CallTouched(c)
			if all := event == hypercall.EventSyscall; r != 5 || err != nil || (touched == 3) == all {
				t.Errorf("%s: %d, %d bytes touched, %v", event, r, touched, err)
			}
			if r, _, err := p.Call(c); r != 5 || err != nil {
				t.Errorf("%s: %d, %v", event, r, err)
			}
		}
		if want := map[string]int{hypercall.EventSyscall: 4}[event]; seen != want {
			t.Errorf("%s: %d events, want %d", event, seen, want)
		}
		k.Close()
	}
}
