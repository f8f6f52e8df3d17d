package sentry_test

import (
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/sys"
)

// TestTenThousandSockets has as many goroutines wait as there are sockets, and
// counts threads.
func TestTenThousandSockets(t *testing.T) {
	const sockets, maxThreads = 10_000, 200
	k := kerneltest.New(t, "sentry")
	var readers sync.WaitGroup
	var far []*sys.Socket
	for range sockets {
		near, other, err := k.Init().Socketpair(sys.AF_UNIX, sys.SOCK_STREAM|sys.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		far = append(far, other)
		readers.Go(func() {
			defer near.Close()
			if n, err := near.Read(make([]byte, 8)); n != 1 || err != nil {
				t.Errorf("read: %d, %v", n, err)
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	if n := pprof.Lookup("threadcreate").Count(); n > maxThreads {
		t.Errorf("%d readers made this program have %d threads, want less than %d", sockets, n, maxThreads)
	}
	for _, s := range far {
		if _, err := s.Write([]byte{1}); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	readers.Wait()
}
