//go:build cgo && linux && (amd64 || arm64)

package rumpuser_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/rumpuser"
	"github.com/anykernel/anykernel/rump/loader"
)

var compiled = sync.OnceValues(func() (*loader.Program, error) {
	dir, err := os.MkdirTemp("", "component")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "component.so")
	msg, err := exec.Command("gcc", "-shared", "-fPIC", "-O1", "-nostdlib", "-fno-builtin", "-fno-stack-protector",
		"-fno-optimize-sibling-calls", "-o", out, "testdata/component.c").CombinedOutput()
	if err != nil {
		return nil, errors.Join(err, errors.New(string(msg)))
	}
	l, err := loader.Open(out)
	if err != nil {
		return nil, err
	}
	return loader.Link([]*loader.Library{l}, loader.Options{Host: rumpuser.Symbol, Trap: rumpuser.Trap()})
})

// A component is a kernel of the tests' own.
type component struct {
	t testing.TB
	*rumpuser.Kernel
	image  *loader.Image
	thread *rumpuser.Thread
}

type image struct{ *loader.Image }

func (image) LinkSet(string) [][2]uintptr { return nil }

func start(t testing.TB, host hypercall.Host, o rumpuser.Options) *component {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not here (remedy: apt-get install gcc)")
	}
	prog, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	if o.Memory == 0 {
		o.Memory = 32 << 20
	}
	if o.CPUs == 0 {
		o.CPUs = 2
	}
	c := &component{t: t}
	if c.image, err = prog.Load(); err != nil {
		t.Fatal(err)
	}
	if c.Kernel, err = rumpuser.New(host, o); err != nil {
		t.Fatal(err)
	}
	if err := c.Bind(image{c.image}); err != nil {
		t.Fatal(err)
	}
	if c.thread, err = c.NewThread(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.End(rumpuser.Exited)
		c.Free()
		c.thread.Free()
		c.image.Close()
	})
	if n, err := c.call("rump_init"); n != 0 || err != nil {
		t.Fatalf("rump_init: %d, %v", n, err)
	}
	return c
}

func (c *component) call(name string, args ...uintptr) (int, error) {
	addr, _ := c.image.Symbol(name)
	if addr == 0 {
		c.t.Fatalf("the component has no %s", name)
	}
	n, err := c.thread.Invoke(addr, args...)
	return int(int32(n)), err
}

func (c *component) want(want int, name string, args ...uintptr) {
	c.t.Helper()
	if n, err := c.call(name, args...); n != want || err != nil {
		c.t.Errorf("%s: %d, %v, want %d", name, n, err, want)
	}
}

func TestLocks(t *testing.T) {
	const threads, rounds = 7, 300
	for _, cpus := range []int{1, 2} {
		c := start(t, hypercall.Host{}, rumpuser.Options{CPUs: cpus})
		c.want(threads*rounds, "test_mutex", 2)
		c.want(threads*rounds, "test_mutex", 3)
		c.want(threads*rounds/4, "test_rw")
		c.want(0, "test_rw_rules")
		c.want(200, "test_cv")
	}
}

func TestTimedWait(t *testing.T) {
	c := start(t, hypercall.Host{}, rumpuser.Options{})
	if us, err := c.call("test_timedwait", 20_000_000); us < 20_000 || us > 2_000_000 || err != nil {
		t.Errorf("a wait of 20ms took %dµs, %v", us, err)
	}
}

func TestMemory(t *testing.T) {
	c := start(t, hypercall.Host{}, rumpuser.Options{Memory: 16 << 20})
	c.want(0, "test_memory", 20000)
	if used := c.MemoryUsed(); used > 64<<10 {
		t.Errorf("%d bytes are in use after all was freed", used)
	}
	const enomem = 12
	c.want(enomem, "test_memory_limit", 17<<20)
	c.want(enomem, "test_memory_limit", 1<<62)
	c.want(0, "test_memory_limit", 15<<20)
}

// hooked sees what a kernel asks of its host.
type hooked struct {
	hypercall.UnimplementedBlock
	mu      sync.Mutex
	printed []string
	asked   []int
	refuse  bool
}

