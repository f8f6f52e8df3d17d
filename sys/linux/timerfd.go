package linux

import (
	"fmt"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// TimerfdFlags are the flags of timerfd_create(2).
type TimerfdFlags uint32

const (
	TFD_NONBLOCK TimerfdFlags = 0x800
	TFD_CLOEXEC  TimerfdFlags = 0x80000
)

var timerfdFlags = sys.NewFlagNames("timerfd flags", "TFD_",
	name("NONBLOCK", uint64(TFD_NONBLOCK)), name("CLOEXEC", uint64(TFD_CLOEXEC)))

// ParseTimerfdFlags reads flags by name, such as "cloexec". The error is a
// [*sys.NameError].
func ParseTimerfdFlags(text string) (TimerfdFlags, error) {
	v, err := timerfdFlags.Parse(text)
	return TimerfdFlags(v), err
}

// String is the flags by name.
func (f TimerfdFlags) String() string { return timerfdFlags.Format(uint64(f)) }

// TimerFlags say what the value of a timer means; see timerfd_settime(2).
type TimerFlags uint32

const (
	TFD_TIMER_ABSTIME       TimerFlags = 1 // a time of the clock, not one from now on
	TFD_TIMER_CANCEL_ON_SET TimerFlags = 2 // reads fail with ECANCELED when the clock is set
)

var timerFlags = sys.NewFlagNames("timer flags", "TFD_TIMER_",
	name("ABSTIME", uint64(TFD_TIMER_ABSTIME)), name("CANCEL_ON_SET", uint64(TFD_TIMER_CANCEL_ON_SET)))

// ParseTimerFlags reads flags by name, such as "abstime". The error is a
// [*sys.NameError].
func ParseTimerFlags(text string) (TimerFlags, error) {
	v, err := timerFlags.Parse(text)
	return TimerFlags(v), err
}

// String is the flags by name.
func (f TimerFlags) String() string { return timerFlags.Format(uint64(f)) }

// A TimerSpec is when a timer expires. With TFD_TIMER_ABSTIME, Value counts
// from the clock's zero, for CLOCK_REALTIME the beginning of 1970.
type TimerSpec struct {
	Interval time.Duration // between expirations; 0: it expires once
	Value    time.Duration // until the first one; 0: never
}

// String is the times in one line.
func (s TimerSpec) String() string { return fmt.Sprintf("in %v, every %v", s.Value, s.Interval) }

// itimerspec is where the ABI has what in struct itimerspec.
type itimerspec struct {
	size                   int
	interval, intervalNsec abi.Field
	value, valueNsec       abi.Field
}

var itimerspecs = layoutOf("itimerspec", func(l abi.Layout) itimerspec {
	return itimerspec{
		size:         l.Size,
		interval:     field(&l, "it_interval.tv_sec"),
		intervalNsec: field(&l, "it_interval.tv_nsec"),
		value:        field(&l, "it_value.tv_sec"),
		valueNsec:    field(&l, "it_value.tv_nsec"),
	}
})

func (l *itimerspec) encode(b []byte, o abi.ByteOrder, s TimerSpec) {
	l.interval.PutInt(b, o, int64(s.Interval/time.Second))
	l.intervalNsec.PutInt(b, o, int64(s.Interval%time.Second))
	l.value.PutInt(b, o, int64(s.Value/time.Second))
	l.valueNsec.PutInt(b, o, int64(s.Value%time.Second))
}

func (l *itimerspec) decode(b []byte, o abi.ByteOrder) TimerSpec {
	return TimerSpec{
		Interval: time.Duration(l.interval.Int(b, o))*time.Second + time.Duration(l.intervalNsec.Int(b, o)),
		Value:    time.Duration(l.value.Int(b, o))*time.Second + time.Duration(l.valueNsec.Int(b, o)),
	}
}

// A Timerfd is a timer that can be waited for; see timerfd_create(2).
type Timerfd struct{ *sys.File }

// NewTimerfd makes a timer, not armed, that runs by a clock.
func NewTimerfd(p *sys.Process, clock sys.Clock, flags TimerfdFlags) (*Timerfd, error) {
	f, err := open(p, "timerfd_create", "timerfd", timerfdFlags, uint64(flags), integer(clock))
	if err != nil {
		return nil, err
	}
	return &Timerfd{f}, nil
}

// Set arms the timer, or disarms it where s.Value is 0, and returns what it
// was set to; see timerfd_settime(2).
func (t *Timerfd) Set(s TimerSpec, flags TimerFlags) (old TimerSpec, err error) {
	p := t.Process()
	l, o := itimerspecs.of(p), p.Kernel().ABI().Order
	how, err := flagArg(p, timerFlags, uint64(flags))
	if err != nil {
		return TimerSpec{}, t.Fail("timerfd_settime", err)
	}
	b := make([]byte, 2*l.size)
	l.encode(b[:l.size], o, s)
	if _, err := t.Call("timerfd_settime", how, backends.Mem(b[:l.size], backends.In), backends.Mem(b[l.size:], backends.Out)); err != nil {
		return TimerSpec{}, err
	}
	return l.decode(b[l.size:], o), nil
}

// Get is the time until the next expiration, and the interval; see
// timerfd_gettime(2).
func (t *Timerfd) Get() (TimerSpec, error) {
	p := t.Process()
	l := itimerspecs.of(p)
	b := make([]byte, l.size)
	if _, err := t.Call("timerfd_gettime", backends.Mem(b, backends.Out)); err != nil {
		return TimerSpec{}, err
	}
	return l.decode(b, p.Kernel().ABI().Order), nil
}

// Expirations waits until the timer has expired since it was last asked, and
// is how many times it has.
func (t *Timerfd) Expirations() (uint64, error) { return readUint64(t.File) }
