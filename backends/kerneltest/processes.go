package kerneltest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// processCases are about processes. What they change, they change in a
// process of their own.
var processCases = []Case{
	{Name: "processes have numbers", Needs: backends.Fork, Run: testProcessIDs},
	{Name: "processes form groups and sessions", Needs: backends.Fork, Run: testSessions},
	{Name: "users and groups of a process", Needs: backends.Fork, Run: testUsers},
	{Name: "a process has a directory, a root and a mask", Needs: backends.Fork, Run: testWorkdir},
	{Name: "wait tells exit codes and signals", Needs: backends.Processes, Run: testWait},
	{Name: "wait tells stops and continues", Needs: backends.Signals, Run: testWaitStopped},
	{Name: "wait does not wait", Needs: backends.Processes, Run: testWaitNothing},
	{Name: "wait is interrupted", Needs: backends.Interrupts, Run: testWaitInterrupted},
	{Name: "children have the descriptors that were asked for", Needs: backends.Fork, Run: testForkDescriptors},
	{Name: "processes pass bytes through a pipe", Needs: backends.Fork, Run: testForkPipe},
	{Name: "limits hold", Needs: backends.Fork, Run: testRlimit},
	{Name: "priorities", Needs: backends.Processes, Run: testPriority},
	{Name: "use of resources is counted", Run: testRusage},
	{Name: "blocked signals wait", Needs: backends.Signals, Run: testSignalMask},
	{Name: "poll and select with a mask of their own", Needs: backends.Signals, Run: testPollMask},
	{Name: "signals are taken in turn", Needs: backends.Signals, Run: testSigtimedwait},
	{Name: "signals that nobody can send or know", Needs: backends.Signals, Run: testSignalErrors},
	{Name: "exec of what is no program", Needs: backends.Processes, Run: testExecErrors},
}