func (h *hooked) Print(b []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.printed = append(h.printed, string(b))
	return nil
}

func (h *hooked) Allocate(n, align int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, n)
	if h.refuse {
		return errors.New("refused")
	}
	return nil
}

func (h *hooked) Param(name string) (string, bool) { return "blue", name == "COLOUR" }

func (h *hooked) Now() time.Time           { return time.Unix(1, 0) }
func (h *hooked) Monotonic() time.Duration { return 5 * time.Second }

func TestHost(t *testing.T) {
	h := &hooked{}
	c := start(t, hypercall.Host{Console: h, Memory: h, Params: h, Clock: h}, rumpuser.Options{})
	c.want(0, "test_console")
	if want := []string{"99 bottles of beer\n", "half a line\n"}; !slices.Equal(h.printed, want) {
		t.Errorf("the console printed %q, want %q", h.printed, want)
	}
	if tail := string(c.Tail()); !strings.HasSuffix(tail, "half a line\n") {
		t.Errorf("the tail is %q", tail)
	}
	c.want(0, "test_memory_limit", 5000)
	if !slices.Contains(h.asked, 5000) {
		t.Errorf("the host was asked for memory %d", h.asked)
	}
	h.refuse = true
	c.want(12, "test_memory_limit", 5000)
	buf := make([]byte, 8)
	c.want(0, "test_param", uintptr(unsafe.Pointer(&buf[0])), 8)
	if string(buf[:5]) != "blue\x00" {
		t.Errorf("the parameter is %q", buf)
	}
	c.want(22, "test_param", uintptr(unsafe.Pointer(&buf[0])), 4)
	runtime.KeepAlive(buf)
	c.want(64, "test_random")
	// The clock stands still at what the host says.
	if us, err := c.call("test_timedwait", 1_000_000); us != 0 || err != nil {
		t.Errorf("a clock that stands still moved %dµs, %v", us, err)
	}
}

// slowBlock is a host that opens files when it is let go.
type slowBlock struct {
	hypercall.UnimplementedBlock
	asked, let chan struct{}
}

func (s slowBlock) Open(string, hypercall.OpenMode) (hypercall.File, error) {
	s.asked <- struct{}{}
	<-s.let
	return nil, hypercall.ErrUnimplemented
}

// TestSlowHost: threads of a kernel that wait for the host hold up nobody else.
func TestSlowHost(t *testing.T) {
	for _, cpus := range []int{1, 2} {
		s := slowBlock{asked: make(chan struct{}, 3), let: make(chan struct{})}
		c := start(t, hypercall.Host{Block: s}, rumpuser.Options{CPUs: cpus})
		overdue := time.AfterFunc(10*time.Second, func() { close(s.let) })
		c.want(1, "test_slow_host")
		for range 3 {
			<-s.asked
		}
		if !overdue.Stop() {
			t.Error("the kernel stood still until the host had answered")
			continue
		}
		close(s.let)
	}
}

// TestEndUnderSlowHost ends kernels whose threads wait for the host. Free waits
// for the host's answers, which come late.
func TestEndUnderSlowHost(t *testing.T) {
	for range 50 {
		s := slowBlock{asked: make(chan struct{}, 3), let: make(chan struct{})}
		c := start(t, hypercall.Host{Block: s}, rumpuser.Options{CPUs: 2})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.call("test_slow_host")
		}()
		<-s.asked
		c.End(rumpuser.Exited)
		<-ended
		time.AfterFunc(time.Millisecond, func() { close(s.let) })
		c.Free()
	}
}

func TestSyscall(t *testing.T) {
	c := start(t, hypercall.Host{}, rumpuser.Options{})
	th, err := c.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	defer th.Free()
	if errno, err := th.NewLWP(7); errno != 0 || err != nil {
		t.Fatalf("a new LWP: error %d, %v", errno, err)
	}
	th.Args()[0] = 40
	r0, r1, errno, err := th.Syscall(2)
	if r0 != 42 || r1 != 1007 || errno != 0 || err != nil {
		t.Errorf("a system call: %d, %d, error %d, %v", r0, r1, errno, err)
	}
}

