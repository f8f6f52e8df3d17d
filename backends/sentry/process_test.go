//go:build linux && (amd64 || arm64)

package sentry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/sentry"
)

func fork(t testing.TB, p backends.Process, fds backends.Descriptors) backends.Process {
	t.Helper()
	child, err := p.Fork(t.Context(), fds)
	if err != nil {
		t.Fatal(err)
	}
	return child
}

// wait waits for a child of the first process and gives its status.
func wait(t testing.TB, s syscaller, pid int) unix.WaitStatus {
	t.Helper()
	var status uint32
	if r := s.must(t, unix.SYS_WAIT4, num(pid), out(bytesOf(&status)), num(0), num(0)); int(r) != pid {
		t.Fatalf("wait4(%d) gave process %d", pid, r)
	}
	return unix.WaitStatus(status)
}

func TestFork(t *testing.T) {
	k := boot(t, sentry.Options{})
	s := callerOf(k.Init())
	fd := s.must(t, unix.SYS_OPENAT, num(unix.AT_FDCWD), text("/etc/hosts"), num(0), num(0))
	for _, tc := range []struct {
		fds         backends.Descriptors
		has, shared bool
	}{
		{backends.CopiedDescriptors, true, false},
		{backends.SharedDescriptors, true, true},
		{backends.CleanDescriptors, false, false},
	} {
		child := fork(t, k.Init(), tc.fds)
		c := callerOf(child)
		if pid := c.must(t, unix.SYS_GETPID); int(pid) != child.ID() {
			t.Errorf("getpid of process %d is %d", child.ID(), pid)
		}
		if ppid := c.must(t, unix.SYS_GETPPID); int(ppid) != k.Init().ID() {
			t.Errorf("getppid is %d", ppid)
		}
		_, err := c(unix.SYS_FCNTL, fdNum(fd), num(unix.F_GETFD))
		if has := err == nil; has != tc.has {
			t.Errorf("table %d: the child has the parent's descriptor: %t", tc.fds, has)
		}
		d := c.must(t, unix.SYS_OPENAT, num(unix.AT_FDCWD), text("/etc/passwd"), num(0), num(0))
		if _, err := s(unix.SYS_FCNTL, fdNum(d), num(unix.F_GETFD)); tc.shared && err != nil {
			t.Errorf("the parent does not have a descriptor of the shared table: %v", err)
		}
		if _, err := c(unix.SYS_EXIT_GROUP, num(7)); !errors.Is(err, backends.ErrExited) {
			t.Errorf("exit_group gave %v, want ErrExited", err)
		}
		if st := wait(t, s, child.ID()); !st.Exited() || st.ExitStatus() != 7 {
			t.Errorf("status %#x, want exit 7", st)
		}
		<-child.Done()
		if _, err := c(unix.SYS_GETPID); !errors.Is(err, backends.ErrExited) {
			t.Errorf("a call on an ended process: %v, want ErrExited", err)
		}
	}
}

