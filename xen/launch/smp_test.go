package launch

import (
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"testing"
)

func TestProcessors(t *testing.T) {
	for _, n := range []int{1, 2, 4, maxCPUs} {
		if n > 4 && testing.Short() {
			continue
		}
		succeed(t, Config{CPUs: n}, "processors ok", "processors", strconv.Itoa(n))
	}
}

// TestHammer: everything that processors have in common, at once.
func TestHammer(t *testing.T) {
	seconds := "10"
	if testing.Short() {
		seconds = "3"
	}
	for _, n := range []int{1, 2, 3, 4} {
		if n%2 == 1 && testing.Short() {
			continue
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Logf("rounds of each kind:\n%s", succeed(t, Config{CPUs: n}, "hammer ok", "hammer", seconds))
		})
	}
}

// TestTwoProcessorsComputeMore holds the guest to what two processors are for.
// A machine that is busy with other things shows it only now and then.
func TestTwoProcessorsComputeMore(t *testing.T) {
	const want, tries = 1.3, 10
	if runtime.NumCPU() < 2 {
		t.Skip("this machine has one processor")
	}
	best := 0.0
	for range tries {
		out := succeed(t, Config{CPUs: 2, Accel: "tcg"}, "compute", "compute", "2")
		m := regexp.MustCompile(`compute (\d+) (\d+)`).FindStringSubmatch(out)
		one, _ := strconv.ParseFloat(m[1], 64)
		two, _ := strconv.ParseFloat(m[2], 64)
		if best = max(best, 2*one/two); best > want {
			break
		}
	}
	t.Logf("two processors compute %.2f times as much as one", best)
	if best <= want {
		t.Errorf("two processors compute %.2f times as much as one, of %d tries", best, tries)
	}
}
