package remote_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/sys"
)

var separateKernels = []string{"rump?process=separate", "sentry?process=separate"}

func TestSeparate(t *testing.T) {
	for _, spec := range separateKernels {
		t.Run(spec, func(t *testing.T) { kerneltest.Conform(t, spec, slow...) })
	}
}

// children is the processes that this one has.
func children(t *testing.T) []int {
	t.Helper()
	return childrenOf(t, os.Getpid())
}

func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip(err)
	}
	var list []int
	for _, e := range entries {
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(f) > 1 && f[1] == strconv.Itoa(pid) {
			n, _ := strconv.Atoi(e.Name())
			list = append(list, n)
		}
	}
	return list
}

// TestSeparateDies kills the process of a kernel in ways in which it cannot say
// anything, while a call blocks.
func TestSeparateDies(t *testing.T) {
	for _, spec := range separateKernels {
		for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGABRT} {
			t.Run(spec+"/"+sig.String(), func(t *testing.T) { dies(t, spec, sig) })
		}
	}
}

func dies(t *testing.T, spec string, sig syscall.Signal) {
	needReady(t, spec)
	k, err := sys.Open(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	r, w, err := k.Init().Pipe(0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	blocked := make(chan error, 1)
	go func() {
		_, err := r.Read(make([]byte, 1))
		blocked <- err
	}()
	time.Sleep(20 * time.Millisecond)
	kids := children(t)
	if len(kids) != 1 {
		t.Fatalf("the children are %v, want one", kids)
	}
	// A signal to a thread, as of a bad address in native code.
	if err := syscall.Kill(kids[0], sig); err != nil {
		t.Fatal(err)
	}
	var crash *backends.PanicError
	select {
	case err := <-blocked:
		if !errors.As(err, &crash) || !strings.Contains(crash.Reason, "its process ended") {
			t.Errorf("a call that blocked: %v, want a PanicError", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a call still blocks after the kernel's process died")
	}
	if _, err := k.Init().Getpid(); !errors.As(err, &crash) || crash.Kernel != strings.Replace(spec, "?process=separate", "", 1) {
		t.Errorf("a later call: %v", err)
	}
	if err := k.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if kids := children(t); len(kids) != 0 {
		t.Errorf("children are left: %v", kids)
	}
}

// TestSeparateOrphan ends the parent of a kernel's process without a word.
func TestSeparateOrphan(t *testing.T) {
	needReady(t, "rump")
	if os.Getenv("ANYKERNEL_TEST_PARENT") != "" {
		if _, err := sys.Open(context.Background(), "rump?process=separate"); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("\nopened\n")
		select {}
	}
	parent := exec.Command("/proc/self/exe", "-test.run=TestSeparateOrphan$")
	parent.Env = append(os.Environ(), "ANYKERNEL_TEST_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(out)
	for in.Scan() && in.Text() != "opened" {
	}
	var kid int
	for _, pid := range childrenOf(t, parent.Process.Pid) {
		kid = pid
	}
	if kid == 0 {
		t.Fatal("the kernel has no process")
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	for range 500 {
		if syscall.Kill(kid, 0) != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d of the kernel outlives its parent", kid)
	_ = syscall.Kill(kid, syscall.SIGKILL)
}

func TestSeparateErrors(t *testing.T) {
	needReady(t, "rump")
	for spec, want := range map[string]string{
		"rump:nosuchthing?process=separate": "nosuchthing",
		"rump?process=other":                "there is process=separate",
		"rump?process=separate&mem=1x":      "a size is",
	} {
		if _, err := backends.Open(t.Context(), spec, backends.Config{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", spec, err, want)
		}
	}
	if kids := children(t); len(kids) != 0 {
		t.Errorf("children are left: %v", kids)
	}
}
