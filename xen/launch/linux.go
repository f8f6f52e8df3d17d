package launch

import (
	"fmt"
	"time"
)

// linuxWords is what a stock Linux kernel is told: where its console is, to be
// silent until it fails, and then to end.
//
// A microvm without its old timers has nothing that Linux could measure the
// processor's clock against. Under KVM it is told the frequency, under software
// emulation the clock is that of this machine, and we tell.
func linuxWords(accel string) string {
	words := "console=ttyS0 " + linuxQuiet
	if accel == "tcg" {
		if khz := tscKHz(); khz > 0 {
			words += fmt.Sprintf("tsc_early_khz=%d ", khz)
		}
	}
	return words
}

// linuxQuiet is said to Linux wherever it runs.
const linuxQuiet = "quiet loglevel=1 panic=-1 rdinit=/init "

// tscTime is how long the clock is measured: long enough for an error below a
// thousandth on a busy machine.
const tscTime = 10 * time.Millisecond

// tscKHz is the frequency of this processor's time stamp counter; 0: it has
// none.
func tscKHz() uint64 {
	before, start := ticks(), time.Now()
	time.Sleep(tscTime)
	after, passed := ticks(), time.Since(start)
	return uint64(float64(after-before) / float64(passed.Nanoseconds()) * 1e6)
}
