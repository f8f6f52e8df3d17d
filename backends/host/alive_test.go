//go:build linux && (amd64 || arm64)

package host_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/host"
)

// TestMemoryOfACallStaysAlive blocks in a read whose buffer nothing refers to
// but the call.
func TestMemoryOfACallStaysAlive(t *testing.T) {
	k, err := host.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	child, err := k.Init().Fork(t.Context(), backends.SharedDescriptors)
	if err != nil {
		t.Skip(err)
	}
	for name, tc := range map[string]struct {
		p      backends.Process
		cancel chan struct{}
	}{
		"on the caller's thread": {p: k.Init()},
		"on a worker":            {p: k.Init(), cancel: make(chan struct{})},
		"by a child":             {p: child},
	} {
		t.Run(name, func(t *testing.T) {
			var ends [2]int
			if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
			var freed atomic.Bool
			done := make(chan error, 1)
			go func() {
				_, _, err := tc.p.Call(readInto(ends[0], tc.cancel, &freed))
				done <- err
			}()
			time.Sleep(20 * time.Millisecond)
			for range 4 {
				runtime.GC()
			}
			time.Sleep(10 * time.Millisecond)
			if freed.Load() {
				t.Error("the garbage collector took memory that the kernel writes")
			}
			_, _ = unix.Write(ends[1], []byte("x"))
			if err := <-done; err != nil {
				t.Error(err)
			}
			_, _ = unix.Close(ends[0]), unix.Close(ends[1])
		})
	}
}

//go:noinline
func readInto(fd int, cancel chan struct{}, freed *atomic.Bool) backends.Call {
	b := make([]byte, 4096)
	runtime.AddCleanup(&b[0], func(f *atomic.Bool) { f.Store(true) }, freed)
	c := backends.Call{Num: unix.SYS_READ, Cancel: cancel}
	c.Args[0], c.Args[1], c.Args[2] = backends.Int(uintptr(fd)), backends.Mem(b, backends.Out), backends.Int(uintptr(len(b)))
	return c
}