func TestProcessClose(t *testing.T) {
	k := boot(t, sentry.Options{})
	child := fork(t, k.Init(), backends.CopiedDescriptors)
	blocked := make(chan error, 1)
	go func() {
		_, err := callerOf(child)(unix.SYS_PPOLL)
		blocked <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if err := child.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-blocked; !errors.Is(err, backends.ErrExited) {
		t.Errorf("the blocked call ended with %v, want ErrExited", err)
	}
	if st := wait(t, callerOf(k.Init()), child.ID()); st.Signal() != unix.SIGKILL {
		t.Errorf("status %#x, want SIGKILL", st)
	}
	if err := child.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if err := k.Init().Close(); err == nil {
		t.Errorf("the first process could be closed")
	}
}

func TestCloseEndsBlockedCalls(t *testing.T) {
	k, err := sentry.Open(t.Context(), sentry.Options{}, backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	const callers = 100
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if _, err := callerOf(k.Init())(unix.SYS_PPOLL); !errors.Is(err, backends.ErrClosed) {
				t.Errorf("a blocked call ended with %v, want ErrClosed", err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
}

func TestInitExits(t *testing.T) {
	k, err := sentry.Open(t.Context(), sentry.Options{}, backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	callerOf(k.Init())(unix.SYS_EXIT, num(3))
	<-k.Done()
	var p *backends.PanicError
	if !errors.As(k.Err(), &p) || !strings.Contains(p.Reason, "init") {
		t.Errorf("the kernel ended with %v", k.Err())
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

func TestExec(t *testing.T) {
	k := boot(t, sentry.Options{})
	s := callerOf(k.Init())
	child := fork(t, k.Init(), backends.CopiedDescriptors)
	c := callerOf(child)
	stays := c.must(t, unix.SYS_OPENAT, num(unix.AT_FDCWD), text("/etc/hosts"), num(0), num(0))
	goes := c.must(t, unix.SYS_OPENAT, num(unix.AT_FDCWD), text("/etc/hosts"), num(unix.O_CLOEXEC), num(0))
	blocked := make(chan error, 1)
	go func() {
		_, err := callerOf(child)(unix.SYS_PPOLL)
		blocked <- err
	}()
	time.Sleep(20 * time.Millisecond)
	argv, args := make([]byte, 24), [][]byte{[]byte("program\x00"), []byte("argument\x00")}
	call := backends.Call{Num: unix.SYS_EXECVE}
	call.Args[0], call.Args[1] = text("/init"), backends.Mem(argv, backends.In)
	for i, a := range args {
		call.Refs = append(call.Refs, backends.Ref{Holder: 1, Off: 8 * i, Mem: in(a)})
	}
	if _, _, err := child.Call(call); err != nil {
		t.Fatalf("execve: %v", err)
	}
	if err := <-blocked; !isErrno(err, unix.EINTR) {
		t.Errorf("a call in another thread at the time of execve: %v, want EINTR", err)
	}
	if got := readFile(t, c, "/proc/self/cmdline"); got != "program\x00argument\x00" {
		t.Errorf("the command line is %q", got)
	}
	if _, err := c(unix.SYS_FCNTL, fdNum(stays), num(unix.F_GETFD)); err != nil {
		t.Errorf("a descriptor without O_CLOEXEC: %v", err)
	}
	if _, err := c(unix.SYS_FCNTL, fdNum(goes), num(unix.F_GETFD)); !isErrno(err, unix.EBADF) {
		t.Errorf("a descriptor with O_CLOEXEC: %v, want EBADF", err)
	}
	// The memory of Go is there as before.
	buf := make([]byte, 64<<10)
	if n := c.must(t, unix.SYS_READ, fdNum(stays), out(buf), num(len(buf))); n == 0 {
		t.Errorf("nothing read after execve")
	}
	if _, err := c(unix.SYS_EXECVE, text("/etc/hosts"), num(0), num(0)); !isErrno(err, unix.EACCES) {
		t.Errorf("execve of a text: %v, want EACCES", err)
	}
	if err := child.Close(); err != nil {
		t.Fatal(err)
	}
	wait(t, s, child.ID())
}

// sigaction is struct kernel_sigaction.
type sigaction struct {
	handler, flags, restorer uint64
	_                        uint64 // the mask, empty
}

// handle makes a signal be caught. The handler is never run: any address will
// do.
func handle(t testing.TB, s syscaller, sig unix.Signal, flags uint64) {
	t.Helper()
	const saRestorer = 0x04000000
	a := sigaction{handler: 0x20000, flags: flags | saRestorer, restorer: 0x20000}
	s.must(t, unix.SYS_RT_SIGACTION, num(int(sig)), in(bytesOf(&a)), num(0), num(8))
}

func TestSignals(t *testing.T) {
	k := boot(t, sentry.Options{})
	s := callerOf(k.Init())
	child := fork(t, k.Init(), backends.CopiedDescriptors)
	c := callerOf(child)
	handle(t, c, unix.SIGUSR1, 0)
	blocked := make(chan error, 1)
	go func() {
		_, err := c(unix.SYS_RT_SIGSUSPEND, in(make([]byte, 8)), num(8))
		blocked <- err
	}()
	for i := 0; ; i++ { // until the call has begun to wait
		s.must(t, unix.SYS_KILL, num(child.ID()), num(int(unix.SIGUSR1)))
		select {
		case err := <-blocked:
			if !isErrno(err, unix.EINTR) {
				t.Errorf("sigsuspend ended with %v, want EINTR", err)
			}
		case <-time.After(time.Millisecond):
			if i > 2000 {
				t.Fatal("sigsuspend does not end")
			}
			continue
		}
		break
	}
	for range 10_000 { // caught while nobody waits
		s.must(t, unix.SYS_KILL, num(child.ID()), num(int(unix.SIGUSR1)))
	}
	c.must(t, unix.SYS_GETPID)
	s.must(t, unix.SYS_KILL, num(child.ID()), num(int(unix.SIGTERM)))
	if st := wait(t, s, child.ID()); st.Signal() != unix.SIGTERM {
		t.Errorf("status %#x, want SIGTERM", st)
	}
}

func TestBlockedSignalIsPending(t *testing.T) {
	k := boot(t, sentry.Options{})
	s := callerOf(k.Init())
	handle(t, s, unix.SIGUSR2, 0)
	mask := uint64(1) << (unix.SIGUSR2 - 1)
	s.must(t, unix.SYS_RT_SIGPROCMASK, num(unix.SIG_BLOCK), in(bytesOf(&mask)), num(0), num(8))
	s.must(t, unix.SYS_KILL, num(1), num(int(unix.SIGUSR2)))
	var pending uint64
	s.must(t, unix.SYS_RT_SIGPENDING, out(bytesOf(&pending)), num(8))
	if pending&mask == 0 {
		t.Errorf("pending signals are %#x", pending)
	}
	var info [128]byte
	if sig := s.must(t, unix.SYS_RT_SIGTIMEDWAIT, in(bytesOf(&mask)), out(info[:]), num(0), num(8)); unix.Signal(sig) != unix.SIGUSR2 {
		t.Errorf("sigtimedwait gave signal %d", sig)
	}
}

// TestThreadState checks that what Linux keeps per thread belongs to the
// process here.
func TestThreadState(t *testing.T) {
	k := boot(t, sentry.Options{})
	child := fork(t, k.Init(), backends.CopiedDescriptors)
	c := callerOf(child)
	many := func(f func()) {
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(f)
		}
		wg.Wait()
	}
	many(func() { c(unix.SYS_NANOSLEEP, in(bytesOf(&unix.Timespec{Nsec: 1e6})), num(0)) })
	c.must(t, unix.SYS_SETRESUID, num(1000), num(1000), num(1000))
	many(func() {
		if uid, err := c(unix.SYS_GETUID); uid != 1000 || err != nil {
			t.Errorf("getuid is %d, %v after setresuid", uid, err)
		}
	})
	many(func() {
		if tid, err := c(unix.SYS_GETTID); int(tid) != child.ID() || err != nil {
			t.Errorf("gettid is %d, %v", tid, err)
		}
	})
	other := fork(t, k.Init(), backends.CopiedDescriptors)
	o := callerOf(other)
	many(func() { o(unix.SYS_GETPID) })
	o.must(t, unix.SYS_UNSHARE, num(unix.CLONE_NEWUTS|unix.CLONE_NEWNET|unix.CLONE_NEWNS|unix.CLONE_NEWIPC))
	o.must(t, unix.SYS_SETHOSTNAME, in([]byte("other")), num(5))
	many(func() {
		var u unix.Utsname
		if _, err := o(unix.SYS_UNAME, out(bytesOf(&u))); err != nil || unix.ByteSliceToString(u.Nodename[:]) != "other" {
			t.Errorf("the host name is %q, %v", unix.ByteSliceToString(u.Nodename[:]), err)
		}
	})
	var u unix.Utsname
	callerOf(k.Init()).must(t, unix.SYS_UNAME, out(bytesOf(&u)))
	if got := unix.ByteSliceToString(u.Nodename[:]); got != "sentry" {
		t.Errorf("the host name outside of the namespace is %q", got)
	}
}

// TestSeccomp checks that a filter sees every call of every goroutine, of the
// process and of its children, and of nobody else.
func TestSeccomp(t *testing.T) {
	k := boot(t, sentry.Options{})
	child := fork(t, k.Init(), backends.CopiedDescriptors)
	c := callerOf(child)
	for range 4 {
		c.must(t, unix.SYS_GETUID)
	}
	const refused = 99
	prog := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 0, Jf: 1, K: unix.SYS_GETUID},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | refused},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	c.must(t, unix.SYS_PRCTL, num(unix.PR_SET_NO_NEW_PRIVS), num(1), num(0), num(0), num(0))
	call := backends.Call{Num: unix.SYS_SECCOMP}
	holder := make([]byte, 16)
	holder[0] = byte(len(prog))
	raw := make([]byte, 0, 8*len(prog))
	for i := range prog {
		raw = append(raw, bytesOf(&prog[i])...)
	}
	call.Args[0], call.Args[2] = num(unix.SECCOMP_SET_MODE_FILTER), in(holder)
	call.Refs = []backends.Ref{{Holder: 2, Off: 8, Mem: in(raw)}}
	if _, _, err := child.Call(call); err != nil {
		t.Fatalf("seccomp: %v", err)
	}
	grandchild := fork(t, child, backends.CopiedDescriptors)
	var wg sync.WaitGroup
	for _, s := range []syscaller{c, callerOf(grandchild)} {
		for range 20 {
			wg.Go(func() {
				for range 20 {
					if _, err := s(unix.SYS_GETUID); !isErrno(err, refused) {
						t.Errorf("getuid passed the filter: %v", err)
						return
					}
					if _, err := s(unix.SYS_GETPID); err != nil {
						t.Errorf("getpid: %v", err)
					}
				}
			})
		}
	}
	wg.Wait()
	if _, err := callerOf(k.Init())(unix.SYS_GETUID); err != nil {
		t.Errorf("getuid of another process: %v", err)
	}
}

func TestCloneIsRefused(t *testing.T) {
	k := boot(t, sentry.Options{})
	s := callerOf(k.Init())
	for _, flags := range []int{unix.CLONE_VM, unix.CLONE_VM | unix.CLONE_VFORK, unix.CLONE_VM | unix.CLONE_SIGHAND | unix.CLONE_THREAD} {
		if _, err := s(unix.SYS_CLONE, num(flags)); !errors.Is(err, backends.ErrNotSupported) {
			t.Errorf("clone(%#x): %v, want ErrNotSupported", flags, err)
		}
	}
	pid := s.must(t, unix.SYS_CLONE, num(int(unix.SIGCHLD)|unix.CLONE_NEWUTS))
	p, err := k.Process(int(pid))
	if err != nil {
		t.Fatal(err)
	}
	if got := callerOf(p).must(t, unix.SYS_GETPID); got != pid {
		t.Errorf("getpid of the clone %d is %d", pid, got)
	}
	if _, err := k.Process(99999); err == nil {
		t.Errorf("process 99999 was found")
	}
}

func TestInterruptedCallDoesNotHurtTheNext(t *testing.T) {
	k := boot(t, sentry.Options{})
	p := k.Init()
	for i := range 200 {
		cancel := make(chan struct{})
		call := backends.Call{Num: unix.SYS_PPOLL, Cancel: cancel}
		time.AfterFunc(time.Duration(i%20)*50*time.Microsecond, func() { close(cancel) })
		if _, _, err := p.Call(call); !errors.Is(err, backends.ErrInterrupted) {
			t.Fatalf("round %d: %v, want ErrInterrupted", i, err)
		}
		ts := unix.Timespec{Nsec: 1000}
		if _, err := callerOf(p)(unix.SYS_NANOSLEEP, in(bytesOf(&ts)), num(0)); err != nil {
			t.Fatalf("round %d: the next call failed: %v", i, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	k, err := backends.Open(t.Context(), "sentry:hostname=box,env=A=1,env=B=two,user=ann:1000,user=bob:1001:100", backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	s := callerOf(k.Init())
	for name, want := range map[string]string{
		"/proc/1/environ":           "A=1\x00B=two\x00",
		"/etc/hostname":             "box\n",
		"/proc/sys/kernel/hostname": "box\n",
	} {
		if got := readFile(t, s, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	passwd := readFile(t, s, "/etc/passwd")
	for _, line := range []string{"root:x:0:0:root:/root:", "ann:x:1000:1000:ann:/home/ann:", "bob:x:1001:100:bob:/home/bob:"} {
		if !strings.Contains(passwd, line) {
			t.Errorf("/etc/passwd has no %q:\n%s", line, passwd)
		}
	}
	mounts := readFile(t, s, "/proc/mounts")
	for _, m := range []string{" /proc proc ", " /sys sysfs ", " /dev dev ", " /dev/pts devpts "} {
		if !strings.Contains(mounts, m) {
			t.Errorf("/proc/mounts has no %q:\n%s", m, mounts)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, spec := range []string{
		"sentry:mem=x", "sentry:mem=-1", "sentry:mem=9999999t", "sentry:mem=1k", "sentry:user=ann", "sentry:user=ann:x",
		"sentry:user=ann:1:2:3", "sentry:env=novalue", "sentry:env==x", "sentry:mount=/tmp", "sentry:copy=:/x", "sentry:nosuch=1",
		"sentry:argument", "sentry:hostname=" + strings.Repeat("x", 65),
	} {
		if k, err := backends.Open(t.Context(), spec, backends.Config{}); err == nil {
			k.Close()
			t.Errorf("%s: the kernel opened", spec)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	const limit = 8 << 20
	k, other := boot(t, sentry.Options{Memory: limit}), boot(t, sentry.Options{})
	s := callerOf(k.Init())
	fill := func(s syscaller, fd uintptr, max int) (written int, err error) {
		buf := make([]byte, 256<<10)
		for i := range buf {
			buf[i] = 1
		}
		for written < max {
			n, err := s(unix.SYS_WRITE, fdNum(fd), in(buf), num(len(buf)))
			if err != nil {
				return written, err
			}
			written += int(n)
		}
		return written, nil
	}
	create := func(s syscaller, name string) uintptr {
		return s.must(t, unix.SYS_OPENAT, num(unix.AT_FDCWD), text(name), num(unix.O_CREAT|unix.O_RDWR), num(0o644))
	}
	n, err := fill(s, create(s, "/tmp/full"), 10*limit)
	if !isErrno(err, unix.ENOSPC) || n > limit || n < limit/2 {
		t.Errorf("a file of the root file system took %d of %d bytes, then: %v, want ENOSPC", n, limit, err)
	}
	// The memory is full: other file systems do not have more of it.
	fd := s.must(t, unix.SYS_MEMFD_CREATE, text("m"), num(0))
	if n, err := fill(s, fd, 10*limit); !isErrno(err, unix.ENOSPC) || n > 4<<20 {
		t.Errorf("a memfd took %d bytes more, then: %v, want ENOSPC", n, err)
	}
	if _, err := s(unix.SYS_MMAP, num(0), num(10*limit), num(unix.PROT_READ|unix.PROT_WRITE), num(unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE), num(-1), num(0)); !isErrno(err, unix.ENOMEM) {
		t.Errorf("mmap of 10 times the limit: %v, want ENOMEM", err)
	}
	// What is no memory of files still works.
	var fds [2]int32
	s.must(t, unix.SYS_PIPE2, out(bytesOf(&fds)), num(0))
	s.must(t, unix.SYS_WRITE, num(int(fds[1])), in([]byte("x")), num(1))
	// Another kernel is not touched.
	o := callerOf(other.Init())
	if n, err := fill(o, create(o, "/tmp/full"), 4*limit); err != nil {
		t.Errorf("another kernel failed after %d bytes: %v", n, err)
	}
	// What is deleted can be used again.
	s.must(t, unix.SYS_CLOSE, fdNum(fd))
	s.must(t, unix.SYS_UNLINKAT, num(unix.AT_FDCWD), text("/tmp/full"), num(0))
	s.must(t, unix.SYS_CLOSE, fdNum(0+3))
	if n, err := fill(s, create(s, "/tmp/again"), limit/2); err != nil {
		t.Errorf("after deletion only %d bytes: %v", n, err)
	}
}

func ExampleOpen() {
	k, err := sentry.Open(context.Background(), sentry.Options{Hostname: "box"}, backends.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer k.Close()
	pid, _, err := k.Init().Call(backends.Call{Num: unix.SYS_GETPID})
	fmt.Println(pid, err)
	// Output: 1 <nil>
}
