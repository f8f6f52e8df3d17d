//go:build linux && (amd64 || arm64)

package sentry_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/hypercall"
)

var epoch = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

func clockTime(t testing.TB, s syscaller, clock int) time.Duration {
	var ts unix.Timespec
	s.must(t, unix.SYS_CLOCK_GETTIME, num(clock), out(bytesOf(&ts)))
	return time.Duration(ts.Nano())
}

func TestVirtualTimeStandsStill(t *testing.T) {
	clock := hypercall.NewVirtualClock(epoch)
	s := callerOf(bootConfig(t, sentry.Options{}, backends.Config{Host: hypercall.Host{Clock: clock}}).Init())
	if got := clockTime(t, s, unix.CLOCK_REALTIME); int64(got) != epoch.UnixNano() {
		t.Errorf("the wall clock is %v", time.Unix(0, int64(got)).UTC())
	}
	before := clockTime(t, s, unix.CLOCK_MONOTONIC)
	time.Sleep(10 * time.Millisecond)
	if after := clockTime(t, s, unix.CLOCK_MONOTONIC); after != before {
		t.Errorf("time moved by %v", after-before)
	}
	clock.Advance(time.Hour)
	if after := clockTime(t, s, unix.CLOCK_MONOTONIC); after != before+time.Hour {
		t.Errorf("time moved by %v, want 1h", after-before)
	}
}

// itimerspec is once after d.
func itimerspec(d time.Duration) []byte {
	return bytesOf(&unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))})
}

// TestVirtualTimeWakes has something wait for an hour in every way there is,
// and moves the clock by an hour.
func TestVirtualTimeWakes(t *testing.T) {
	const hour = time.Hour
	hourSpec := func() []byte { ts := unix.NsecToTimespec(int64(hour)); return bytesOf(&ts) }
	for name, wait := range map[string]func(s syscaller) error{
		"nanosleep": func(s syscaller) error {
			_, err := s(unix.SYS_NANOSLEEP, in(hourSpec()), num(0))
			return err
		},
		"ppoll": func(s syscaller) error {
			_, err := s(unix.SYS_PPOLL, num(0), num(0), in(hourSpec()), num(0))
			return err
		},
		"timerfd": func(s syscaller) error {
			fd := s.must(t, unix.SYS_TIMERFD_CREATE, num(unix.CLOCK_MONOTONIC), num(0))
			s.must(t, unix.SYS_TIMERFD_SETTIME, fdNum(fd), num(0), in(itimerspec(hour)), num(0))
			_, err := s(unix.SYS_READ, fdNum(fd), out(make([]byte, 8)), num(8))
			return err
		},
		"itimer": func(s syscaller) error {
			mask := uint64(1) << (unix.SIGALRM - 1)
			s.must(t, unix.SYS_RT_SIGPROCMASK, num(unix.SIG_BLOCK), in(bytesOf(&mask)), num(0), num(8))
			s.must(t, unix.SYS_SETITIMER, num(0), in(bytesOf(&unix.Itimerval{Value: unix.Timeval{Sec: 3600}})), num(0))
			_, err := s(unix.SYS_RT_SIGTIMEDWAIT, in(bytesOf(&mask)), num(0), num(0), num(8))
			return err
		},
		"POSIX timer": func(s syscaller) error {
			mask := uint64(1) << (unix.SIGALRM - 1)
			s.must(t, unix.SYS_RT_SIGPROCMASK, num(unix.SIG_BLOCK), in(bytesOf(&mask)), num(0), num(8))
			var id int32
			s.must(t, unix.SYS_TIMER_CREATE, num(unix.CLOCK_MONOTONIC), num(0), out(bytesOf(&id)))
			s.must(t, unix.SYS_TIMER_SETTIME, num(int(id)), num(0), in(itimerspec(hour)), num(0))
			_, err := s(unix.SYS_RT_SIGTIMEDWAIT, in(bytesOf(&mask)), num(0), num(0), num(8))
			return err
		},
		"receive timeout": func(s syscaller) error {
			c, _ := tcpPair(t, s)
			tv := unix.Timeval{Sec: 3600}
			s.must(t, unix.SYS_SETSOCKOPT, fdNum(c), num(unix.SOL_SOCKET), num(unix.SO_RCVTIMEO), in(bytesOf(&tv)), num(16))
			if _, err := s(unix.SYS_READ, fdNum(c), out(make([]byte, 1)), num(1)); !isErrno(err, unix.EAGAIN) {
				return err
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock := hypercall.NewVirtualClock(epoch)
			k := bootConfig(t, sentry.Options{}, backends.Config{Host: hypercall.Host{Clock: clock}})
			s := callerOf(k.Init())
			done := make(chan error, 1)
			go func() { done <- wait(s) }()
			for start := time.Now(); ; time.Sleep(time.Millisecond) { // until the call has begun to wait
				left, ok := k.NextTimer()
				if ok && left > hour/2 {
					break
				}
				if time.Since(start) > 20*time.Second {
					t.Fatalf("nothing waits for an hour; the next timer is due in %v, %t", left, ok)
				}
			}
			clock.Advance(hour - 1)
			select {
			case err := <-done:
				t.Fatalf("it ended a nanosecond early: %v", err)
			case <-time.After(20 * time.Millisecond):
			}
			if left, ok := k.NextTimer(); !ok || left != 1 {
				t.Errorf("the next timer is due in %v, %t, want 1ns", left, ok)
			}
			clock.Advance(1)
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(10 * time.Second):
				t.Error("moving the clock did not end the wait")
			}
		})
	}
}

