//go:build linux && (amd64 || arm64)

package sentry_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/sys/abi"
)

// boot opens a kernel that is closed at the end of the test.
func boot(t testing.TB, opts sentry.Options) *sentry.Kernel {
	t.Helper()
	return bootConfig(t, opts, backends.Config{})
}

func bootConfig(t testing.TB, opts sentry.Options, cfg backends.Config) *sentry.Kernel {
	t.Helper()
	k, err := sentry.Open(t.Context(), opts, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return k
}

// usage is what a process holds.
type usage struct {
	goroutines, descriptors, mappings int
	rss, heap                         int // KiB
}

// measure counts after what is ending has ended and garbage has been freed.
func measure(t testing.TB) usage {
	t.Helper()
	runtime.GC()
	runtime.GC()
	var u usage
	for range 50 { // ends when two counts in a row agree
		n := runtime.NumGoroutine()
		time.Sleep(10 * time.Millisecond)
		if u.goroutines = runtime.NumGoroutine(); u.goroutines == n {
			break
		}
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	u.descriptors = len(fds)
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	u.mappings = bytes.Count(maps, []byte("\n"))
	u.rss = statusKiB(t, "VmRSS:")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.heap = int(m.HeapAlloc >> 10)
	return u
}

func statusKiB(t testing.TB, key string) int {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var n int
		if _, err := fmt.Sscanf(s.Text(), key+" %d kB", &n); err == nil {
			return n
		}
	}
	t.Fatalf("/proc/self/status has no %s", key)
	return 0
}

func sortStrings(s []string) { slices.Sort(s) }

func isErrno(err error, want unix.Errno) bool {
	var e abi.Errno
	return errors.As(err, &e) && unix.Errno(e) == want
}
