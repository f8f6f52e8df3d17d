package host_test

import (
	"slices"
	"testing"
	"time"
)

// compare times ours and theirs by turns and reports the median of the ratios
// of neighbouring turns.
func compare(b *testing.B, ours, theirs func()) {
	const turn = 200
	var ratios []float64
	var mine, sum time.Duration
	done := 0
	for b.Loop() {
		ours()
		if done++; done%turn != 0 {
			continue
		}
		o, t := timed(turn, ours), timed(turn, theirs)
		ratios = append(ratios, float64(o)/float64(t))
		mine, sum = mine+o, sum+t
	}
	if len(ratios) == 0 {
		return
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(float64(mine.Nanoseconds())/float64(len(ratios)*turn), "ns/op")
	b.ReportMetric(float64(sum.Nanoseconds())/float64(len(ratios)*turn), "peer-ns/op")
}

func timed(n int, f func()) time.Duration {
	start := time.Now()
	for range n {
		f()
	}
	return time.Since(start)
}