// TestVirtualTimeOfTCP connects to an address where nobody answers: the stack
// gives up when the clock has been moved far enough.
func TestVirtualTimeOfTCP(t *testing.T) {
	clock := hypercall.NewVirtualClock(epoch)
	k := bootConfig(t, sentry.Options{NICs: []sentry.NIC{deadNIC()}}, backends.Config{Host: hypercall.Host{Clock: clock}})
	s := callerOf(k.Init())
	addr := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: 0x1127, Addr: [4]byte{10, 0, 0, 2}}
	fd := s.must(t, unix.SYS_SOCKET, num(unix.AF_INET), num(unix.SOCK_STREAM), num(0))
	done := make(chan error, 1)
	start := clock.Monotonic()
	go func() {
		_, err := s(unix.SYS_CONNECT, fdNum(fd), in(bytesOf(&addr)), num(16))
		done <- err
	}()
	for {
		select {
		case err := <-done:
			if !isErrno(err, unix.EHOSTUNREACH) && !isErrno(err, unix.ETIMEDOUT) {
				t.Errorf("connect ended with %v", err)
			}
			if took := clock.Monotonic() - start; took < time.Second {
				t.Errorf("it took %v of virtual time", took)
			}
			return
		case <-time.After(time.Millisecond):
			if left, ok := k.NextTimer(); ok {
				clock.Advance(left)
			}
		}
		if clock.Monotonic() > 24*time.Hour {
			t.Fatal("connect does not end")
		}
	}
}

// TestIdleKernels checks that kernels that do nothing take no CPU time.
func TestIdleKernels(t *testing.T) {
	const kernels = 20
	for range kernels {
		use(t, boot(t, sentry.Options{}), "content")
	}
	measure(t) // and let things settle
	idle := time.Second
	if !testing.Short() {
		idle = 5 * time.Second
	}
	time.Sleep(500 * time.Millisecond)
	before := cpuTime(t)
	time.Sleep(idle)
	each := (cpuTime(t) - before) * time.Second / idle / kernels
	t.Logf("an idle kernel takes %v of CPU time a second", each)
	if each > 200*time.Microsecond {
		t.Errorf("an idle kernel takes %v of CPU time a second", each)
	}
}

func cpuTime(t testing.TB) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
