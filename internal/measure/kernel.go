package measure

import (
	"context"
	"errors"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/anykernel/anykernel/sys"
)

// An Open opens one more kernel of a kind.
type Open func(ctx context.Context) (*sys.Kernel, error)

const (
	boots    = 21 // that are timed; the first of a program is not
	live     = 16 // kernels among which memory is divided
	idleTime = time.Second
)

// Boot is the median time from asking for a kernel to the answer of its first
// call. The first kernel of the program, which takes longer, does not count.
func Boot(ctx context.Context, open Open) (time.Duration, error) {
	var times []time.Duration
	for i := range boots + 1 {
		start := time.Now()
		k, err := open(ctx)
		if err != nil {
			return 0, err
		}
		_, err = k.Init().Uname()
		d := time.Since(start)
		if err := errors.Join(err, k.Close()); err != nil {
			return 0, err
		}
		if i > 0 {
			times = append(times, d)
		}
	}
	return time.Duration(median(times)), nil
}

// Memory is how many bytes of resident memory a kernel takes more, when
// several of them live side by side. It is ErrNotSupported where the system
// does not tell.
func Memory(ctx context.Context, open Open) (bytes int64, err error) {
	var kernels []*sys.Kernel
	defer func() {
		for _, k := range kernels {
			err = errors.Join(err, k.Close())
		}
	}()
	var before int64
	for i := range live + 1 {
		if i == 1 { // the first brought what all share
			if before, err = resident(); err != nil {
				return 0, err
			}
		}
		k, err := open(ctx)
		if err != nil {
			return 0, err
		}
		kernels = append(kernels, k)
		if _, err := k.Init().Uname(); err != nil {
			return 0, err
		}
	}
	after, err := resident()
	return max(0, after-before) / live, err
}

// Idle is the processor time that this program takes in a second while a
// kernel has nothing to do.
func Idle(ctx context.Context, open Open) (perSecond time.Duration, err error) {
	k, err := open(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	debug.FreeOSMemory() // now, and not meanwhile
	start := time.Now()
	before, err := processorTime()
	if err != nil {
		return 0, err
	}
	select {
	case <-time.After(idleTime):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	after, err := processorTime()
	return time.Duration(float64(after-before) / time.Since(start).Seconds()), err
}

func processorTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
