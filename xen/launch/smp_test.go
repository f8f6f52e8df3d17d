package launch

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"github.com/anykernel/anykernel/xen/shim"
)

func TestProcessors(t *testing.T) {
	for _, n := range []int{1, 2, 4, shim.MaxCPUs} {
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

// TestStorm: mappings change under those who use them.
func TestStorm(t *testing.T) {
	for _, n := range []int{1, 2, 4} {
		if n == 1 && testing.Short() {
			continue
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Log(succeed(t, Config{CPUs: n}, "storm ok", "storm", "3"))
		})
	}
}

// TestTwoProcessorsComputeMore holds the guest to what two processors are for,
// where this machine has two for it.
func TestTwoProcessorsComputeMore(t *testing.T) {
	if testing.Short() {
		t.Skip("wants a machine with nothing else to do")
	}
	needQEMU(t)
	const want, tries = 1.3, 5
	program := writeProgram(t)
	guest, host := 0.0, 0.0
	for i := 0; i < tries && guest <= want; i++ {
		guest = max(guest, gain(t, succeed(t, Config{CPUs: 2, Accel: "tcg"}, "compute", "compute", "2")))
		out, err := exec.Command(program, "compute", "2").Output()
		if err != nil {
			t.Fatal(err)
		}
		host = max(host, gain(t, string(out)))
	}
	t.Logf("two processors compute %.2f times as much as one in the guest, %.2f times outside", guest, host)
	switch {
	case guest > want:
	case host <= want:
		t.Skip("this machine has no two processors to spare")
	default:
		t.Errorf("two processors compute %.2f times as much as one, want %.2f", guest, want)
	}
}

// gain is how much more was computed by two processors, of what the program
// "compute" says.
func gain(t *testing.T, out string) float64 {
	t.Helper()
	m := regexp.MustCompile(`compute (\d+) (\d+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no times in %q", out)
	}
	one, _ := strconv.ParseFloat(m[1], 64)
	two, _ := strconv.ParseFloat(m[2], 64)
	return 2 * one / two
}

// writeProgram makes a file of the test's guest, which runs here as well.
func writeProgram(t *testing.T) string {
	t.Helper()
	b, err := guestProgram()
	if err != nil {
		t.Fatal(err)
	}
	name := writeFile(t, "program", b)
	if err := os.Chmod(name, 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}
