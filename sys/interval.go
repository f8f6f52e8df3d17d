package sys

import (
	"fmt"
	"time"

	"github.com/anykernel/anykernel/sys/abi"
)

// An intervalLayout is how an ABI has seconds and a fraction: struct timespec
// or struct timeval.
type intervalLayout struct {
	size      int
	sec, frac abi.Field
	unit      time.Duration // of frac
}

func newTimespecLayout(a *abi.ABI) intervalLayout {
	l := layoutOf(a, "timespec")
	return intervalLayout{l.Size, l.field("tv_sec"), l.field("tv_nsec"), time.Nanosecond}
}

func newTimevalLayout(a *abi.ABI) intervalLayout {
	l := layoutOf(a, "timeval")
	return intervalLayout{l.Size, l.field("tv_sec"), l.field("tv_usec"), time.Microsecond}
}

// put writes d, which is not negative. What is less than the unit is rounded
// up, so that a short wait does not become none.
func (l *intervalLayout) put(b []byte, o abi.ByteOrder, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("negative duration %v", d)
	}
	sec, frac := d/time.Second, (d%time.Second+l.unit-1)/l.unit
	if frac == time.Second/l.unit {
		sec, frac = sec+1, 0
	}
	if !l.sec.PutInt(b, o, int64(sec)) || !l.frac.PutInt(b, o, int64(frac)) {
		return fmt.Errorf("duration %v does not fit this kernel's seconds", d)
	}
	return nil
}

// get reads what is a duration.
func (l *intervalLayout) get(b []byte, o abi.ByteOrder) time.Duration {
	return time.Duration(l.sec.Int(b, o))*time.Second + time.Duration(l.frac.Int(b, o))*l.unit
}

// time reads what is a time since 1970.
func (l *intervalLayout) time(b []byte, o abi.ByteOrder) time.Time {
	return time.Unix(l.sec.Int(b, o), l.frac.Int(b, o)*int64(l.unit))
}
