package hypercall

import "time"

// System is a host that has every concern but a scheduler: what [POSIX] has, the clock of this
// machine, as much memory and as many threads as a kernel wants, no network,
// no settings, and nobody who reads the console or is told of signals.
func System() Host {
	h := POSIX()
	h.Memory = systemMemory{}
	h.Clock = systemClock{}
	h.Threads = systemThreads{}
	h.Net = UnimplementedNet{}
	h.Console = UnimplementedConsole{}
	h.Params = UnimplementedParams{}
	h.Lifecycle = UnimplementedLifecycle{}
	return h
}

// Over is h with what it leaves to the backend taken from below.
func (h Host) Over(below Host) Host {
	return Host{
		Memory:    or(h.Memory, below.Memory),
		Clock:     or(h.Clock, or(h.schedulerClock(), below.Clock)),
		Random:    or(h.Random, below.Random),
		Threads:   or(h.Threads, below.Threads),
		Block:     or(h.Block, below.Block),
		Net:       or(h.Net, below.Net),
		Console:   or(h.Console, below.Console),
		Params:    or(h.Params, below.Params),
		Lifecycle: or(h.Lifecycle, below.Lifecycle),
		Scheduler: or(h.Scheduler, below.Scheduler),
	}
}

// schedulerClock is the clock of the scheduler, nil without one.
func (h Host) schedulerClock() Clock {
	if h.Scheduler == nil {
		return nil
	}
	return h.Scheduler
}

type (
	systemMemory  struct{}
	systemClock   struct{}
	systemThreads struct{}
)

// boot is the moment that the monotonic clock of this machine counts from
// here.
var boot = time.Now()

func (systemMemory) Allocate(n, align int) error { return nil }
func (systemThreads) Start(name string) error    { return nil }
func (systemClock) Now() time.Time               { return time.Now() }
func (systemClock) Monotonic() time.Duration     { return time.Since(boot) }
