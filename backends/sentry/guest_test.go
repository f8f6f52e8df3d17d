//go:build linux && (amd64 || arm64)

package sentry_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// newGuestKernel opens a kernel for guests.
func newGuestKernel(t testing.TB) backends.GuestKernel {
	t.Helper()
	k, err := backends.Open(context.Background(), "sentry", backends.Config{Guests: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k.(backends.GuestKernel)
}

func newGuest(t testing.TB, k backends.GuestKernel) backends.Guest {
	t.Helper()
	g, err := k.NewGuest(t.Context(), "guest", nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// ask makes a call whose arguments are numbers and texts, which stand in memory
// of the guest's and come back there.
func ask(t testing.TB, g backends.Guest, num uintptr, args ...any) (r uintptr, err error) {
	t.Helper()
	c := backends.Call{Num: num}
	for i, a := range args {
		switch a := a.(type) {
		case int:
			c.Args[i] = backends.Int(uintptr(a))
		case uintptr:
			c.Args[i] = backends.Int(a)
		case []byte:
			mem, err := g.Memory(len(a))
			if err != nil {
				t.Fatal(err)
			}
			defer g.Release(mem)
			copy(mem, a)
			defer copy(a, mem)
			c.Args[i] = backends.Mem(mem, backends.InOut)
		}
	}
	r, _, err = g.Call(c)
	return r, err
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// futexWakeOp is FUTEX_WAKE_OP, which changes what it finds at an address.
const futexWakeOp = 5

// secret is memory of this program's.
var secret = []byte("a secret of the program's: nobody's who calls")

// TestGuestsReachNothing tries every way to this program's memory: as a number
// where a call expects a pointer, and by the memory of other processes, which
// root may read in a kernel.
func TestGuestsReachNothing(t *testing.T) {
	k := newGuestKernel(t)
	g := newGuest(t, k)
	onHeap := []byte(strings.Clone(string(secret)))
	fds := make([]byte, 8)
	if _, err := ask(t, g, unix.SYS_PIPE2, fds, 0); err != nil {
		t.Fatal(err)
	}
	fd := func(i int) int { return int(fds[4*i]) }
	for name, place := range map[string]uintptr{
		"a variable": address(secret), "the heap": address(onHeap), "small numbers": 0x20000, "the end": 1<<47 - 4096 - 64,
	} {
		for call, args := range map[uintptr][]any{
			unix.SYS_WRITE: {fd(1), place, 16}, unix.SYS_READ: {fd(0), place, 0x7fffffff},
			unix.SYS_UNAME: {place}, unix.SYS_CHDIR: {place}, unix.SYS_GETRANDOM: {place, 16, 0},
			unix.SYS_PIPE2: {place, 0}, unix.SYS_FUTEX: {place, futexWakeOp, 1, 1, place, 0},
		} {
			if call == unix.SYS_READ {
				if _, err := ask(t, g, unix.SYS_WRITE, fd(1), []byte("xxxx"), 4); err != nil {
					t.Fatal(err)
				}
			}
			if r, err := ask(t, g, call, args...); err != abi.Errno(unix.EFAULT) {
				t.Errorf("call %d at %s: %d, %v, want EFAULT", call, name, r, err)
			}
		}
		// Other processes.
		for _, pid := range []int{1, g.ID()} {
			if n, err := vmRead(t, g, pid, place); err != abi.Errno(unix.EFAULT) {
				t.Errorf("process_vm_readv of process %d at %s: %d, %v, want EFAULT", pid, name, n, err)
			}
			if n, err := memRead(t, g, pid, place); err != abi.Errno(unix.EIO) {
				t.Errorf("/proc/%d/mem at %s: %d, %v, want EIO", pid, name, n, err)
			}
		}
	}
	if string(onHeap) != string(secret) || !strings.HasPrefix(string(secret), "a secret") {
		t.Errorf("memory is %q and %q", onHeap, secret)
	}
}

func vmRead(t *testing.T, g backends.Guest, pid int, place uintptr) (uintptr, error) {
	mem, err := g.Memory(64)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Release(mem)
	for i, word := range []uint64{0, 16, uint64(place), 16} {
		binary.NativeEndian.PutUint64(mem[8*i:], word)
	}
	c := backends.Call{Num: unix.SYS_PROCESS_VM_READV, Refs: []backends.Ref{{Holder: 1, Mem: backends.Mem(mem[32:48], backends.Out)}}}
	c.Args = [backends.MaxArgs]backends.Arg{
		backends.Int(uintptr(pid)), backends.Mem(mem[:16], backends.In), backends.Int(1), backends.Mem(mem[16:32], backends.In), backends.Int(1),
	}
	r, _, err := g.Call(c)
	return r, err
}

func memRead(t *testing.T, g backends.Guest, pid int, place uintptr) (uintptr, error) {
	path := "/proc/self/mem\x00"
	if pid == 1 {
		path = "/proc/1/mem\x00"
	}
	f, err := ask(t, g, unix.SYS_OPENAT, unix.AT_FDCWD, []byte(path), os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _, _ = ask(t, g, unix.SYS_CLOSE, f) }()
	return ask(t, g, unix.SYS_PREAD64, f, make([]byte, 16), 16, place)
}

// TestGuestsAreApart: what a child or another guest has in its memory is its
// own, and what ends gives its memory back, but not what is lent.
func TestGuestsAreApart(t *testing.T) {
	k := newGuestKernel(t)
	g := newGuest(t, k)
	mem, err := g.Memory(1 << 16)
	if err != nil {
		t.Fatal(err)
	}
	for i := range mem {
		mem[i] = 'g'
	}
	child, err := g.ForkGuest(t.Context(), backends.CopiedDescriptors)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := child.Memory(1 << 16)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := ask(t, child, unix.SYS_GETRANDOM, make([]byte, 64), 64, 0); r != 64 || err != nil {
		t.Errorf("getrandom of the child: %d, %v", r, err)
	}
	if theirs[0] != 0 || mem[0] != 'g' {
		t.Error("a child sees its parent's memory")
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	for _, b := range mem {
		if b != 'g' {
			t.Fatal("what was lent has changed")
		}
	}
	g.Release(mem)
	if _, err := g.Memory(1); !errors.Is(err, backends.ErrExited) {
		t.Errorf("memory of a process that has ended: %v", err)
	}
	child.Release(theirs)
	if r, err := ask(t, child, unix.SYS_GETPPID); r != 1 || err != nil {
		t.Errorf("the child's parent: %d, %v", r, err)
	}
	if err := child.Close(); err != nil {
		t.Fatal(err)
	}
	// Nobody waits for them, and nobody must.
	for _, p := range []backends.Guest{g, child} {
		stat, err := sys.New(k, "sentry").Init().ReadFile(fmt.Sprintf("/proc/%d/stat", p.ID()))
		if err == nil {
			t.Errorf("a process that has ended is still there: %s", stat)
		}
	}
}

// TestGuestMemory lends more than there is, in pieces, and takes all back.
func TestGuestMemory(t *testing.T) {
	k := newGuestKernel(t)
	g := newGuest(t, k)
	const piece = 30 << 20
	for range 3 {
		var lent [][]byte
		for {
			mem, err := g.Memory(piece)
			if err != nil {
				break
			}
			mem[0], mem[piece-1] = 1, 2
			lent = append(lent, mem)
		}
		if len(lent) != 8 {
			t.Errorf("%d pieces of %d bytes", len(lent), piece)
		}
		for i := range lent {
			g.Release(lent[(i*3)%len(lent)])
		}
	}
	if _, err := g.Memory(256<<20 + 1); err == nil {
		t.Error("more than there is")
	}
	all, err := g.Memory(256 << 20)
	if err != nil {
		t.Errorf("what came back is in pieces: %v", err)
	}
	g.Release(all)
}

// TestNoGuests: only a kernel that was opened for them has guests, and only
// such whose calls bring their memory.
func TestNoGuests(t *testing.T) {
	k, err := backends.Open(t.Context(), "sentry", backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if _, err := k.(backends.GuestKernel).NewGuest(t.Context(), "x", nil); !errors.Is(err, backends.ErrNotSupported) {
		t.Errorf("NewGuest: %v", err)
	}
	type memory struct{ backends.GuestMemory }
	if _, err := newGuestKernel(t).NewGuest(t.Context(), "x", memory{}); !errors.Is(err, backends.ErrNotSupported) {
		t.Errorf("NewGuest with memory elsewhere: %v", err)
	}
}
