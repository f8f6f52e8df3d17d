package server

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/linux"
)

// A testKernel has the calls below, and counts what is asked of it.
type testKernel struct {
	immortal bool // callPanic is an error

	err  error
	done chan struct{}
	once sync.Once

	pids    atomic.Int64
	guests  atomic.Int64 // that live
	lent    atomic.Int64 // bytes
	calls   atomic.Int64 // under way
	blocked atomic.Int64 // of those, that wait
}

// The calls of a testKernel.
const (
	callGetpid  = iota // the number of the process
	callReverse        // the memory of argument 0, or of the pointer in it, backwards in that of argument 1
	callBlock          // until it is interrupted
	callCopy           // args[2] bytes of a GuestMemory from args[0] to args[1]
	callString         // the length of the string in a GuestMemory at args[0]
	callMap            // args[0] bytes of a GuestMemory
	callRaise          // the signal args[0], args[1] times
	callText           // an error that is no number
	callExit           // ends the process
	callPanic          // ends the kernel
	callHalt           // ends the kernel without an answer
	callErrno          // the error args[0]
)

var errText = errors.New("the test's own error, which has no number")

const (
	eBADF  = abi.Errno(9)
	eFAULT = abi.Errno(14)
	eNOSYS = abi.Errno(38)
)

func newTestKernel() *testKernel { return &testKernel{done: make(chan struct{})} }

func (k *testKernel) ABI() *abi.ABI { return linux.AMD64.Restrict([]uint16{0, 1, 39}) }
func (k *testKernel) Capabilities() backends.Capabilities {
	return backends.Capabilities{"files": "none"}
}
func (k *testKernel) Init() backends.Process               { return nil }
func (k *testKernel) Done() <-chan struct{}                { return k.done }
func (k *testKernel) Close() error                         { k.end(backends.ErrClosed); return nil }
func (k *testKernel) System() (name, release, mach string) { return "Linux", "1.2-test", "x86_64" }

func (k *testKernel) Err() error {
	select {
	case <-k.done:
		return k.err
	default:
		return nil
	}
}

func (k *testKernel) end(err error) {
	k.once.Do(func() {
		k.err = err
		close(k.done)
	})
}

func (k *testKernel) NewGuest(_ context.Context, name string, m backends.GuestMemory) (backends.Guest, error) {
	if name == "unwanted" {
		return nil, errText
	}
	g := k.newGuest()
	g.SetMemory(m)
	return g, nil
}

func (k *testKernel) newGuest() *testGuest {
	k.guests.Add(1)
	return &testGuest{k: k, pid: int(k.pids.Add(1)), done: make(chan struct{}), exec: make(chan struct{})}
}

// quiet reports whether nothing is lent or under way, and so many processes
// live.
func (k *testKernel) quiet(guests int) bool {
	return k.lent.Load() == 0 && k.calls.Load() == 0 && k.guests.Load() == int64(guests)
}

// A testGuest is a process of a testKernel.
type testGuest struct {
	k      *testKernel
	pid    int
	memory atomic.Pointer[backends.GuestMemory]
	once   sync.Once
	done   chan struct{}

	mu   sync.Mutex
	exec chan struct{} // closed by Exec
}

func (g *testGuest) ID() int               { return g.pid }
func (g *testGuest) Done() <-chan struct{} { return g.done }

func (g *testGuest) Close() error {
	g.once.Do(func() {
		g.k.guests.Add(-1)
		close(g.done)
	})
	return nil
}

func (g *testGuest) Fork(ctx context.Context, fds backends.Descriptors) (backends.Process, error) {
	return g.ForkGuest(ctx, fds)
}

func (g *testGuest) ForkGuest(context.Context, backends.Descriptors) (backends.Guest, error) {
	return g.k.newGuest(), nil
}

func (g *testGuest) SetMemory(m backends.GuestMemory) { g.memory.Store(&m) }

// Exec waits for the calls that it interrupts, as real ones do.
func (g *testGuest) Exec(name string) error {
	g.mu.Lock()
	close(g.exec)
	g.exec = make(chan struct{})
	g.mu.Unlock()
	if name == "slow" {
		<-g.done
	}
	if name == "unwanted" {
		return errText
	}
	return nil
}

