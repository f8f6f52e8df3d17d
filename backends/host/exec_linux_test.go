//go:build amd64 || arm64

package host_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/linux"
)

// shell is the path of a shell, which these tests run as their program.
func shell(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell here")
	}
	return path
}

func hostWithProcesses(t *testing.T) *sys.Kernel {
	t.Helper()
	k := kerneltest.New(t, "host")
	kerneltest.Need(t, k, backends.Processes)
	return k
}

// run runs a script in a process of the kernel and returns what it printed.
func run(t *testing.T, k *sys.Kernel, c sys.Command, script string) (string, sys.WaitStatus) {
	t.Helper()
	r, w, err := k.Init().Pipe(sys.O_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.Path, c.Args, c.Files = shell(t), []string{"sh", "-c", script}, []*sys.File{nil, w, w}
	p, err := k.Init().Start(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	waited, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return string(out), waited.Status
}

func TestProgramRuns(t *testing.T) {
	k := hostWithProcesses(t)
	dir := t.TempDir()
	out, status := run(t, k, sys.Command{Env: []string{"A=b c"}, Dir: dir},
		`echo "$A"; pwd; ls /proc/self/fd | tr '\n' ' '; echo; grep -E "Sig(Ign|Cgt|Blk)" /proc/self/status; exit 7`)
	if status.ExitCode() != 7 {
		t.Errorf("the status is %v, want 7", status)
	}
	lines := strings.Split(out, "\n")
	if len(lines) < 6 || lines[0] != "b c" || lines[1] != dir {
		t.Fatalf("it printed %q", out)
	}
	// 0 is what ls opened.
	if fds := strings.TrimSpace(lines[2]); fds != "0 1 2" && fds != "0 1 2 3" {
		t.Errorf("its descriptors are %s", fds)
	}
	for _, line := range lines[3:6] {
		if !strings.HasSuffix(line, "0000000000000000") && !strings.HasPrefix(line, "SigCgt") {
			t.Errorf("it inherited signals: %s", line)
		}
	}
}

func TestExecReplacesAProcess(t *testing.T) {
	k := hostWithProcesses(t)
	p, err := k.Init().Fork(t.Context(), backends.CleanDescriptors)
	if err != nil {
		t.Fatal(err)
	}
	blocked := make(chan error, 1)
	go func() { blocked <- pause(p) }()
	time.Sleep(10 * time.Millisecond)
	if err := p.Exec(shell(t), []string{"sh", "-c", "exit 3"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-blocked; !errors.Is(err, backends.ErrExited) {
		t.Errorf("a call that was blocked when its process became a program: %v", err)
	}
	if _, err := p.Getpid(); !errors.Is(err, backends.ErrExited) {
		t.Errorf("a call of a process that is a program now: %v", err)
	}
	w, err := p.Wait()
	if err != nil || w.Status.ExitCode() != 3 {
		t.Errorf("the program ended with %v, %v", w.Status, err)
	}
	select {
	case <-p.Done():
	case <-time.After(5 * time.Second):
		t.Error("Done is not closed")
	}
}

func TestProgramIsKilledWithItsContext(t *testing.T) {
	k := hostWithProcesses(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := k.Init().Run(ctx, &sys.Command{Path: shell(t), Args: []string{"sh", "-c", "sleep 100"}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a program that outlives its context: %v", err)
	}
}

func TestSetupIsInherited(t *testing.T) {
	k := hostWithProcesses(t)
	kerneltest.Need(t, k, backends.Namespaces)
	setup := func(p *sys.Process) error {
		return errors.Join(linux.Unshare(p, linux.CLONE_NEWUTS), p.SetHostname("guest.example"),
			p.Setresgid(sys.IDs{Real: 100, Effective: 100, Saved: 100}),
			p.Setresuid(sys.IDs{Real: 1000, Effective: 1000, Saved: 1000}))
	}
	out, status := run(t, k, sys.Command{Setup: setup, Env: []string{"PATH=/bin:/usr/bin"}}, "uname -n; id -u; id -g")
	if out != "guest.example\n1000\n100\n" || !status.Success() {
		t.Errorf("it printed %q and ended with %v", out, status)
	}
}

// TestCredentialsStayInTheChild looks at what the kernel keeps for the memory
// that both share.
func TestCredentialsStayInTheChild(t *testing.T) {
	k := hostWithProcesses(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	before, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.NewProcess(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Setuid(12345); err != nil {
		t.Fatal(err)
	}
	if now, _ := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); now != before {
		t.Errorf("this program's dumpable flag went from %d to %d", before, now)
	}
	if uid := statusField(t, p.ID(), "Uid"); !strings.HasPrefix(uid, "12345") {
		t.Errorf("the child's users are %s", uid)
	}
	if os.Geteuid() != 0 {
		t.Error("this program changed its user")
	}
	// All threads of the child, the ones that block as well, have the user.
	go func() { _ = pause(p) }()
	time.Sleep(10 * time.Millisecond)
	tasks, err := os.ReadDir("/proc/" + itoa(p.ID()) + "/task")
	if err != nil || len(tasks) < 2 {
		t.Errorf("%d threads, %v", len(tasks), err)
	}
	for _, task := range tasks {
		b, _ := os.ReadFile("/proc/" + itoa(p.ID()) + "/task/" + task.Name() + "/status")
		if !strings.Contains(string(b), "Uid:\t12345") {
			t.Errorf("thread %s has another user", task.Name())
		}
	}
	var death int
	if err := prctlOf(p, &death); err != nil || death != int(unix.SIGKILL) {
		t.Errorf("the signal at its parent's death is %d, %v", death, err)
	}
}

// TestNobodyOutlivesTheProgram runs this test binary, which makes a process,
// and kills it.
func TestNobodyOutlivesTheProgram(t *testing.T) {
	if os.Getenv("HOST_TEST_CHILD") != "" {
		k := hostWithProcesses(t)
		p, err := k.NewProcess(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		g, err := p.Fork(t.Context(), backends.CleanDescriptors)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString("pids " + itoa(p.ID()) + " " + itoa(g.ID()) + "\n")
		time.Sleep(time.Minute)
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^TestNobodyOutlivesTheProgram$", "-test.v")
	c.Env = append(os.Environ(), "HOST_TEST_CHILD=1")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []string
	for len(pids) == 0 {
		line, err := readLine(out)
		if err != nil {
			t.Skipf("the program made no process: %v", err)
		}
		if rest, ok := strings.CutPrefix(line, "pids "); ok {
			pids = strings.Fields(rest)
		}
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	for _, pid := range pids {
		waitGone(t, pid)
	}
}