// fork makes a child of the first process, with copies of its descriptors, that
// ends with the case.
func fork(t T, k *sys.Kernel) *sys.Process {
	t.Helper()
	p, err := k.Init().Fork(t.Context(), backends.CopiedDescriptors)
	if err != nil {
		t.Fatalf("fork: %v", err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// get is v, or the end of the case.
func get[V any](t T, what string) func(V, error) V {
	t.Helper()
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return v
	}
}

func check(t T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func wantError(t T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func testProcessIDs(t T, k *sys.Kernel) {
	p := fork(t, k)
	if pid := get[int](t, "getpid")(p.Getpid()); pid != p.ID() || pid == k.Init().ID() {
		t.Errorf("getpid in process %d is %d", p.ID(), pid)
	}
	init := get[int](t, "getpid")(k.Init().Getpid())
	if ppid := get[int](t, "getppid")(p.Getppid()); ppid != init {
		t.Errorf("getppid in a child of %d is %d", init, ppid)
	}
	grandchild, err := p.Fork(t.Context(), backends.CleanDescriptors)
	if err != nil {
		t.Fatalf("fork of a child: %v", err)
	}
	if ppid := get[int](t, "getppid")(grandchild.Getppid()); ppid != p.ID() {
		t.Errorf("getppid in a child of %d is %d", p.ID(), ppid)
	}
	check(t, "close", grandchild.Close())
	if !k.Capabilities().Has(backends.Processes) {
		return
	}
	if w := get[sys.Waited](t, "wait")(grandchild.Wait()); w.PID != grandchild.ID() || w.Status.Signal() != sys.SIGKILL {
		t.Errorf("a closed process: %+v", w)
	}
}

func testSessions(t T, k *sys.Kernel) {
	p := fork(t, k)
	inherited := get[int](t, "getpgrp")(k.Init().Getpgrp())
	if pgid := get[int](t, "getpgrp")(p.Getpgrp()); pgid != inherited {
		t.Errorf("a child is in group %d, its parent in %d", pgid, inherited)
	}
	sid := get[int](t, "setsid")(p.Setsid())
	if sid != p.ID() {
		t.Errorf("setsid in process %d: %d", p.ID(), sid)
	}
	if got := get[int](t, "getsid")(p.Getsid(0)); got != sid {
		t.Errorf("getsid after setsid: %d, want %d", got, sid)
	}
	_, err := p.Setsid()
	wantError(t, "setsid of a leader", err, sys.EPERM)
	child, err := p.Fork(t.Context(), backends.CleanDescriptors)
	if err != nil {
		t.Fatalf("fork: %v", err)
	}
	check(t, "setpgid", child.Setpgid(0, 0))
	if pgid := get[int](t, "getpgid")(p.Getpgid(child.ID())); pgid != child.ID() {
		t.Errorf("a child that left is in group %d, want %d", pgid, child.ID())
	}
	if got := get[int](t, "getsid")(p.Getsid(child.ID())); got != sid {
		t.Errorf("a child is in session %d, want %d", got, sid)
	}
	_, err = p.Getpgid(1 << 22)
	wantError(t, "getpgid of nobody", err, sys.ESRCH)
}

func testUsers(t T, k *sys.Kernel) {
	p := fork(t, k)
	uid := get[int](t, "getuid")(p.Getuid())
	if euid := get[int](t, "geteuid")(p.Geteuid()); euid != 0 || uid != 0 {
		t.Logf("not root: users cannot be changed")
		wantError(t, "setuid without the right", p.Setuid(uid+1), sys.EPERM)
		return
	}
	check(t, "setgroups", p.Setgroups([]int{10, 20, 70000}))
	if g := get[[]int](t, "getgroups")(p.Getgroups()); !slices.Equal(g, []int{10, 20, 70000}) {
		t.Errorf("groups are %v", g)
	}
	check(t, "setgroups of none", p.Setgroups(nil))
	if g := get[[]int](t, "getgroups")(p.Getgroups()); len(g) != 0 {
		t.Errorf("groups are %v, want none", g)
	}
	if k.ABI().OS == "linux" {
		testResuid(t, p)
	}
	check(t, "setregid", p.Setregid(-1, 1002))
	check(t, "setreuid", p.Setreuid(-1, 1001))
	if euid := get[int](t, "geteuid")(p.Geteuid()); euid != 1001 {
		t.Errorf("effective user is %d after setreuid", euid)
	}
	if egid := get[int](t, "getegid")(p.Getegid()); egid != 1002 {
		t.Errorf("effective group is %d after setregid", egid)
	}
	wantError(t, "setgroups without the right", p.Setgroups([]int{1}), sys.EPERM)
	_, err := p.Open("/anykernel-not-mine", sys.O_CREAT|sys.O_WRONLY, 0o600)
	wantError(t, "a file in a directory of root's", err, fs.ErrPermission)
	// The change must hold for blocking calls too, and for nobody else.
	var wrong int
	for range 16 {
		if euid, err := p.Geteuid(); err != nil || euid != 1001 {
			wrong++
		}
	}
	if euid := get[int](t, "geteuid")(k.Init().Geteuid()); euid != 0 || wrong != 0 {
		t.Errorf("effective user of the parent is %d; %d calls of the child saw another user", euid, wrong)
	}
}

func testResuid(t T, p *sys.Process) {
	check(t, "setresgid", p.Setresgid(sys.IDs{Real: 7, Effective: -1, Saved: 0}))
	if ids := get[sys.IDs](t, "getresgid")(p.Getresgid()); ids != (sys.IDs{Real: 7, Effective: 0, Saved: 0}) {
		t.Errorf("groups are %+v", ids)
	}
	check(t, "setresuid", p.Setresuid(sys.IDs{Real: 5, Effective: -1, Saved: 0}))
	if ids := get[sys.IDs](t, "getresuid")(p.Getresuid()); ids != (sys.IDs{Real: 5, Effective: 0, Saved: 0}) {
		t.Errorf("users are %+v", ids)
	}
}

func testWorkdir(t T, k *sys.Kernel) {
	p := fork(t, k)
	dir := get[string](t, "mkdirtemp")(p.MkdirTemp("", "workdir"))
	t.Cleanup(func() { _ = k.Init().RemoveAll(dir) })
	before := get[string](t, "getcwd")(k.Init().Getcwd())
	check(t, "chdir", p.Chdir(dir))
	if cwd := get[string](t, "getcwd")(p.Getcwd()); cwd != dir {
		t.Errorf("getcwd after chdir to %s: %s", dir, cwd)
	}
	if cwd := get[string](t, "getcwd")(k.Init().Getcwd()); cwd != before {
		t.Errorf("the parent is in %s, was in %s", cwd, before)
	}
	check(t, "umask", p.WriteFile("open", nil, 0o666))
	old, err := p.Umask(0o077)
	check(t, "umask", err)
	if again, _ := p.Umask(old); again != 0o077 {
		t.Errorf("umask is %v after it was set to 077", again)
	}
	_, _ = p.Umask(0o077)
	check(t, "write", p.WriteFile("closed", nil, 0o666))
	if st := get[sys.Stat](t, "stat")(p.Stat("closed")); st.Mode.Perm() != 0o600 {
		t.Errorf("a file made with mask 077 has mode %v", st.Mode)
	}
	check(t, "mkdir", p.MkdirAll("a/b", 0o755))
	long := strings.Repeat("a/b/", 1) + strings.Repeat("x", 200)
	check(t, "mkdir", p.MkdirAll(long+"/"+strings.Repeat("y", 200)+"/"+strings.Repeat("z", 200), 0o755))
	check(t, "chdir", p.Chdir(long+"/"+strings.Repeat("y", 200)+"/"+strings.Repeat("z", 200)))
	if cwd := get[string](t, "getcwd")(p.Getcwd()); !strings.HasSuffix(cwd, "zzz") || len(cwd) < 600 {
		t.Errorf("getcwd in a deep directory: %s", cwd)
	}
	f := get[*sys.File](t, "open")(p.Open(dir, sys.O_RDONLY|sys.O_DIRECTORY, 0))
	check(t, "fchdir", f.Chdir())
	if cwd := get[string](t, "getcwd")(p.Getcwd()); cwd != dir {
		t.Errorf("getcwd after fchdir to %s: %s", dir, cwd)
	}
	wantError(t, "chdir to nothing", p.Chdir("nothing"), sys.ENOENT)
	wantError(t, "chdir to a file", p.Chdir("closed"), sys.ENOTDIR)
	if err := p.Chroot(dir); !errors.Is(err, sys.EPERM) {
		check(t, "chroot", err)
		check(t, "chdir", p.Chdir("/a"))
		if cwd := get[string](t, "getcwd")(p.Getcwd()); cwd != "/a" {
			t.Errorf("getcwd below a new root: %s", cwd)
		}
	}
}

func testWait(t T, k *sys.Kernel) {
	for _, status := range []int{0, 1, 255} {
		p := fork(t, k)
		check(t, "exit", p.Exit(status))
		w := get[sys.Waited](t, "wait")(p.Wait())
		if w.PID != p.ID() || !w.Status.Exited() || w.Status.ExitCode() != status || w.Status.Success() != (status == 0) {
			t.Errorf("exit(%d): %+v, %v", status, w, w.Status)
		}
		if _, err := p.Getpid(); !errors.Is(err, backends.ErrExited) {
			t.Errorf("a call of a process that exited: %v", err)
		}
		_, err := p.Wait()
		wantError(t, "second wait", err, sys.ECHILD)
	}
	for _, sig := range []sys.Signal{sys.SIGTERM, sys.SIGKILL, sys.SIGUSR1} {
		p := fork(t, k)
		check(t, "kill", p.Signal(sig))
		w := get[sys.Waited](t, "wait")(p.Wait())
		if !w.Status.Signaled() || w.Status.Signal() != sig || w.Status.ExitCode() != -1 || w.Status.String() != "killed by "+sig.String() {
			t.Errorf("%v: %v", sig, w.Status)
		}
		select {
		case <-p.Done():
		case <-time.After(5 * time.Second):
			t.Errorf("%v: Done is not closed", sig)
		}
	}
}

func testWaitStopped(t T, k *sys.Kernel) {
	p, parent := fork(t, k), k.Init()
	check(t, "stop", p.Signal(sys.SIGSTOP))
	w := get[sys.Waited](t, "wait")(parent.Wait4(p.ID(), sys.WUNTRACED))
	if !w.Status.Stopped() || w.Status.Signal() != sys.SIGSTOP {
		t.Errorf("a stopped child: %v", w.Status)
	}
	check(t, "continue", p.Signal(sys.SIGCONT))
	if flags := sys.WCONTINUED; k.ABI().OS != "netbsd" {
		if w = get[sys.Waited](t, "wait")(parent.Wait4(p.ID(), flags)); !w.Status.Continued() {
			t.Errorf("a continued child: %v", w.Status)
		}
	}
	if pid := get[int](t, "getpid")(p.Getpid()); pid != p.ID() {
		t.Errorf("getpid after a stop: %d", pid)
	}
}

func testWaitNothing(t T, k *sys.Kernel) {
	p := fork(t, k)
	if w := get[sys.Waited](t, "wait")(k.Init().Wait4(p.ID(), sys.WNOHANG)); w.PID != 0 {
		t.Errorf("WNOHANG with a living child: %+v", w)
	}
	_, err := p.Wait4(-1, 0)
	wantError(t, "wait without children", err, sys.ECHILD)
	_, err = p.Wait4(-1, 1<<20)
	wantError(t, "wait with an unknown flag", err, sys.ErrNotSupported)
}

func testWaitInterrupted(t T, k *sys.Kernel) {
	if k.Capabilities().Missing(backends.Processes) != "" {
		return
	}
	p := fork(t, k)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := p.With(ctx).Wait()
	wantError(t, "wait whose context ended", err, context.DeadlineExceeded)
	check(t, "close", p.Close())
	_, err = p.Wait()
	check(t, "wait", err)
}

func testForkDescriptors(t T, k *sys.Kernel) {
	r, w := pipe(t, k.Init())
	for fds, inherits := range map[backends.Descriptors]bool{
		backends.CopiedDescriptors: true, backends.SharedDescriptors: true, backends.CleanDescriptors: false,
	} {
		p, err := k.Init().Fork(t.Context(), fds)
		if err != nil {
			t.Fatalf("fork: %v", err)
		}
		_, err = p.FD(w.FD()).Write([]byte("x"))
		if !inherits {
			wantError(t, "write to a descriptor that was not inherited", err, sys.EBADF)
		} else if check(t, "write to an inherited descriptor", err); err == nil {
			if n, err := r.Read(make([]byte, 2)); n != 1 || err != nil {
				t.Errorf("read of what a child wrote: %d, %v", n, err)
			}
		}
		// What the child closes, the parent loses only where they share.
		f := get[*sys.File](t, "open")(k.Init().Open("/", sys.O_RDONLY, 0))
		_ = p.FD(f.FD()).Close()
		_, err = f.Stat()
		if lost := err != nil; lost != (fds == backends.SharedDescriptors) {
			t.Errorf("descriptors %d: after a close by the child: %v", fds, err)
		}
		if fds == backends.SharedDescriptors {
			f.Keep() // the number is closed already
		} else {
			check(t, "close", f.Close())
		}
		check(t, "close", p.Close())
		_, _ = p.Wait()
	}
}

func testForkPipe(t T, k *sys.Kernel) {
	r, w, err := k.Init().Pipe(0)
	if err != nil {
		t.Fatalf("pipe: %v", err)
	}
	p := fork(t, k)
	check(t, "close", p.FD(r.FD()).Close())
	check(t, "close", w.Close())
	data := pattern(1 << 18)
	go func() {
		out := p.FD(w.FD())
		_, _ = out.Write(data)
		_ = out.Close()
	}()
	within(t, "reading what a child writes", func() {
		got, err := io.ReadAll(r)
		if err != nil || string(got) != string(data) {
			t.Errorf("%d of %d bytes came through, %v", len(got), len(data), err)
		}
	})
	check(t, "close", r.Close())
}

func testRlimit(t T, k *sys.Kernel) {
	p := fork(t, k)
	l := get[sys.Rlimit](t, "getrlimit")(p.Getrlimit(sys.RLIMIT_NOFILE))
	const most = 30
	check(t, "setrlimit", p.Setrlimit(sys.RLIMIT_NOFILE, sys.Rlimit{Cur: most, Max: l.Max}))
	if now := get[sys.Rlimit](t, "getrlimit")(p.Getrlimit(sys.RLIMIT_NOFILE)); now != (sys.Rlimit{Cur: most, Max: l.Max}) {
		t.Errorf("limits are %v after they were set to %d/%d", now, most, l.Max)
	}
	var files []*sys.File
	var err error
	for range most + 1 {
		var f *sys.File
		if f, err = p.Open("/", sys.O_RDONLY, 0); err != nil {
			break
		}
		files = append(files, f)
	}
	wantError(t, "open beyond the limit", err, sys.EMFILE)
	for _, f := range files {
		check(t, "close", f.Close())
	}
	check(t, "setrlimit", p.Setrlimit(sys.RLIMIT_CORE, sys.Rlimit{Cur: 0, Max: sys.Unlimited}))
	if c := get[sys.Rlimit](t, "getrlimit")(p.Getrlimit(sys.RLIMIT_CORE)); c.Cur != 0 || c.Max != sys.Unlimited {
		t.Errorf("the limits of core files are %v", c)
	}
	wantError(t, "a limit above its maximum", p.Setrlimit(sys.RLIMIT_NOFILE, sys.Rlimit{Cur: 2, Max: 1}), sys.EINVAL)
	if k.ABI().OS == "linux" {
		if old := get[sys.Rlimit](t, "prlimit")(k.Init().Prlimit(p.ID(), sys.RLIMIT_NOFILE, nil)); old.Cur != most {
			t.Errorf("prlimit of the child says %v", old)
		}
	}
}

func testPriority(t T, k *sys.Kernel) {
	p := fork(t, k)
	before := get[int](t, "getpriority")(p.Priority(sys.PRIO_PROCESS, 0))
	check(t, "setpriority", p.SetPriority(sys.PRIO_PROCESS, 0, 15))
	if nice := get[int](t, "getpriority")(p.Priority(sys.PRIO_PROCESS, 0)); nice != 15 {
		t.Errorf("nice is %d after it was set from %d to 15", nice, before)
	}
	check(t, "setpriority beyond the range", p.SetPriority(sys.PRIO_PROCESS, 0, 99))
	if nice := get[int](t, "getpriority")(p.Priority(sys.PRIO_PROCESS, 0)); nice != 19 && nice != 20 {
		t.Errorf("nice is %d after it was set to 99", nice)
	}
	_, err := p.Priority(9, 0)
	wantError(t, "priority of an unknown kind", err, sys.ErrNotSupported)
}

func testRusage(t T, k *sys.Kernel) {
	u, err := k.Init().Getrusage(sys.RUSAGE_SELF)
	if errors.Is(err, sys.ErrNotSupported) {
		return
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	if u.User < 0 || u.System < 0 || u.MaxRSS < 0 || u.String() == "" {
		t.Errorf("rusage is %+v", u)
	}
}

func testSignalMask(t T, k *sys.Kernel) {
	p := fork(t, k)
	set := sys.SigSetOf(sys.SIGUSR1, sys.SIGTERM)
	if old := get[sys.SigSet](t, "sigprocmask")(p.Sigprocmask(sys.SIG_BLOCK, set)); old != (sys.SigSet{}) {
		t.Errorf("signals %v are blocked in a new process", old)
	}
	if now := get[sys.SigSet](t, "sigprocmask")(p.Sigprocmask(sys.SIG_BLOCK, sys.SigSet{})); now != set {
		t.Errorf("blocked are %v, want %v", now, set)
	}
	check(t, "kill", p.Signal(sys.SIGUSR1))
	if pending := get[sys.SigSet](t, "sigpending")(p.Sigpending()); pending != sys.SigSetOf(sys.SIGUSR1) {
		t.Errorf("pending are %v, want SIGUSR1", pending)
	}
	if pid := get[int](t, "getpid")(p.Getpid()); pid != p.ID() {
		t.Errorf("getpid with a signal pending: %d", pid)
	}
	_, _ = p.Sigprocmask(sys.SIG_UNBLOCK, set)
	within(t, "unblocking a pending signal", func() {
		if w, err := p.Wait(); w.Status.Signal() != sys.SIGUSR1 {
			t.Errorf("unblocking a pending signal: %v, %v, want the end by SIGUSR1", w.Status, err)
		}
	})
}

// testPollMask has a signal pending: a mask that has it lets the call wait, and
// one that has it not lets the signal through.
func testPollMask(t T, k *sys.Kernel) {
	set := sys.SigSetOf(sys.SIGUSR1)
	for name, wait := range map[string]func(*sys.Process, time.Duration, sys.SigSet) error{
		"poll": func(p *sys.Process, d time.Duration, mask sys.SigSet) error {
			_, err := p.PollMask(nil, d, mask)
			return err
		},
		"select": func(p *sys.Process, d time.Duration, mask sys.SigSet) error {
			_, err := p.SelectMask(sys.Selected{}, d, mask)
			return err
		},
	} {
		p := fork(t, k)
		_, err := p.Sigprocmask(sys.SIG_SETMASK, set)
		check(t, "sigprocmask", err)
		check(t, "kill", p.Signal(sys.SIGUSR1))
		start := time.Now()
		if err := wait(p, 20*time.Millisecond, set); err != nil || time.Since(start) < 20*time.Millisecond {
			t.Errorf("%s with the pending signal blocked: %v after %v", name, err, time.Since(start))
		}
		within(t, name+" with the pending signal let through", func() {
			_ = wait(p, -1, sys.SigSet{})
			if w, err := p.Wait(); w.Status.Signal() != sys.SIGUSR1 {
				t.Errorf("%s with the pending signal let through: %v, %v, want the end by SIGUSR1", name, w.Status, err)
			}
		})
	}
}

func testSigtimedwait(t T, k *sys.Kernel) {
	p := fork(t, k)
	set := sys.SigSetOf(sys.SIGUSR1, sys.SIGUSR2)
	_, err := p.Sigprocmask(sys.SIG_SETMASK, set)
	check(t, "sigprocmask", err)
	_, err = p.Sigtimedwait(set, 0)
	wantError(t, "sigtimedwait without a signal", err, sys.EAGAIN)
	start := time.Now()
	_, err = p.Sigtimedwait(set, 20*time.Millisecond)
	wantError(t, "sigtimedwait without a signal", err, sys.EAGAIN)
	if d := time.Since(start); d < 20*time.Millisecond {
		t.Errorf("sigtimedwait of 20ms took %v", d)
	}
	sender := k.Init().ID()
	go func() {
		time.Sleep(5 * time.Millisecond)
		_ = p.Signal(sys.SIGUSR2)
	}()
	within(t, "waiting for a signal", func() {
		info, err := p.Sigtimedwait(set, -1)
		check(t, "sigtimedwait", err)
		if info.Signal != sys.SIGUSR2 || info.PID != sender {
			t.Errorf("got %+v, want SIGUSR2 from %d", info, sender)
		}
		if k.ABI().OS == "linux" && info.Reason() != "SI_USER" {
			t.Errorf("the reason is %s, want SI_USER", info.Reason())
		}
	})
}

func testSignalErrors(t T, k *sys.Kernel) {
	p := fork(t, k)
	check(t, "signal 0", p.Signal(0))
	check(t, "close", p.Close())
	_, _ = p.Wait()
	wantError(t, "signal to nobody", k.Init().Kill(p.ID(), sys.SIGTERM), sys.ESRCH)
	wantError(t, "an unknown signal", k.Init().Kill(p.ID(), 200), sys.ErrNotSupported)
}

func testExecErrors(t T, k *sys.Kernel) {
	p := fork(t, k)
	wantError(t, "exec of nothing", p.Exec("/nothing/here", []string{"x"}, nil), sys.ENOENT)
	dir := get[string](t, "mkdirtemp")(p.MkdirTemp("", "exec"))
	t.Cleanup(func() { _ = k.Init().RemoveAll(dir) })
	check(t, "write", p.WriteFile(dir+"/text", []byte("no program at all, of more than one line\n"), 0o755))
	check(t, "write", p.WriteFile(dir+"/data", []byte("x"), 0o644))
	wantError(t, "exec of text", p.Exec(dir+"/text", []string{"x"}, nil), sys.ENOEXEC)
	wantError(t, "exec of data", p.Exec(dir+"/data", []string{"x"}, nil), sys.EACCES)
	if err := p.Exec(dir+"/text", []string{"a\x00b"}, nil); err == nil {
		t.Errorf("exec with a NUL in an argument succeeds")
	}
	if pid := get[int](t, "getpid")(p.Getpid()); pid != p.ID() {
		t.Errorf("getpid after failed execs: %d", pid)
	}
	_, err := k.Init().Start(t.Context(), &sys.Command{Path: dir + "/text"})
	wantError(t, "start of text", err, sys.ENOEXEC)
	_, err = k.Init().Wait4(-1, sys.WNOHANG)
	if err != nil && !errors.Is(err, sys.ECHILD) {
		t.Errorf("wait: %v", err)
	}
	_ = fmt.Sprint(&sys.Command{Path: "x"})
}
