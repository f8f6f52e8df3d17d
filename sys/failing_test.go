package sys

import (
	"context"
	"errors"
	"io"
	"reflect"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// A scripted kernel answers each call by a function. It is its own only
// process.
type scripted struct {
	abi    *abi.ABI
	answer func(c *backends.Call) (uintptr, error)
	done   chan struct{}
}

func newScripted(a *abi.ABI, answer func(c *backends.Call) (uintptr, error)) *Kernel {
	return New(&scripted{a, answer, make(chan struct{})}, "scripted")
}

func (k *scripted) ABI() *abi.ABI                       { return k.abi }
func (k *scripted) Capabilities() backends.Capabilities { return nil }
func (k *scripted) Init() backends.Process              { return scriptedProcess{k} }
func (k *scripted) Done() <-chan struct{}               { return k.done }
func (k *scripted) Err() error                          { return nil }
func (k *scripted) Close() error                        { return nil }

type scriptedProcess struct{ *scripted }

func (p scriptedProcess) ID() int { return 1 }
func (p scriptedProcess) Call(c backends.Call) (uintptr, uintptr, error) {
	r, err := p.answer(&c)
	return r, 0, err
}
func (p scriptedProcess) Fork(context.Context, backends.Descriptors) (backends.Process, error) {
	_, err := p.answer(&backends.Call{})
	return nil, err
}
func (p scriptedProcess) Done() <-chan struct{} { return p.done }

// callNamed is the number of a call, or one that is no call's.
func callNamed(a *abi.ABI, names ...string) uintptr {
	for _, name := range names {
		if num, ok := a.Call(name); ok {
			return num
		}
	}
	return ^uintptr(0)
}

// fine is where an error of the kernel is none of the method's.
var fine = []string{
	"Process.Close", "File.Close", // give up the descriptor; what the kernel says is told once
	"Process.RemoveAll with ENOENT",
	"Process.RawAll", // each call has its error in its result
}

// TestEveryFailure has every method that returns an error meet every error of
// every OS: it must return an error and zero values, and not panic.
func TestEveryFailure(t *testing.T) {
	for _, a := range testABIs {
		var errno atomic.Uint32
		k := newScripted(a, func(*backends.Call) (uintptr, error) { return 0, abi.Errno(errno.Load()) })
		for _, info := range a.Errnos() {
			if again := info.Name == "EAGAIN" || info.Name == "EINTR" || info.Name == "EWOULDBLOCK"; again {
				continue // says that the call is to be made again
			}
			errno.Store(uint32(info.Errno))
			failAll(t, reflect.ValueOf(k.Init()), info.Name)
			failAll(t, reflect.ValueOf(k.Init().FD(7)), info.Name)
		}
		errno.Store(0xfffff) // no OS has it
		failAll(t, reflect.ValueOf(k.Init()), "an unknown error")
		failAll(t, reflect.ValueOf(k.Init().FD(7)), "an unknown error")
	}
}

func failAll(t *testing.T, v reflect.Value, errno string) {
	t.Helper()
	for i := range v.NumMethod() {
		m := v.Type().Method(i)
		name := v.Type().Elem().Name() + "." + m.Name
		with := name + " with " + errno
		if !slices.Contains(fine, name) && !slices.Contains(fine, with) {
			failMethod(t, with, v.Method(i))
		}
	}
}

var errorType = reflect.TypeFor[error]()

func failMethod(t *testing.T, name string, m reflect.Value) {
	t.Helper()
	mt := m.Type()
	if mt.NumOut() == 0 || mt.Out(mt.NumOut()-1) != errorType {
		return
	}
	args, ok := someArgs(mt)
	if !ok {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s panicked: %v", name, p)
		}
	}()
	call := m.Call
	if mt.IsVariadic() {
		call = m.CallSlice
	}
	out := call(args)
	err, _ := out[len(out)-1].Interface().(error)
	if err == nil {
		t.Errorf("%s returned no error", name)
	}
	for _, o := range out[:len(out)-1] {
		if !o.IsZero() && !errors.Is(err, io.EOF) {
			t.Errorf("%s returned %v with the error %v", name, o, err)
		}
	}
}

// someArgs are arguments that make sense to most calls.
func someArgs(mt reflect.Type) (args []reflect.Value, ok bool) {
	for i := range mt.NumIn() {
		in := mt.In(i)
		var v any
		switch in {
		case reflect.TypeFor[context.Context]():
			v = context.Background()
		case reflect.TypeFor[io.Reader]():
			return nil, false // its errors come first
		case reflect.TypeFor[string]():
			v = "name"
		case reflect.TypeFor[[]byte]():
			v = make([]byte, 8)
		case reflect.TypeFor[time.Duration]():
			v = time.Millisecond
		default:
			if in.Kind() == reflect.Func || in.Kind() == reflect.Interface {
				return nil, false
			}
			args = append(args, reflect.Zero(in))
			continue
		}
		args = append(args, reflect.ValueOf(v))
	}
	return args, true
}

// TestClosedOnce counts what reaches the kernel.
func TestClosedOnce(t *testing.T) {
	a := testABIs[0]
	var closes atomic.Int32
	k := newScripted(a, func(c *backends.Call) (uintptr, error) {
		if c.Num == callNamed(a, "close") {
			closes.Add(1)
		}
		return 9, nil
	})
	func() {
		f, err := k.Init().Open("x", O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := errors.Join(f.Close(), f.With(t.Context()).Close()); err != nil {
				t.Error(err)
			}
		}
	}()
	collectGarbage()
	if n := closes.Load(); n != 1 {
		t.Errorf("a file that was closed six times and collected was closed %d times", n)
	}
	closes.Store(0)
	func() {
		for range 100 {
			if _, err := k.Init().Open("x", O_RDONLY, 0); err != nil {
				t.Fatal(err)
			}
		}
		f, _ := k.Init().Open("x", O_RDONLY, 0)
		f.Keep()
		k.Init().FD(1)
	}()
	for range 100 {
		if collectGarbage(); closes.Load() == 100 {
			break
		}
	}
	if n := closes.Load(); n != 100 {
		t.Errorf("of 100 files that nothing refers to %d were closed", n)
	}
}

// TestHostileDirectory has a kernel that gives nonsense for a directory.
func TestHostileDirectory(t *testing.T) {
	for _, a := range testABIs {
		for what, content := range map[string][]byte{
			"zeros":      make([]byte, 100),
			"ones":       slices.Repeat([]byte{0xff}, 100),
			"a path":     appendDirent(nil, a, 1, 8, "../../etc/passwd"),
			"cut":        appendDirent(nil, a, 1, 8, "name")[:10],
			"no name":    appendDirent(nil, a, 1, 8, ""),
			"huge count": nil,
		} {
			k := newScripted(a, func(c *backends.Call) (uintptr, error) {
				if b := c.Args[1].Bytes(); len(b) > 1000 { // the buffer for entries
					if content == nil {
						return 1 << 40, nil
					}
					return uintptr(copy(b, content)), nil
				}
				return 0, nil
			})
			list, err := k.Init().FD(3).ReadDir(-1)
			var e *DirentError
			if len(list) != 0 || !errors.As(err, &e) {
				t.Errorf("%s: %s: %v, %v, want a *DirentError", a.OS, what, list, err)
			}
		}
	}
}

func collectGarbage() {
	for range 3 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}
