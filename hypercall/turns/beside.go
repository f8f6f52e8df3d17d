package turns

import (
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// beside is what runs without turns: kernels that have goroutines of their own.
// What they do is not the seed's. It comes close where the world goes on only
// when all of them wait, which is what settle is for.
type beside struct {
	active atomic.Bool // there is something; never taken back

	waiting atomic.Int64  // goroutines of the world that are in Beside
	came    chan struct{} // after Later; holds one

	mu      sync.Mutex
	later   []func() // by Later
	steps   []*stepped
	samples []metrics.Sample // of settle alone
	calls   uint64           // of the host that count as waiting; of settle alone
}

type stepped struct{ f func() }

// Beside implements hypercall.Scheduler.
func (s *Scheduler) Beside(f func()) {
	s.beside.active.Store(true)
	s.beside.waiting.Add(1)
	x := s.NewWait(func() string { return "a kernel that has no turns" })
	go func() {
		defer s.beside.waiting.Add(-1)
		defer s.Later(x.Wake)
		f()
	}()
	x.Wait(nil)
}

// Later implements hypercall.Scheduler.
func (s *Scheduler) Later(f func()) {
	s.beside.active.Store(true)
	s.beside.mu.Lock()
	defer s.beside.mu.Unlock()
	s.beside.later = append(s.beside.later, f)
	select {
	case s.beside.came <- struct{}{}:
	default:
	}
}

// patience is how long, by the machine's clock, a world in which nothing else is
// to come waits for what runs beside.
const patience = time.Second

// comes waits for something that is left to do, and reports whether it came.
func (b *beside) comes() bool {
	if b.waiting.Load() == 0 {
		return false
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		b.mu.Lock()
		some := len(b.later) > 0
		b.mu.Unlock()
		if some {
			return true
		}
		select {
		case <-b.came:
		case <-timeout.C:
			return false
		}
	}
}

// OnStep has f called after every step of time. It may be called by any
// goroutine. f may not wait for the world.
func (s *Scheduler) OnStep(f func()) (cancel func()) {
	s.beside.active.Store(true)
	s.beside.mu.Lock()
	defer s.beside.mu.Unlock()
	x := &stepped{f}
	s.beside.steps = append(s.beside.steps, x)
	return func() {
		s.beside.mu.Lock()
		defer s.beside.mu.Unlock()
		s.beside.steps = slices.DeleteFunc(s.beside.steps, func(y *stepped) bool { return x == y })
	}
}

// tellSteps is called after a step of time.
func (s *Scheduler) tellSteps() {
	s.beside.mu.Lock()
	steps := slices.Clone(s.beside.steps)
	s.beside.mu.Unlock()
	for _, x := range steps {
		x.f()
	}
}

// takeBeside waits for what runs beside, and does what that has left to do.
func (s *Scheduler) takeBeside() {
	if !s.beside.active.Load() {
		return
	}
	s.beside.settle()
	s.beside.mu.Lock()
	later := s.beside.later
	s.beside.later = nil
	s.beside.mu.Unlock()
	for _, f := range later {
		s.event(&event{at: s.now, f: f})
	}
}

const (
	// quietSamples is how often in a row nothing may run.
	quietSamples = 3
	// callSamples is how long a goroutine may be in a call of the host before
	// it counts as waiting there.
	callSamples = 30
	// settleTime bounds a settle: something else runs in this process.
	settleTime = 20 * time.Millisecond
)

// settle waits, by the machine's clock, until all other goroutines wait.
func (b *beside) settle() {
	if b.samples == nil {
		for _, name := range []string{"runnable", "running", "not-in-go"} {
			b.samples = append(b.samples, metrics.Sample{Name: "/sched/goroutines/" + name + ":goroutines"})
		}
	}
	var end time.Time
	quiet, calling := 0, 0
	for n := 1; quiet < quietSamples; n++ {
		runtime.Gosched()
		metrics.Read(b.samples)
		runnable, running, calls := b.samples[0].Value.Uint64(), b.samples[1].Value.Uint64(), b.samples[2].Value.Uint64()
		switch {
		case runnable > 0 || running > 1:
			quiet, calling = 0, 0
		case calls > b.calls && calling < callSamples:
			quiet, calling = 0, calling+1
		default:
			b.calls = calls
			quiet++
		}
		if n%64 == 0 { // now and then
			if now := time.Now(); end.IsZero() {
				end = now.Add(settleTime)
			} else if now.After(end) {
				return
			}
		}
	}
}
