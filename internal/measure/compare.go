package measure

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/anykernel/anykernel/sys"
)

const (
	rounds    = 11                    // of which the median counts
	roundTime = 10 * time.Millisecond // what one kernel gets of one round, about
)

// Compare times the runners against each other and returns the median time of
// one operation for each. It does not stop them.
func Compare(ctx context.Context, runners ...Runner) ([]time.Duration, error) {
	counts := make([]int, len(runners))
	for i, r := range runners {
		n, err := calibrate(ctx, r)
		if err != nil {
			return nil, err
		}
		counts[i] = n
	}
	times := make([][]time.Duration, len(runners))
	for range rounds {
		for i, r := range runners {
			d, err := timed(ctx, r, counts[i])
			if err != nil {
				return nil, err
			}
			times[i] = append(times[i], d)
		}
	}
	medians := make([]time.Duration, len(runners))
	for i := range times {
		medians[i] = time.Duration(median(times[i]) / float64(counts[i]))
	}
	return medians, nil
}

// calibrate is how many operations fill a round.
func calibrate(ctx context.Context, r Runner) (int, error) {
	for n := 1; ; n *= 2 {
		d, err := timed(ctx, r, n)
		if err != nil {
			return 0, err
		}
		if d >= roundTime/2 {
			return max(1, int(float64(n)*float64(roundTime)/float64(d))), nil
		}
	}
}

func timed(ctx context.Context, r Runner, n int) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	start := time.Now()
	err := r.Run(n)
	return time.Since(start), err
}

func median[T ~int64 | ~float64](values []T) float64 {
	slices.Sort(values)
	n := len(values)
	return (float64(values[(n-1)/2]) + float64(values[n/2])) / 2
}

// Getpid is the median time of one getpid.
func Getpid(ctx context.Context, k *sys.Kernel) (time.Duration, error) {
	r, err := startGetpid(ctx, k)
	if err != nil {
		return 0, err
	}
	d, err := Compare(ctx, r)
	if err := errors.Join(err, r.Stop()); err != nil {
		return 0, err
	}
	return d[0], nil
}
