//go:build linux && (amd64 || arm64)

package sentry_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/sentry"
)

// TestProcessesEnd ends processes by every means while calls on them begin,
// block and end, and waits for each: nobody may be left behind.
func TestProcessesEnd(t *testing.T) {
	k := boot(t, sentry.Options{})
	s := callerOf(k.Init())
	ends := []func(p backends.Process){
		func(p backends.Process) { s(unix.SYS_KILL, num(p.ID()), num(int(unix.SIGTERM))) },
		func(p backends.Process) { p.Close() },
		func(p backends.Process) { callerOf(p)(unix.SYS_EXIT_GROUP, num(0)) },
		func(p backends.Process) { // to itself
			callerOf(p)(unix.SYS_KILL, num(p.ID()), num(int(unix.SIGKILL)))
		},
	}
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	for i := range rounds {
		child := fork(t, k.Init(), backends.CopiedDescriptors)
		c := callerOf(child)
		var wg sync.WaitGroup
		for j := range i % 4 {
			wg.Go(func() {
				for range 3 {
					c(unix.SYS_GETPID)
					if j == 0 {
						c(unix.SYS_NANOSLEEP, in(bytesOf(&unix.Timespec{Nsec: 20_000})), num(0))
					}
				}
				if j == 1 {
					c(unix.SYS_PPOLL)
				}
			})
		}
		for range i % 7 {
			runtime.Gosched()
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			ends[i%len(ends)](child)
			wait(t, s, child.ID())
			<-child.Done()
			wg.Wait()
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			buf := make([]byte, 1<<20)
			t.Fatalf("round %d: process %d does not end:\n%s", i, child.ID(), buf[:runtime.Stack(buf, true)])
		}
	}
}
