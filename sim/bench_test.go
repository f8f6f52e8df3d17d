package sim_test

import (
	"testing"
	"time"

	"github.com/anykernel/anykernel/sim"
)

// BenchmarkWorld is the boot of two kernels on a network, and their end.
func BenchmarkWorld(b *testing.B) {
	for _, kernel := range []string{"rump", "sentry"} {
		b.Run(kernel, func(b *testing.B) {
			if kernel == "rump" {
				needRump(b)
			}
			for b.Loop() {
				r := sim.Run(1, sim.Options{}, func(w *sim.World) { w.Lab("a--b; a: " + kernel + "; b: " + kernel) })
				if r.Err != nil {
					b.Fatal(r.Err)
				}
			}
		})
	}
}

// BenchmarkTransfer is a world in which a client sends 20,000 bytes over a link
// that loses 5% of the frames.
func BenchmarkTransfer(b *testing.B) {
	needRump(b)
	var elapsed time.Duration
	seed := uint64(0)
	for b.Loop() {
		r := sim.Run(seed, sim.Options{}, func(w *sim.World) { transfer(w, "loss=5% delay=10ms", 20_000) })
		if r.Err != nil {
			b.Fatal(r.Err)
		}
		elapsed += r.Elapsed
		seed++
	}
	b.ReportMetric(elapsed.Seconds()/float64(seed), "virtual-s/op")
}
