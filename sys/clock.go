package sys

import (
	"time"

	"github.com/anykernel/anykernel/backends"
)

var (
	opClockGettime   = newOp("clock_gettime")
	opClockSettime   = newOp("clock_settime")
	opClockGetres    = newOp("clock_getres")
	opNanosleep      = newOp("nanosleep")
	opClockNanosleep = newOp("clock_nanosleep")
	opGettimeofday   = newOp("gettimeofday")
)

// A Clock is a clock of a kernel.
type Clock uint32

const (
	CLOCK_REALTIME           Clock = 0 // since 1970, as it was set
	CLOCK_MONOTONIC          Clock = 1 // since some time, never set
	CLOCK_PROCESS_CPUTIME_ID Clock = 2 // CPU time of the process
	CLOCK_THREAD_CPUTIME_ID  Clock = 3 // CPU time of the thread
	CLOCK_MONOTONIC_RAW      Clock = 4
	CLOCK_REALTIME_COARSE    Clock = 5
	CLOCK_MONOTONIC_COARSE   Clock = 6
	CLOCK_BOOTTIME           Clock = 7 // since the boot, with the time of suspension
	CLOCK_TAI                Clock = 11
)

var clockNames = enumTable{
	name:   "clocks",
	prefix: "CLOCK_",
	values: inOrder("REALTIME", "MONOTONIC", "PROCESS_CPUTIME_ID", "THREAD_CPUTIME_ID", "MONOTONIC_RAW",
		"REALTIME_COARSE", "MONOTONIC_COARSE", "BOOTTIME", "", "", "", "TAI"),
}

// ParseClock reads a name such as "monotonic". The error is a [*NameError].
func ParseClock(text string) (Clock, error) {
	v, err := clockNames.parse(text)
	return Clock(v), err
}

// String is the name, such as "CLOCK_MONOTONIC".
func (c Clock) String() string { return clockNames.format(uint32(c)) }

// timespec is a duration as a struct timespec of the ABI.
func (t *table) timespec(s *scratch, d time.Duration) []byte {
	l := &t.files.times
	b := s.zeroed(l.size)
	sec, nsec := d/time.Second, d%time.Second
	if nsec < 0 {
		sec, nsec = sec-1, nsec+time.Second
	}
	l.spec.sec.PutInt(b, t.abi.Order, int64(sec))
	l.spec.nsec.PutInt(b, t.abi.Order, int64(nsec))
	return b
}

func (t *table) duration(b []byte) time.Duration {
	l := &t.files.times
	return time.Duration(l.spec.sec.Int(b, t.abi.Order))*time.Second + time.Duration(l.spec.nsec.Int(b, t.abi.Order))
}

// Clock reads a clock: the time since its zero, which for CLOCK_REALTIME is
// the beginning of 1970.
func (p *Process) Clock(c Clock) (time.Duration, error) {
	return p.clock("clock_gettime", c, opClockGettime)
}

// ClockResolution is the smallest difference between two times of a clock.
func (p *Process) ClockResolution(c Clock) (time.Duration, error) {
	return p.clock("clock_getres", c, opClockGetres)
}

func (p *Process) clock(name string, c Clock, o op) (time.Duration, error) {
	id, err := p.k.tab.procs.clocks.native(uint32(c))
	if err != nil {
		return 0, p.wrap(name, "", err)
	}
	s := newScratch()
	defer s.free()
	b := s.zeroed(p.k.tab.files.times.size)
	if _, err := p.call(o, intArg(int(id)), backends.Mem(b, backends.Out)); err != nil {
		return 0, p.wrap(name, c.String(), err)
	}
	return p.k.tab.duration(b), nil
}

// SetClock sets a clock.
func (p *Process) SetClock(c Clock, d time.Duration) error {
	id, err := p.k.tab.procs.clocks.native(uint32(c))
	if err != nil {
		return p.wrap("clock_settime", "", err)
	}
	s := newScratch()
	defer s.free()
	return p.about("clock_settime", c, opClockSettime, intArg(int(id)), backends.Mem(p.k.tab.timespec(s, d), backends.In))
}

// Now is the kernel's time of day.
func (p *Process) Now() (time.Time, error) {
	if !p.k.tab.has(opClockGettime) {
		return p.timeOfDay()
	}
	d, err := p.Clock(CLOCK_REALTIME)
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(0, int64(d)), nil
}

// timeOfDay is for kernels whose clocks are not reached by calls.
func (p *Process) timeOfDay() (time.Time, error) {
	s := newScratch()
	defer s.free()
	l := layoutOf(p.k.tab.abi, "timeval")
	b := s.zeroed(max(l.Size, 16))
	if _, err := p.call(opGettimeofday, backends.Mem(b, backends.Out), backends.Arg{}); err != nil {
		return time.Time{}, p.wrap("gettimeofday", "", err)
	}
	f := timevalField{l.field("tv_sec", "sec"), l.field("tv_usec", "usec")}
	return time.Unix(0, int64(f.duration(b, p.k.tab.abi.Order))), nil
}

// SetTime sets the kernel's time of day.
func (p *Process) SetTime(t time.Time) error {
	return p.SetClock(CLOCK_REALTIME, time.Duration(t.UnixNano()))
}

// Nanosleep sleeps by the kernel's clock, which need not be that of this
// program. Where it is interrupted, by the context of p or a signal, it
// returns the time that was left, and EINTR.
func (p *Process) Nanosleep(d time.Duration) (left time.Duration, err error) {
	s := newScratch()
	defer s.free()
	rest := s.zeroed(p.k.tab.files.times.size)
	_, err = p.call(opNanosleep, backends.Mem(p.k.tab.timespec(s, d), backends.In), backends.Mem(rest, backends.Out))
	if err != nil && p.isInterrupt(err) {
		left = p.k.tab.duration(rest)
		if left == 0 { // it was interrupted before it began
			left = d
		}
	}
	return left, p.wrap("nanosleep", "", err)
}

// SleepUntil sleeps until a clock shows a time. EINTR says that it was
// interrupted.
func (p *Process) SleepUntil(c Clock, d time.Duration) error {
	id, err := p.k.tab.procs.clocks.native(uint32(c))
	if err != nil {
		return p.wrap("clock_nanosleep", "", err)
	}
	s := newScratch()
	defer s.free()
	return p.about("clock_nanosleep", c, opClockNanosleep, intArg(int(id)), intArg(p.k.tab.procs.timerAbs),
		backends.Mem(p.k.tab.timespec(s, d), backends.In), backends.Arg{})
}
