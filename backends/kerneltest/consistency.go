package kerneltest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/hypercall/disk"
)

// CrashVar is the environment variable that makes [CrashConsistency] try one
// cut, in the form of [disk.ParseCut].
const CrashVar = "ANYKERNEL_CRASH"

// shownFailures is how many failures a test tells of.
const shownFailures = 3

// CrashConsistency fails the test where a file system does not survive a power
// failure; see [Crash]. For a failure it writes the line that tries the same
// cut again, and keeps the image among the test's artifacts (go test
// -artifacts). A kernel that cannot run here skips the test with what is
// missing.
func CrashConsistency(t testing.TB, c Crash) {
	t.Helper()
	NeedKernel(t, c.Kernel)
	leaks.enter()
	t.Cleanup(func() { leaks.leave(t) })
	if text := os.Getenv(CrashVar); text != "" {
		cut, err := disk.ParseCut(text)
		if err != nil {
			t.Fatalf("%s: %v", CrashVar, err)
		}
		c.Only = []disk.Cut{cut}
	}
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d power failures of loss %s in %d events", r.Cuts, c.Loss, r.Log.Len())
	for i, f := range r.Failures {
		if i == shownFailures {
			t.Errorf("and %d others", len(r.Failures)-i)
			break
		}
		t.Error(f.describe(t, r.Log))
	}
}

// describe says what failed after what, and how to see it again.
func (f *CrashFailure) describe(t testing.TB, log *disk.Log) string {
	var b strings.Builder
	fmt.Fprintf(&b, "after a power failure at event %d of %d: %v", f.Cut.Point, log.Len(), f.Err)
	for i := max(0, f.Cut.Point-3); i < f.Cut.Point; i++ {
		fmt.Fprintf(&b, "\n\tevent %d: %v", i, log.Event(i))
	}
	fmt.Fprintf(&b, "\n\tagain: %s=%s go test -artifacts -run '%s'%s", CrashVar, f.Cut, exactly(t.Name()), callerPackage())
	if path, err := f.keep(t.ArtifactDir()); err != nil {
		fmt.Fprintf(&b, "\n\tno image: %v", err)
	} else {
		fmt.Fprintf(&b, "\n\timage: %s", path)
	}
	return b.String()
}

func (f *CrashFailure) keep(dir string) (string, error) {
	if f.Disk == nil {
		return "", errors.New("this failure has no disk")
	}
	path := filepath.Join(dir, f.Name())
	return path, f.Disk.Save(path)
}

// exactly is a test's name as the pattern that finds it alone.
func exactly(name string) string {
	return "^" + strings.ReplaceAll(name, "/", "$/^") + "$"
}

// callerPackage is the path of the package whose test runs, with a blank before
// it.
func callerPackage() string {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(1, pc)])
	for path, more := "", true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if strings.HasPrefix(f.Function, "testing.") {
			return path
		}
		slash := strings.LastIndexByte(f.Function, '/') + 1
		name, _, _ := strings.Cut(f.Function[slash:], ".")
		path = " " + strings.TrimSuffix(f.Function[:slash]+name, "_test")
	}
	return ""
}
