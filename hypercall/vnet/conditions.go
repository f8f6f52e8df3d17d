package vnet

import (
	"fmt"
	"time"
)

// Conditions are what one way of a link does to frames. The zero Conditions are
// a perfect wire. Shares are from 0 to 1.
type Conditions struct {
	// Delay is how long a frame is on the wire; Jitter is how much longer or
	// shorter that may be, evenly distributed. Frames stay in order.
	Delay, Jitter time.Duration
	// Loss is the share of frames that vanish.
	Loss float64
	// Reorder is the share of frames that are held back by Hold, and are
	// overtaken by those behind them meanwhile. A Hold of 0 is DefaultHold.
	Reorder float64
	Hold    time.Duration
	// Duplicate is the share of frames that arrive twice.
	Duplicate float64
	// Corrupt is the share of frames of which one bit behind the Ethernet
	// header is wrong. The wire's own checksum does not notice.
	Corrupt float64
	// Rate is in bits a second; 0 is no limit. A frame takes its time to send,
	// and those behind it wait. Queue is how many may wait; what comes then is
	// dropped. 0 is DefaultQueue.
	Rate  int64
	Queue int
	// Down is a wire that is cut: everything that is sent is lost. What is on
	// its way arrives.
	Down bool
}

// What fields of Conditions are where nothing is said.
const (
	DefaultHold  = 2 * time.Millisecond
	DefaultQueue = 1000
)

// Limits of conditions.
const (
	MaxDelay = 24 * time.Hour
	MaxRate  = 1 << 50
)

func (c *Conditions) check() error {
	for _, s := range []struct {
		name  string
		share float64
	}{{"loss", c.Loss}, {"reorder", c.Reorder}, {"duplicate", c.Duplicate}, {"corrupt", c.Corrupt}} {
		if !(s.share >= 0 && s.share <= 1) { // NaN is neither
			return fmt.Errorf("%s of %v: a share is from 0 to 1", s.name, s.share)
		}
	}
	for _, d := range []struct {
		name string
		time time.Duration
	}{{"delay", c.Delay}, {"jitter", c.Jitter}, {"hold", c.Hold}} {
		if d.time < 0 || d.time > MaxDelay {
			return fmt.Errorf("%s of %v: a time is from 0 to %v", d.name, d.time, MaxDelay)
		}
	}
	if c.Jitter > c.Delay {
		return fmt.Errorf("jitter of %v: it exceeds the delay of %v, and frames do not arrive before they are sent", c.Jitter, c.Delay)
	}
	if c.Rate < 0 || c.Rate > MaxRate {
		return fmt.Errorf("rate of %d bits a second: a rate is from 0 to %d", c.Rate, int64(MaxRate))
	}
	if c.Queue < 0 || c.Queue > MaxInFlight {
		return fmt.Errorf("queue of %d frames: a queue is of 0 to %d", c.Queue, MaxInFlight)
	}
	return nil
}

// transmission is how long it takes to send n bytes.
func (c *Conditions) transmission(n int) time.Duration {
	if c.Rate == 0 {
		return 0
	}
	return time.Duration(float64(n) * 8 * float64(time.Second) / float64(c.Rate))
}

func (c *Conditions) hold() time.Duration {
	if c.Hold == 0 {
		return DefaultHold
	}
	return c.Hold
}

func (c *Conditions) queue() int {
	if c.Queue == 0 {
		return DefaultQueue
	}
	return c.Queue
}
