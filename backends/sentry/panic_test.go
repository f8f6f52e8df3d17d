//go:build linux && (amd64 || arm64)

package sentry

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"

	"github.com/anykernel/anykernel/backends"
)

// Two calls that no kernel has, and that panic: one on the caller's goroutine,
// one in the task's loop.
const panicsDirectly, panicsInLoop = parkCall - 1, parkCall - 2

func init() {
	for _, nr := range []uintptr{panicsDirectly, panicsInLoop} {
		syscallTable().Table[nr] = kernel.Syscall{Name: "panic", Fn: func(*kernel.Task, uintptr, arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
			var p *int
			*p = 1 // a mistake inside the kernel
			return 0, nil, nil
		}}
	}
	classOf[panicsInLoop] = looped
}

func TestPanicIsAnError(t *testing.T) {
	for name, nr := range map[string]uintptr{"direct": panicsDirectly, "loop": panicsInLoop} {
		t.Run(name, func(t *testing.T) { testPanic(t, nr) })
	}
}

func testPanic(t *testing.T, nr uintptr) {
	open := func(name string) *Kernel {
		k, err := open(context.Background(), name, Options{}, backends.Config{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	other := open("other")
	defer other.Close()
	if _, _, err := other.Init().Call(backends.Call{Num: unix.SYS_GETPID}); err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	k := open("sentry:hostname=victim")
	console := backends.Call{Num: unix.SYS_WRITE}
	console.Args[0], console.Args[1], console.Args[2] = backends.Int(1), backends.Mem([]byte("last words"), backends.In), backends.Int(10)
	if _, _, err := k.Init().Call(console); err != nil {
		t.Fatal(err)
	}
	child, err := k.Init().Fork(t.Context(), backends.CopiedDescriptors)
	if err != nil {
		t.Fatal(err)
	}
	blocked := make(chan error, 2)
	for _, p := range []backends.Process{k.Init(), child} {
		go func() {
			_, _, err := p.Call(backends.Call{Num: unix.SYS_PPOLL})
			blocked <- err
		}()
	}
	time.Sleep(20 * time.Millisecond)
	_, _, err = k.Init().Call(backends.Call{Num: nr})
	var p *backends.PanicError
	if !errors.As(err, &p) {
		t.Fatalf("the call that panicked gave %v", err)
	}
	if !strings.Contains(p.Reason, "nil pointer") || p.Kernel != "sentry:hostname=victim" || string(p.Console) != "last words" || !strings.Contains(string(p.Stack), "panic_test.go") {
		t.Errorf("the error is %+v", p)
	}
	for range 2 {
		if err := <-blocked; !errors.As(err, &p) {
			t.Errorf("a blocked call ended with %v", err)
		}
	}
	for _, q := range []backends.Process{k.Init(), child} {
		if _, _, err := q.Call(backends.Call{Num: unix.SYS_GETPID}); !errors.As(err, &p) {
			t.Errorf("a later call gave %v", err)
		}
		if _, err := q.Fork(t.Context(), backends.CopiedDescriptors); !errors.As(err, &p) {
			t.Errorf("a later fork gave %v", err)
		}
	}
	<-k.Done()
	if !errors.As(k.Err(), &p) {
		t.Errorf("Err is %v", k.Err())
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := other.Init().Call(backends.Call{Num: unix.SYS_GETPID}); err != nil {
		t.Errorf("the other kernel: %v", err)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines are left:\n%s", runtime.NumGoroutine()-before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// TestPanicInTimer has a timer of the network stack panic.
func TestPanicInTimer(t *testing.T) {
	k, err := Open(t.Context(), Options{}, backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	k.netClock.AfterFunc(time.Millisecond, func() { panic("bad timer") })
	<-k.Done()
	if err := k.Err(); err == nil || !strings.Contains(err.Error(), "bad timer") {
		t.Errorf("the kernel ended with %v", err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

func TestPrivateFields(t *testing.T) {
	for want, f := range map[string]privateField{
		"":                      {in: reflect.TypeFor[kernel.Task](), name: "goid", typ: taskGoroutine.typ},
		"has no field":          {in: reflect.TypeFor[kernel.Task](), name: "nosuch", typ: taskGoroutine.typ},
		"has type atomicbitops": {in: reflect.TypeFor[kernel.Task](), name: "goid", typ: reflect.TypeFor[int64]()},
	} {
		err := f.check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v.%s: %v, want %q", f.in, f.name, err, want)
		}
	}
}
