package turns_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/hypercall/turns"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// order is who came when, in a run of three goroutines that pause.
func order(seed uint64) (list []string, r turns.Result) {
	r = turns.Run(seed, turns.Options{}, func(s *turns.Scheduler) {
		for i := range 3 {
			s.Go(fmt.Sprint(i), func() {
				for range 5 {
					list = append(list, fmt.Sprint(i))
					s.Sleep(time.Duration(s.Rand().IntN(3)) * time.Second)
				}
			})
		}
		s.Sleep(time.Hour)
	})
	return list, r
}

func TestSeeds(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(50) {
		a, ra := order(seed)
		b, rb := order(seed)
		if !slices.Equal(a, b) || ra.Trace != rb.Trace || len(a) != 15 || ra.Elapsed != time.Hour || ra.Err != nil {
			t.Fatalf("seed %d: %v and %v, traces %x and %x, %v, %v", seed, a, b, ra.Trace, rb.Trace, ra.Elapsed, ra.Err)
		}
		seen[strings.Join(a, "")] = true
	}
	if len(seen) < 40 {
		t.Errorf("50 seeds had %d orders", len(seen))
	}
}

func TestTime(t *testing.T) {
	var log []string
	r := turns.Run(1, turns.Options{}, func(s *turns.Scheduler) {
		note := func(what string) { log = append(log, fmt.Sprint(what, " ", s.Monotonic())) }
		stop := s.AfterFunc(2*time.Second, func() { note("never") })
		s.AfterFunc(3*time.Second, func() { note("event") })
		s.Sleep(time.Second)
		note("slept")
		if !stop() || stop() {
			t.Error("a timer was stopped twice, or not at all")
		}
		ctx, cancel := s.WithTimeout(context.Background(), 4*time.Second)
		defer cancel()
		w := s.NewWait(func() string { return "nothing" })
		if w.Wait(ctx.Done()) {
			t.Error("a wait ended that nobody ended")
		}
		note("timeout")
		if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			t.Errorf("the context ended by %v", context.Cause(ctx))
		}
		w.Wake()
		if !w.Wait(nil) {
			t.Error("a wait did not end")
		}
		if at := s.Now(); !at.Equal(time.Date(2030, 1, 1, 0, 0, 5, 0, time.UTC)) {
			t.Errorf("it is %v", at)
		}
	})
	if want := []string{"slept 1s", "event 3s", "timeout 5s"}; !slices.Equal(log, want) || r.Err != nil || r.Elapsed != 5*time.Second {
		t.Errorf("%q after %v, %v, want %q", log, r.Elapsed, r.Err, want)
	}
}

func forever(s *turns.Scheduler, what string) {
	s.NewWait(func() string { return what }).Wait(nil)
}

