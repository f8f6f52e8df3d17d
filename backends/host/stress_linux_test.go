//go:build amd64 || arm64

package host_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// TestInterruptsUnderPressure interrupts blocked calls of the program itself
// and of a child at random moments, while the garbage collector runs and other
// calls go on: every call must end, and only those that were cancelled may be
// interrupted.
func TestInterruptsUnderPressure(t *testing.T) {
	k := hostWithProcesses(t)
	child, err := k.NewProcess(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), pressureTime())
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			runtime.GC()
		}
	})
	for _, p := range []*sys.Process{k.Init(), child} {
		for range 4 {
			wg.Go(func() { interruptAtRandom(t, ctx, p) })
			wg.Go(func() { sleepUndisturbed(t, ctx, p) })
		}
	}
	wg.Wait()
}

func pressureTime() time.Duration {
	if testing.Short() {
		return 200 * time.Millisecond
	}
	return 2 * time.Second
}

func interruptAtRandom(t *testing.T, ctx context.Context, p *sys.Process) {
	for ctx.Err() == nil {
		one, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(300))*time.Microsecond)
		err := pause(p.With(one))
		cancel()
		if !errors.Is(err, backends.ErrInterrupted) {
			t.Errorf("a cancelled call: %v", err)
			return
		}
	}
}

func sleepUndisturbed(t *testing.T, ctx context.Context, p *sys.Process) {
	long, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if left, err := p.With(long).Nanosleep(time.Duration(rand.IntN(300)) * time.Microsecond); err != nil {
			t.Errorf("a sleep that nobody cancelled: %v, %v left", err, left)
			return
		}
	}
}

// TestProcessesComeAndGo forks, calls and kills from many goroutines.
func TestProcessesComeAndGo(t *testing.T) {
	k := hostWithProcesses(t)
	rounds := 50
	if testing.Short() {
		rounds = 10
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range rounds {
				p, err := k.Init().Fork(t.Context(), backends.Descriptors(rand.IntN(3)))
				if err != nil {
					t.Errorf("fork: %v", err)
					return
				}
				var calls sync.WaitGroup
				for range 4 {
					calls.Go(func() {
						for {
							if _, err := call(p, unix.SYS_GETPID); errors.Is(err, backends.ErrExited) {
								return
							}
							if err := pauseFor(p, 50*time.Microsecond); errors.Is(err, backends.ErrExited) {
								return
							}
						}
					})
				}
				time.Sleep(time.Duration(rand.IntN(500)) * time.Microsecond)
				if err := p.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
				calls.Wait()
				if w, err := p.Wait(); err != nil || w.Status.Signal() != sys.SIGKILL {
					t.Errorf("wait: %v, %v", w.Status, err)
				}
			}
		})
	}
	wg.Wait()
}

func pauseFor(p *sys.Process, d time.Duration) error {
	_, err := p.Nanosleep(d)
	return err
}
