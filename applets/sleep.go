package applets

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

var sleep = &Applet{
	Name:     "sleep",
	Summary:  "wait",
	Synopsis: "DURATION...",
	flags:    simple(runSleep),
}

func runSleep(j *job, args []string) error {
	if err := operands(args, 1, -1); err != nil {
		return err
	}
	var total time.Duration
	for _, arg := range args {
		d, err := parseDuration(arg)
		if err != nil {
			return usageError{err}
		}
		total += d
	}
	_, err := j.p.Nanosleep(total)
	return err
}

// parseDuration understands seconds, "1.5", and durations as Go has them,
// "90s" or "1h30m"; also "2d" of sleep(1).
func parseDuration(text string) (time.Duration, error) {
	seconds, unit := text, 1.0
	if days, ok := strings.CutSuffix(text, "d"); ok {
		seconds, unit = days, 24*60*60
	}
	if n, err := strconv.ParseFloat(seconds, 64); err == nil && n >= 0 && n*unit < maxSleep.Seconds() {
		return time.Duration(n * unit * float64(time.Second)), nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 && d < maxSleep {
		return d, nil
	}
	return 0, fmt.Errorf("%q is no duration up to %d years, such as 1.5 or 2m", text, maxSleepYears)
}

const (
	maxSleepYears = 100
	maxSleep      = maxSleepYears * 365 * 24 * time.Hour
)