// TestFailures ends runs in all the ways there are. Goroutines end, deferred
// calls and cleanups are made.
func TestFailures(t *testing.T) {
	for name, tc := range map[string]struct {
		o    turns.Options
		main func(s *turns.Scheduler)
		want string
	}{
		"deadlock": {turns.Options{}, func(s *turns.Scheduler) { forever(s, "Godot") }, "deadlock: all wait, and no time is set for anything, at 0s\n\tgoroutine main waits for Godot\n\tgoroutine other waits for nothing"},
		"limit":    {turns.Options{Limit: time.Minute}, func(s *turns.Scheduler) { s.Sleep(time.Hour) }, "more than 1m0s, at 0s\n\tgoroutine main waits for time 1h0m0s"},
		"steps": {turns.Options{Steps: 1000}, func(s *turns.Scheduler) {
			for {
				s.Pause()
			}
		}, "more than 1000 turns"},
		"failure": {turns.Options{}, func(s *turns.Scheduler) {
			s.Go("bad", func() { s.Failf("no %s", "luck") })
			forever(s, "Godot")
		}, "no luck"},
		"panic": {turns.Options{}, func(s *turns.Scheduler) {
			s.Go("bad", func() { panic("oh") })
			forever(s, "Godot")
		}, "goroutine bad panicked: oh"},
		"event": {turns.Options{}, func(s *turns.Scheduler) {
			s.AfterFunc(time.Second, func() { panic("oh") })
			s.Sleep(time.Hour)
		}, "panicked: oh"},
		"waiting event": {turns.Options{}, func(s *turns.Scheduler) {
			s.AfterFunc(time.Second, func() { s.Sleep(1) })
			s.Sleep(time.Hour)
		}, "a wait in a function that an event or a kernel called"},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			deferred, cleaned := 0, 0
			r := turns.Run(1, tc.o, func(s *turns.Scheduler) {
				s.Cleanup(func() {
					if cleaned++; deferred != 2 {
						t.Errorf("cleaned up after %d of 2 deferred calls", deferred)
					}
					s.Sleep(time.Second)
				})
				s.Go("other", func() {
					defer func() {
						s.Sleep(time.Second)
						deferred++
					}()
					forever(s, "nothing")
				})
				defer func() { deferred++ }()
				s.Sleep(0)
				tc.main(s)
			})
			if r.Err == nil || !strings.Contains(r.Err.Error(), tc.want) {
				t.Errorf("the run ended with %v, want %q", r.Err, tc.want)
			}
			if cleaned != 1 {
				t.Error("nothing was cleaned up")
			}
			for range 100 {
				if runtime.NumGoroutine() <= before {
					return
				}
				time.Sleep(time.Millisecond)
			}
			t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		})
	}
}

// TestEnd has goroutines wait when the run is over.
func TestEnd(t *testing.T) {
	ended := 0
	r := turns.Run(1, turns.Options{}, func(s *turns.Scheduler) {
		for range 10 {
			s.Go("waits", func() {
				defer func() { ended++ }()
				forever(s, "Godot")
			})
		}
		s.Sleep(time.Second)
	})
	if r.Err != nil || ended != 10 {
		t.Errorf("%v, %d of 10 goroutines ended", r.Err, ended)
	}
}

// TestOnly leaves faults out.
func TestOnly(t *testing.T) {
	run := func(only []int) (hit []int) {
		turns.Run(7, turns.Options{Only: only}, func(s *turns.Scheduler) {
			for i := range 40 {
				if s.Fault("bad luck", 0.25) {
					hit = append(hit, i)
				}
			}
		})
		return hit
	}
	all := run(nil)
	if len(all) < 4 || len(all) > 20 {
		t.Fatalf("faults at %v", all)
	}
	if got, want := run([]int{1, 3}), []int{all[1], all[3]}; !slices.Equal(got, want) {
		t.Errorf("faults 1 and 3 are at %v, want %v", got, want)
	}
	if got := run([]int{}); got != nil {
		t.Errorf("no faults are %v", got)
	}
}

func TestInt(t *testing.T) {
	turns.Run(7, turns.Options{Set: map[string]int{"b": 9, "c": 99}}, func(s *turns.Scheduler) {
		if n := s.Int("a", 3, 5); n < 3 || n > 5 {
			t.Errorf("a number from 3 to 5 is %d", n)
		}
		if n := s.Int("b", 3, 20); n != 9 {
			t.Errorf("a number that was set to 9 is %d", n)
		}
		if n := s.Int("c", 3, 20); n != 20 {
			t.Errorf("a number that was set above its bounds is %d", n)
		}
	})
}

// BenchmarkTurn is a turn from one goroutine to another.
func BenchmarkTurn(b *testing.B) {
	turns.Run(1, turns.Options{Steps: 1 << 62}, func(s *turns.Scheduler) {
		for range 2 {
			s.Go("pauses", func() {
				for {
					s.Sleep(1)
				}
			})
		}
		for b.Loop() {
			s.Sleep(1)
		}
	})
}
