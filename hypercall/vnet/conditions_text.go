package vnet

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A setting is one word of conditions in text: its key, and how its value is
// read and written.
type setting struct {
	key    string
	parse  func(c *Conditions, value string) error
	format func(c *Conditions) string // "" where it is not set
}

var settings = []setting{
	duration("delay", func(c *Conditions) *time.Duration { return &c.Delay }),
	duration("jitter", func(c *Conditions) *time.Duration { return &c.Jitter }),
	share("loss", func(c *Conditions) *float64 { return &c.Loss }),
	share("reorder", func(c *Conditions) *float64 { return &c.Reorder }),
	duration("hold", func(c *Conditions) *time.Duration { return &c.Hold }),
	share("duplicate", func(c *Conditions) *float64 { return &c.Duplicate }),
	share("corrupt", func(c *Conditions) *float64 { return &c.Corrupt }),
	{"rate", func(c *Conditions, v string) (err error) { c.Rate, err = parseRate(v); return err }, func(c *Conditions) string { return formatRate(c.Rate) }},
	{"queue", func(c *Conditions, v string) (err error) { c.Queue, err = parseCount(v); return err }, func(c *Conditions) string { return formatCount(c.Queue) }},
}

// down and up are words without a value.
const (
	wordDown = "down"
	wordUp   = "up"
)

func duration(key string, field func(*Conditions) *time.Duration) setting {
	return setting{key,
		func(c *Conditions, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil {
				return fmt.Errorf("%q is no time: want a number with its unit, such as 20ms", v)
			}
			*field(c) = d
			return nil
		},
		func(c *Conditions) string {
			if *field(c) == 0 {
				return ""
			}
			return field(c).String()
		},
	}
}

func share(key string, field func(*Conditions) *float64) setting {
	return setting{key,
		func(c *Conditions, v string) error {
			number, percent := strings.CutSuffix(v, "%")
			x, err := strconv.ParseFloat(number, 64)
			if err != nil {
				return fmt.Errorf("%q is no share: want one such as 1%% or 0.01", v)
			}
			if percent {
				x /= 100
			}
			*field(c) = x
			return nil
		},
		func(c *Conditions) string {
			if *field(c) == 0 {
				return ""
			}
			return strconv.FormatFloat(*field(c), 'g', -1, 64)
		},
	}
}

// rateUnits are those of tc(8): bits a second, in powers of 1000.
var rateUnits = []struct {
	name string
	bits int64
}{{"tbit", 1e12}, {"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}}

func parseRate(v string) (int64, error) {
	lower := strings.ToLower(v)
	for _, u := range rateUnits {
		number, ok := strings.CutSuffix(lower, u.name)
		if !ok {
			continue
		}
		x, err := strconv.ParseFloat(number, 64)
		bits := math.Round(x * float64(u.bits))
		if err != nil || !(bits >= 1 && bits <= MaxRate) {
			break
		}
		return int64(bits), nil
	}
	return 0, fmt.Errorf("%q is no rate: want a number with bit, kbit, mbit or gbit behind it, such as 10mbit", v)
}

func formatRate(rate int64) string {
	if rate == 0 {
		return ""
	}
	for _, u := range rateUnits {
		if rate%u.bits == 0 {
			return strconv.FormatInt(rate/u.bits, 10) + u.name
		}
	}
	return ""
}

func parseCount(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is no number of frames", v)
	}
	return n, nil
}

func formatCount(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// ParseConditions reads conditions such as
//
//	loss=1% delay=20ms jitter=2ms rate=10mbit queue=50
//
// with the keys delay, jitter, loss, reorder, hold, duplicate, corrupt, rate and
// queue, and the word down.
func ParseConditions(text string) (Conditions, error) {
	var c Conditions
	err := c.Apply(text)
	return c, err
}

// Apply changes those conditions that text names, in the form that
// ParseConditions reads. The word up is the opposite of down. After an error, c
// is what it was.
func (c *Conditions) Apply(text string) error {
	changed := *c
	for _, word := range strings.Fields(text) {
		if err := changed.apply(word); err != nil {
			return err
		}
	}
	if err := changed.check(); err != nil {
		return err
	}
	*c = changed
	return nil
}

func (c *Conditions) apply(word string) error {
	switch word {
	case wordDown, wordUp:
		c.Down = word == wordDown
		return nil
	}
	key, value, ok := strings.Cut(word, "=")
	for _, s := range settings {
		if s.key == key && ok {
			if err := s.parse(c, value); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			return nil
		}
	}
	var keys []string
	for _, s := range settings {
		keys = append(keys, s.key+"=")
	}
	return fmt.Errorf("%q is no condition: there are %s, %s and %s", word, strings.Join(keys, ", "), wordDown, wordUp)
}

// String is the conditions as ParseConditions reads them; "" for a perfect wire.
func (c Conditions) String() string {
	var words []string
	for _, s := range settings {
		if v := s.format(&c); v != "" {
			words = append(words, s.key+"="+v)
		}
	}
	if c.Down {
		words = append(words, wordDown)
	}
	return strings.Join(words, " ")
}