func TestEnds(t *testing.T) {
	for _, tc := range []struct {
		call string
		arg  uintptr
		how  rumpuser.How
	}{
		{"test_exit", 3, rumpuser.Exited},
		{"test_exit", ^uintptr(0), rumpuser.Panicked},
		{"test_missing", 0, rumpuser.Faulted},
		{"test_fault", 16, rumpuser.Faulted},
		{"test_overflow", 0, rumpuser.Faulted},
	} {
		c := start(t, hypercall.Host{}, rumpuser.Options{})
		// Others wait in it, and must be woken.
		var others sync.WaitGroup
		for range 3 {
			th, err := c.NewThread()
			if err != nil {
				t.Fatal(err)
			}
			addr, _ := c.image.Symbol("test_wait_for_ever")
			others.Go(func() {
				defer th.Free()
				if _, err := th.Invoke(addr); !errors.Is(err, rumpuser.ErrEnded) {
					t.Errorf("%s: who waited got %v", tc.call, err)
				}
			})
		}
		time.Sleep(5 * time.Millisecond)
		if _, err := c.call(tc.call, tc.arg); !errors.Is(err, rumpuser.ErrEnded) {
			t.Errorf("%s returned, %v", tc.call, err)
		}
		others.Wait()
		<-c.Ended()
		end := c.State()
		if end.How != tc.how {
			t.Errorf("%s ended the kernel by %d, want %d", tc.call, end.How, tc.how)
		}
		switch tc.call {
		case "test_missing":
			if end.Missing != "nobody_has_this" {
				t.Errorf("missing is %q", end.Missing)
			}
		case "test_fault":
			if where := c.image.Describe(end.PC); end.Address != 16 || !strings.Contains(where, "test_fault") {
				t.Errorf("the fault is at %#x in %q", end.Address, where)
			}
		}
		if _, err := c.call("test_random"); !errors.Is(err, rumpuser.ErrEnded) {
			t.Errorf("a call after the end: %v", err)
		}
	}
}

func TestWrongRevision(t *testing.T) {
	c := start(t, hypercall.Host{}, rumpuser.Options{})
	c.want(45, "wrong_revision")
	if tail := string(c.Tail()); !strings.Contains(tail, "revision 16") {
		t.Errorf("the console says %q", tail)
	}
}

// zeros is a host whose randomness is none.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// TestFastRandom holds the stream to ChaCha8's published one of a key of zeros
// (draft-strombergson-chacha-test-vectors-01, TC1, 256 bits, 8 rounds).
func TestFastRandom(t *testing.T) {
	c := start(t, hypercall.Host{Random: zeros{}}, rumpuser.Options{})
	got := make([]uint32, 32)
	c.want(0, "test_fast_random", uintptr(unsafe.Pointer(&got[0])), uintptr(len(got)))
	runtime.KeepAlive(got)
	const want = "3e00ef2f895f40d67f5bb8e81f09a5a12c840ec3ce9a7f3b181be188ef711a1e" +
		"984ce172b9216f419f445367456d5619314a42a3da86b001387bfdb80e0cfe42" +
		"d2aefa0deaa5c151bf0adb6c01f2a5adc0fd581259f9a2aadcf20f8fd566a26b" +
		"5032ec38bbc5da98ee0c6f568b872a65a08abf251deb21bb4b56e5d8821e68aa"
	var b []byte
	for _, w := range got {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	if hex.EncodeToString(b) != want {
		t.Errorf("the stream is %x, want %s", b, want)
	}
}

// TestSpinLoop: who waits in a loop for a thread that waits for the virtual CPU
// gives it that, unless it has a spin mutex.
func TestSpinLoop(t *testing.T) {
	c := start(t, hypercall.Host{}, rumpuser.Options{})
	c.want(0, "test_spin_loop", 9_000, 0)
	c.want(3, "test_spin_loop", 35_000, 0)
	c.want(0, "test_spin_loop", 35_000, 1)
}