func (g *testGuest) Memory(n int) ([]byte, error) {
	g.k.lent.Add(int64(n))
	return make([]byte, n), nil
}

func (g *testGuest) Release(mem []byte) {
	g.k.lent.Add(-int64(len(mem)))
	for i := range mem {
		mem[i] = 0xdb // who still looks at it sees that
	}
}

func (g *testGuest) Call(c backends.Call) (r0, r1 uintptr, err error) {
	r0, r1, _, err = g.CallTouched(c)
	return r0, r1, err
}

func (g *testGuest) CallTouched(c backends.Call) (r0, r1 uintptr, touched int, err error) {
	g.k.calls.Add(1)
	defer g.k.calls.Add(-1)
	for i := range c.Refs { // what the kernel may reach is there
		_ = slices.Clone(c.Refs[i].Mem.Bytes())
	}
	if err := c.Link(); err != nil {
		return 0, 0, 0, err
	}
	r0, err = g.call(&c)
	return r0, 7, 1 << 30, err
}

func (g *testGuest) call(c *backends.Call) (uintptr, error) {
	word := func(i int) uint64 { return uint64(c.Args[i].Word()) }
	switch c.Num {
	case callGetpid:
		return uintptr(g.pid), nil
	case callReverse:
		return reverse(c)
	case callBlock:
		return 0, g.block(c.Cancel)
	case callText:
		return 0, errText
	case callExit:
		return 0, g.Close()
	case callPanic:
		if g.k.immortal {
			return 0, errText
		}
		g.k.end(&backends.PanicError{Kernel: "test", Reason: "asked to", Console: []byte("last words")})
		return 0, g.k.err
	case callErrno:
		return 0, abi.Errno(word(0))
	}
	m := g.memory.Load()
	if m == nil || *m == nil {
		return 0, eFAULT
	}
	return callMemory(*m, c.Num, word)
}

// reverse is callReverse.
func reverse(c *backends.Call) (uintptr, error) {
	from, to := c.Args[0].Bytes(), c.Args[1].Bytes()
	if len(c.Refs) > 0 {
		from = c.Refs[0].Mem.Bytes()
	}
	n := copy(to, from)
	slices.Reverse(to[:n])
	return uintptr(n), nil
}

func (g *testGuest) block(cancel <-chan struct{}) error {
	g.mu.Lock()
	exec := g.exec
	g.mu.Unlock()
	g.k.blocked.Add(1)
	defer g.k.blocked.Add(-1)
	select {
	case <-cancel:
		return backends.ErrInterrupted
	case <-exec:
		return backends.ErrInterrupted
	case <-g.done:
		return backends.ErrExited
	case <-g.k.done:
		return g.k.err
	}
}

// callMemory makes a call that is about a GuestMemory.
func callMemory(m backends.GuestMemory, num uintptr, word func(int) uint64) (uintptr, error) {
	switch num {
	case callCopy:
		b := make([]byte, min(word(2), 1<<20))
		if err := m.CopyIn(b, word(0)); err != nil {
			return 0, eFAULT
		}
		if err := m.CopyOut(word(1), b); err != nil {
			return 0, eFAULT
		}
		return uintptr(len(b)), nil
	case callString:
		n, err := m.CopyInString(make([]byte, 16), word(0))
		if err != nil {
			return 0, eFAULT
		}
		return uintptr(n), nil
	case callMap:
		addr, err := m.Map(word(0))
		return uintptr(addr), err
	case callRaise:
		for range min(word(1), 1000) {
			m.Raise(int(word(0)))
		}
		return 0, nil
	case callHalt:
		m.Halt()
		return 0, backends.ErrExited
	}
	return 0, eNOSYS
}

var _ backends.GuestKernel = (*testKernel)(nil)

func TestNewRefusesKernelsWithoutGuests(t *testing.T) {
	type kernel struct{ backends.Kernel }
	if s, err := New(kernel{newTestKernel()}, Options{Name: "plain"}); err == nil || s != nil {
		t.Errorf("New: %v, %v", s, err)
	}
}
