package measure

import (
	"context"
	"errors"
	"testing"
	"time"

	_ "github.com/anykernel/anykernel/backends/all"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/sys"
)

func TestMedian(t *testing.T) {
	for want, values := range map[float64][]float64{3: {9, 1, 3}, 2.5: {4, 1, 2, 3}, 7: {7}} {
		if got := median(values); got != want {
			t.Errorf("median of %v = %v, want %v", values, got, want)
		}
	}
}

// TestCompare: what takes eight times as long is told apart, and each round
// times every runner.
func TestCompare(t *testing.T) {
	sleeper := func(d time.Duration) Runner {
		return repeat(func() error { time.Sleep(d); return nil }, nothing)
	}
	got, err := Compare(t.Context(), sleeper(time.Millisecond), sleeper(8*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if got[0] < time.Millisecond || got[1] < 8*time.Millisecond || got[1] < 2*got[0] {
		t.Errorf("sleeps of 1 and 8 ms are measured as %v", got)
	}
}

func TestCompareStops(t *testing.T) {
	broken := errors.New("broken")
	if _, err := Compare(t.Context(), repeat(func() error { return broken }, nothing)); !errors.Is(err, broken) {
		t.Errorf("a runner that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Compare(ctx, repeat(nothing, nothing)); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

// TestOperations runs each a few times on every kernel, and gives back what
// it took.
func TestOperations(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		for _, op := range Operations() {
			if op.Needs != "" && !k.Capabilities().Has(op.Needs) {
				continue
			}
			r, err := op.Start(t.Context(), k)
			if err != nil {
				t.Errorf("%s: %v", op.Name, err)
				continue
			}
			if err := errors.Join(r.Run(10), r.Stop()); err != nil {
				t.Errorf("%s: %v", op.Name, err)
			}
		}
	})
}

// BenchmarkOperations is what "anykernel bench" measures, for go test -bench.
func BenchmarkOperations(b *testing.B) {
	for _, spec := range []string{"host", "sentry"} {
		for _, op := range Operations() {
			b.Run(op.Name+"/"+spec, func(b *testing.B) {
				k := kerneltest.New(b, spec)
				if op.Needs != "" {
					kerneltest.Need(b, k, op.Needs)
				}
				r, err := op.Start(b.Context(), k)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(op.Bytes)
				b.ReportAllocs()
				b.ResetTimer()
				err = r.Run(b.N)
				b.StopTimer()
				if err := errors.Join(err, r.Stop()); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
