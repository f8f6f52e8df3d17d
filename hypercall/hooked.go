package hypercall

import "time"

// Each concern of a host is made into events here, and in hooked_block.go and
// hooked_net.go. A method sets out what is asked, has the event run, and reads
// from it what was answered.

type hookedClock struct {
	h *Hooks
	Clock
}

func (c hookedClock) Now() time.Time {
	ns := c.ask("wall", func() int64 { return c.Clock.Now().UnixNano() })
	return time.Unix(0, ns)
}

func (c hookedClock) Monotonic() time.Duration {
	return time.Duration(c.ask("monotonic", func() int64 { return int64(c.Clock.Monotonic()) }))
}

// A hookedStepClock is that of a [StepClock].
type hookedStepClock struct {
	hookedClock
	StepClock
}

func (c hookedStepClock) Now() time.Time           { return c.hookedClock.Now() }
func (c hookedStepClock) Monotonic() time.Duration { return c.hookedClock.Monotonic() }

func hookClock(h *Hooks, c Clock) Clock {
	if step, ok := c.(StepClock); ok {
		return hookedStepClock{hookedClock{h, c}, step}
	}
	return hookedClock{h, c}
}

func (c hookedClock) ask(clock string, now func() int64) int64 {
	ev := Event{Name: EventClock, Args: Fields{{"clock", clock}}}
	c.h.Emit(&ev, func() { ev.Result.Set("ns", now()) })
	return ev.Result.Int("ns")
}

type hookedRandom struct {
	h *Hooks
	Random
}

func (r hookedRandom) Read(p []byte) (int, error) {
	ev := Event{Name: EventRandom, Args: Fields{{"length", int64(len(p))}}}
	r.h.Emit(&ev, func() {
		q := p[:clamp(ev.Args.Int("length"), len(p))]
		n, err := r.Random.Read(q)
		ev.Result.Set("data", q[:n])
		ev.Err = err
	})
	return copy(p, ev.Result.Bytes("data")), ev.Err
}

type hookedMemory struct {
	h *Hooks
	Memory
}

func (m hookedMemory) Allocate(n, align int) error {
	ev := Event{Name: EventAlloc, Args: Fields{{"size", int64(n)}, {"align", int64(align)}}}
	m.h.Emit(&ev, func() { ev.Err = m.Memory.Allocate(n, align) })
	return ev.Err
}

type hookedThreads struct {
	h *Hooks
	Threads
}

func (t hookedThreads) Start(name string) error {
	ev := Event{Name: EventThread, Args: Fields{{"thread", name}}}
	t.h.Emit(&ev, func() { ev.Err = t.Threads.Start(name) })
	return ev.Err
}

type hookedConsole struct {
	h *Hooks
	Console
}

func (c hookedConsole) Print(text []byte) error {
	ev := Event{Name: EventConsole, Args: Fields{{"text", text}}}
	c.h.Emit(&ev, func() { ev.Err = c.Console.Print(ev.Args.Bytes("text")) })
	return ev.Err
}

type hookedParams struct {
	h *Hooks
	Params
}

func (p hookedParams) Param(name string) (string, bool) {
	ev := Event{Name: EventParam, Args: Fields{{"param", name}}}
	p.h.Emit(&ev, func() {
		value, found := p.Params.Param(ev.Args.Text("param"))
		ev.Result.Set("value", value)
		ev.Result.Set("found", found)
	})
	return ev.Result.Text("value"), ev.Result.Bool("found")
}

type hookedLifecycle struct {
	h *Hooks
	Lifecycle
}

func (l hookedLifecycle) Signal(pid, signal int) {
	ev := Event{Name: EventSignal, PID: pid, Args: Fields{{"pid", int64(pid)}, {"signal", int64(signal)}}}
	l.h.Emit(&ev, func() { l.Lifecycle.Signal(pid, signal) })
}

func (l hookedLifecycle) Exit(status int) {
	ev := Event{Name: EventExit, Args: Fields{{"status", int64(status)}}}
	l.h.Emit(&ev, func() { l.Lifecycle.Exit(status) })
}

func (l hookedLifecycle) Panic(reason string) {
	ev := Event{Name: EventPanic, Args: Fields{{"reason", reason}}}
	l.h.Emit(&ev, func() { l.Lifecycle.Panic(reason) })
}

// clamp is n brought between 0 and most.
func clamp(n int64, most int) int { return int(min(max(n, 0), int64(most))) }
