//go:build cgo && linux && (amd64 || arm64)

package rump_test

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends/kerneltest"
)

// TestDebugger has gdb look at this process while a call sleeps in a kernel:
// it shows NetBSD's functions by name, down to the system call.
func TestDebugger(t *testing.T) {
	needKit(t)
	gdb, err := exec.LookPath("gdb")
	if err != nil {
		t.Skip("gdb is not here (remedy: apt-get install gdb)")
	}
	k := kerneltest.New(t, "rump:vfs?debug=1")
	r, w, err := k.Init().Pipe(0)
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := r.Read(make([]byte, 1)) // blocks in the kernel: the pipe has no O_NONBLOCK
		read <- err
	}()
	time.Sleep(50 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, gdb, "-batch", "-nx", "-p", strconv.Itoa(os.Getpid()), "-ex", "thread apply all bt")
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "ptrace:") {
		t.Skipf("gdb may not look at this process: %s", firstLine(out, "ptrace:"))
	}
	if err != nil {
		t.Fatalf("gdb: %v\n%s", err, out)
	}
	for _, want := range []string{"hyp_cv_wait_sig", "rumpns_dofileread", "rumpns_sys_read", "rump_syscall", "hyp_syscall"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the backtraces have no %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
}

func firstLine(text []byte, with string) string {
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, with) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
