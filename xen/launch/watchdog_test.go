package launch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func writeFile(t *testing.T, name string, b []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestNothingCanWakeIt: a program that waits for what can never come ends, and
// says what it waits for.
func TestNothingCanWakeIt(t *testing.T) {
	// The first descriptors that are free are 3 and 4: a pipe has them.
	pipe := []uint64{sysPipe2, machineData, 0}
	for name, tc := range map[string]struct {
		calls [][]uint64
		want  string
	}{
		"futex": {[][]uint64{{sysFutex, machineData, 0, 0, 0}}, "a futex at 0x410000"},
		"pipe":  {[][]uint64{pipe, {sysRead, 3, machineData, 1}}, "data from descriptor 3"},
		// struct pollfd {3, POLLIN} is {3, 1} as two words, which a write of the
		// pipe's numbers left: 3 and 4, POLLOUT, of what can be read.
		"poll": {[][]uint64{pipe, {sysPoll, machineData, 1, ^uint64(0)}}, "one of 1 descriptors 3"},
		"epoll": {[][]uint64{
			pipe, {sysEpollCreate1, 0},
			{sysEpollCtl, 5, 1, 3, machineData}, // events: 3, the pipe's number, which has EPOLLIN
			{sysEpollWait, 5, machineData, 1, ^uint64(0)},
		}, "events of epoll 5, which watches 3"},
		"epoll of nothing": {[][]uint64{
			{sysEpollCreate1, 0}, {sysEpollWait, 3, machineData, 1, ^uint64(0)},
		}, "events of epoll 3, which watches\n"},
	} {
		c := machine(t, tc.calls...)
		for _, c.CPUs = range []int{1, 2} {
			status, out := run(t, c)
			if status != StatusStuck || !strings.Contains(out, "thread 1 waits for "+tc.want) || !strings.Contains(out, "nothing can wake one") {
				t.Errorf("%s on %d processors: status %d, want %d and %q; the console said\n%s", name, c.CPUs, status, StatusStuck, tc.want, out)
			}
		}
	}
}

// TestSomethingCanWakeIt: a program that waits for time, or for what is typed,
// goes on.
func TestSomethingCanWakeIt(t *testing.T) {
	exit := []uint64{sysExitGroup, 42}
	for name, tc := range map[string]struct {
		calls [][]uint64
		delay time.Duration
	}{
		"time":    {[][]uint64{{sysEpollCreate1, 0}, {sysEpollWait, 3, machineData, 1, 300}, exit}, 0},
		"console": {[][]uint64{{sysRead, 0, machineData, 1}, exit}, 500 * time.Millisecond},
	} {
		c := machine(t, tc.calls...)
		if tc.delay > 0 {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			c.Stdin = r
			time.AfterFunc(tc.delay, func() {
				w.WriteString("x\n")
				w.Close()
			})
		}
		if status, out := run(t, c); status != 42 {
			t.Errorf("%s: status %d, want 42; the console said\n%s", name, status, out)
		}
	}
}

// TestWatchdog: Go's runtime wakes each minute, and a Go program that waits for
// ever is found by a limit on its idle time.
func TestWatchdog(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		if cpus == 1 && testing.Short() {
			continue
		}
		c := Config{CPUs: cpus, CommandLine: "anykernel.watchdog=2"}
		start := time.Now()
		status, out := run(t, c, "stuck")
		if status != StatusStuck || !strings.Contains(out, "idle for 2 s") || !strings.Contains(out, "events of epoll") {
			t.Errorf("status %d after %v, want %d; the console said\n%s", status, time.Since(start), StatusStuck, out)
		}
		if took := time.Since(start); took < 2*time.Second {
			t.Errorf("it ended after %v of 2 s", took)
		}
		succeed(t, c, "busy ok", "busy") // one that prints, or computes, gets on
	}
	for _, bad := range []string{"0", "x", "2s", "1000001", ""} {
		status, out := run(t, Config{CommandLine: "anykernel.watchdog=" + bad}, "hello")
		if status != StatusRefused || !strings.Contains(out, "want a number of seconds") {
			t.Errorf("watchdog=%q: status %d; the console said\n%s", bad, status, out)
		}
	}
}
