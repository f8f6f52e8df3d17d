package kerneltest

import (
	"context"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// bootTime bounds how long a kernel may take to open.
const bootTime = 30 * time.Second

// New opens the kernel that spec describes. It is closed at the end of the
// test, what it prints is in the test's log, and what it leaves behind fails
// the test. A kernel that cannot run here skips the test with what is
// missing; one that should and does not fails it.
//
// Tests that use New may run in parallel: what is left behind is looked for
// when the last of their kernels has closed.
func New(t testing.TB, spec string) *sys.Kernel {
	t.Helper()
	NeedKernel(t, spec)
	return open(t, spec)
}

func open(t testing.TB, spec string) *sys.Kernel {
	t.Helper()
	leaks.enter()
	t.Cleanup(func() { leaks.leave(t) })
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	k, err := sys.OpenConfig(ctx, spec, backends.Config{Console: newLogWriter(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Errorf("closing the kernel: %v", err)
		}
	})
	return k
}

// NeedKernel skips the test where the kernel that spec describes cannot run
// here, with what is missing. [New] does so by itself.
func NeedKernel(t testing.TB, spec string) {
	t.Helper()
	s, err := backends.ParseSpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	b, err := backends.Lookup(s.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Ready(); err != nil {
		t.Skipf("kernel %s cannot run here: %v", spec, err)
	}
}

// Each runs test as a subtest on every kernel that specs names, or, without
// specs, on one of every backend that the test binary has and whose name alone
// is a kernel. Kernels that cannot run here are skipped with what is missing.
func Each(t *testing.T, test func(t *testing.T, k *sys.Kernel), specs ...string) {
	t.Helper()
	if len(specs) == 0 {
		for _, b := range backends.List() {
			if !b.NeedsArgs {
				specs = append(specs, b.Name)
			}
		}
	}
	if len(specs) == 0 {
		t.Fatal("no kernel backend is linked into this test: import one, such as backends/all")
	}
	for _, spec := range specs {
		t.Run(spec, func(t *testing.T) { test(t, New(t, spec)) })
	}
}

// Need skips the test where the kernel does not claim a capability, with the
// kernel's reason.
func Need(t testing.TB, k *sys.Kernel, needs ...backends.Capability) {
	t.Helper()
	for _, c := range needs {
		if reason := k.Capabilities().Missing(c); reason != "" {
			t.Skipf("%s has no %s: %s", k.Name(), c, reason)
		}
	}
}
