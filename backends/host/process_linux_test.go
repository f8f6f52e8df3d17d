//go:build amd64 || arm64

package host_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/sys"
)

// newChild makes a process with no descriptors in a kernel that is closed at
// the end of the test.
func newChild(t testing.TB) *sys.Process {
	t.Helper()
	k := kerneltest.New(t, "host")
	kerneltest.Need(t, k, backends.Processes)
	p, err := k.NewProcess(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// call makes a raw call of scalars.
func call(p *sys.Process, num uintptr, args ...uintptr) (uintptr, error) {
	c := backends.Call{Num: num}
	for i, a := range args {
		c.Args[i] = backends.Int(a)
	}
	r, _, err := p.Raw(c)
	return r, err
}

func TestChildIsAProcessOfItsOwn(t *testing.T) {
	p := newChild(t)
	pid, err := call(p, unix.SYS_GETPID)
	if err != nil || int(pid) != p.ID() || p.ID() == os.Getpid() {
		t.Errorf("getpid in process %d of program %d is %d, %v", p.ID(), os.Getpid(), pid, err)
	}
	if ppid, err := call(p, unix.SYS_GETPPID); err != nil || int(ppid) != os.Getpid() {
		t.Errorf("getppid is %d, %v, want %d", ppid, err, os.Getpid())
	}
	if entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.ID())); err != nil || len(entries) != 0 {
		t.Errorf("a process with clean descriptors has %d, %v", len(entries), err)
	}
	caught := statusField(t, p.ID(), "SigCgt")
	if want := fmt.Sprintf("%016x", 1<<33); caught != want {
		t.Errorf("signals with a handler are %s, want %s: the one that interrupts", caught, want)
	}
	if blocked := statusField(t, p.ID(), "SigBlk"); blocked != "0000000000000000" {
		t.Errorf("signals that are blocked are %s, want none", blocked)
	}
}

func TestDescriptorsOfChildren(t *testing.T) {
	k := kerneltest.New(t, "host")
	kerneltest.Need(t, k, backends.Processes)
	f, err := k.Init().Open("/dev/null", sys.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for fds, inherits := range map[backends.Descriptors]bool{
		backends.CopiedDescriptors: true,
		backends.SharedDescriptors: true,
		backends.CleanDescriptors:  false,
	} {
		p, err := k.Init().Fork(t.Context(), fds)
		if err != nil {
			t.Fatal(err)
		}
		_, err = call(p, unix.SYS_FCNTL, uintptr(f.FD()), unix.F_GETFD)
		if (err == nil) != inherits || !inherits && !isErrno(err, unix.EBADF) {
			t.Errorf("descriptors %d: fcntl of a descriptor of the parent's: %v", fds, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestManyCallersOfOneChild(t *testing.T) {
	p := newChild(t)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 20 {
				if pid, err := call(p, unix.SYS_GETPID); err != nil || int(pid) != p.ID() {
					t.Errorf("getpid: %d, %v", pid, err)
					return
				}
				if _, err := call(p, unix.SYS_FCHDIR, 99); !isErrno(err, unix.EBADF) {
					t.Errorf("fchdir of no descriptor: %v, want EBADF", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// pause blocks until it is interrupted or its process dies.
func pause(p *sys.Process) error {
	_, err := call(p, unix.SYS_PPOLL, 0, 0, 0, 0)
	return err
}

func TestKillWhileBlocked(t *testing.T) {
	p := newChild(t)
	const callers = 8
	ended := make(chan error, callers)
	for range callers {
		go func() { ended <- pause(p) }()
	}
	time.Sleep(20 * time.Millisecond)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for range callers {
		select {
		case err := <-ended:
			if !errors.Is(err, backends.ErrExited) {
				t.Errorf("a blocked call of a killed process: %v, want ErrExited", err)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("a blocked call of a killed process does not return")
		}
	}
	if _, err := call(p, unix.SYS_GETPID); !errors.Is(err, backends.ErrExited) {
		t.Errorf("a call of a dead process: %v, want ErrExited", err)
	}
	select {
	case <-p.Done():
	default:
		t.Error("Done is not closed")
	}
}

func TestCloseOfKernelEndsBlockedCalls(t *testing.T) {
	k := kerneltest.New(t, "host")
	kerneltest.Need(t, k, backends.Processes)
	p, err := k.NewProcess(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	go func() { ended <- pause(p) }()
	go func() { ended <- pause(k.Init().With(t.Context())) }()
	time.Sleep(20 * time.Millisecond)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	for range cap(ended) {
		if err := <-ended; !errors.Is(err, backends.ErrClosed) {
			t.Errorf("a blocked call of a closed kernel: %v, want ErrClosed", err)
		}
	}
}

func TestThousandForks(t *testing.T) {
	k := kerneltest.New(t, "host")
	kerneltest.Need(t, k, backends.Processes)
	fds, goroutines := openDescriptors(t), runtime.NumGoroutine()
	n := 1000
	if testing.Short() {
		n = 200
	}
	for range n {
		p, err := k.NewProcess(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := call(k.Init(), unix.SYS_WAIT4, uintptr(p.ID())); err != nil || int(got) != p.ID() {
			t.Fatalf("wait for %d: %d, %v", p.ID(), got, err)
		}
	}
	time.Sleep(10 * time.Millisecond)
	if now := openDescriptors(t); now > fds+3 { // what Go's poller opens
		t.Errorf("%d descriptors before, %d after", fds, now)
	}
	if now := runtime.NumGoroutine(); now > goroutines {
		t.Errorf("%d goroutines before, %d after", goroutines, now)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestCoreDumpEndsTheChildOnly has a child dump core, whose memory is ours.
func TestCoreDumpEndsTheChildOnly(t *testing.T) {
	p := newChild(t)
	if err := p.Chdir(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	const small = 64 << 10
	if err := p.Setrlimit(sys.RLIMIT_CORE, sys.Rlimit{Cur: small, Max: small}); err != nil {
		t.Fatal(err)
	}
	blocked := make(chan error, 1)
	go func() { blocked <- pause(p) }()
	time.Sleep(10 * time.Millisecond)
	if err := p.Signal(sys.SIGABRT); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-blocked:
		if !errors.Is(err, backends.ErrExited) {
			t.Errorf("a blocked call of a process that dumps core: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a blocked call of a process that dumps core does not return")
	}
	if w, err := p.Wait(); err != nil || w.Status.Signal() != sys.SIGABRT {
		t.Errorf("wait: %v, %v", w.Status, err)
	}
}
