//go:build linux && (amd64 || arm64)

package host_test

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/host"
)

// marker is a length that nothing else would write to descriptor -1.
const marker = 0xabcde

// callBetweenMarkers makes one call of the backend between two writes that
// fail, for a tracer to find.
func callBetweenMarkers(t *testing.T) {
	k, err := host.Open()
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	unix.RawSyscall(unix.SYS_WRITE, ^uintptr(0), 0, marker)
	_, _, err = k.Init().Call(backends.Call{Num: unix.SYS_GETPPID})
	unix.RawSyscall(unix.SYS_WRITE, ^uintptr(0), 0, marker)
	if err != nil {
		t.Fatal(err)
	}
}

// TestOneCallIsOneCall has strace(1) tell what the kernel is asked when the
// backend is asked for one call: that one, and nothing else.
func TestOneCallIsOneCall(t *testing.T) {
	if os.Getenv("ANYKERNEL_TRACED") != "" {
		callBetweenMarkers(t)
		return
	}
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skipf("%v: install the package strace", err)
	}
	trace := t.TempDir() + "/trace"
	cmd := exec.Command("strace", "-ff", "-o", trace, os.Args[0], "-test.run=^TestOneCallIsOneCall$")
	cmd.Env = append(os.Environ(), "ANYKERNEL_TRACED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "ptrace") {
			t.Skipf("nothing can be traced here: %s", out)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	if got := betweenMarkers(t, trace); len(got) != 1 || !strings.HasPrefix(got[0], "getppid(") {
		t.Errorf("one getppid is these system calls: %q", got)
	}
}

// betweenMarkers is the calls that the thread with the markers made between
// them.
func betweenMarkers(t *testing.T, trace string) []string {
	t.Helper()
	var calls []string
	seen := 0
	for _, text := range threadsOf(t, trace) {
		for line := range strings.Lines(text) {
			switch {
			case strings.HasPrefix(line, "write(-1, NULL, 703710)"):
				seen++
			case seen == 1 && !strings.HasPrefix(line, "---"): // signals come when they like
				calls = append(calls, line)
			}
		}
	}
	if seen != 2 {
		t.Fatalf("%d markers were traced, want 2", seen)
	}
	return calls
}

// threadsOf is what strace wrote of each thread.
func threadsOf(t *testing.T, trace string) []string {
	t.Helper()
	dir := trace[:strings.LastIndex(trace, "/")]
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range entries {
		b, err := os.ReadFile(dir + "/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "write(-1, NULL, 703710)") {
			texts = append(texts, string(b))
		}
	}
	return texts
}
