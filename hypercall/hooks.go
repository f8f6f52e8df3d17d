package hypercall

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Hook sees events of kernels and may have its say. It is made by [Observe]
// or [Intercept] and may be in the Hooks of several kernels.
type Hook struct {
	events []string // nil: all
	handle func(ev *Event, next func())
}

// Intercept is a hook that decides what becomes of the events it names, or of
// all where it names none. f goes on by calling next, which asks the further
// hooks and then the host with ev.Args, and leaves the answer in ev.Result and
// ev.Err. Without next, the kernel gets what f left there.
//
// f is called by many goroutines at a time. The kernel may hold locks while it
// waits for the answer: f makes no calls on it. Of a frame, and of it alone,
// next may be called again, and sends it once more.
func Intercept(f func(ev *Event, next func()), events ...string) Hook {
	return Hook{events, f}
}

// Observe is a hook that is shown events with their answers.
func Observe(f func(ev *Event), events ...string) Hook {
	return Hook{events, func(ev *Event, next func()) {
		next()
		f(ev)
	}}
}

func (h *Hook) wants(event string) bool {
	return len(h.events) == 0 || slices.Contains(h.events, event)
}

// Hooks are the hooks of one kernel. A kernel without them, or with none that
// wants an event, pays nothing for it. All methods are safe for concurrent use
// and for a nil *Hooks, which has no hook.
type Hooks struct {
	kernel string
	chains map[string][]Hook // by event
	seq    atomic.Uint64
	start  time.Time
	clock  atomic.Pointer[moment]

	once    sync.Once
	err     error // set before stopped is closed
	stopped chan struct{}
}

// A moment is a clock and what it said when the kernel was opened.
type moment struct {
	Clock
	start time.Duration
}

// NewHooks joins hooks for one kernel: the first one is the outermost and sees
// an event first. The name is what events call the kernel.
func NewHooks(kernel string, hooks ...Hook) *Hooks {
	h := &Hooks{kernel: kernel, chains: map[string][]Hook{}, start: time.Now(), stopped: make(chan struct{})}
	h.Add(hooks...)
	return h
}

// Add puts further hooks around those there are, the first outermost. It is
// for who opens the kernel, before anything else is done with h.
func (h *Hooks) Add(hooks ...Hook) {
	for _, hook := range slices.Backward(hooks) {
		for _, kind := range kinds {
			if hook.wants(kind.Name) {
				h.chains[kind.Name] = append([]Hook{hook}, h.chains[kind.Name]...)
			}
		}
	}
}

// Kernel is what events call the kernel.
func (h *Hooks) Kernel() string { return h.kernel }

// Want reports whether a hook wants one of the events.
func (h *Hooks) Want(events ...string) bool {
	return h != nil && slices.ContainsFunc(events, func(name string) bool { return h.chains[name] != nil })
}

// Stop ends the kernel, as [Event.Stop] does. From now on no hook sees
// anything.
func (h *Hooks) Stop(err error) {
	h.once.Do(func() {
		h.err = err
		close(h.stopped)
	})
}

// Stopped is closed when a hook has stopped the kernel. A nil *Hooks never is.
func (h *Hooks) Stopped() <-chan struct{} {
	if h == nil {
		return nil
	}
	return h.stopped
}

// Err is what a hook stopped the kernel with, nil while none has.
func (h *Hooks) Err() error {
	select {
	case <-h.Stopped():
		return h.err
	default:
		return nil
	}
}

// Emit shows an event to the hooks that want it, and has it done by do where
// they go on. It sets the event's number, kernel and time, and waits for its
// delay.
func (h *Hooks) Emit(ev *Event, do func()) {
	h.emit(ev, do)
	h.wait(ev.Delay)
}

func (h *Hooks) emit(ev *Event, do func()) {
	if h == nil || h.chains[ev.Name] == nil || h.Err() != nil {
		do()
		return
	}
	ev.hooks, ev.Kernel, ev.Seq, ev.Time = h, h.kernel, h.seq.Add(1), h.now()
	h.run(h.chains[ev.Name], ev, do)
}

func (h *Hooks) run(chain []Hook, ev *Event, do func()) {
	if len(chain) == 0 {
		do()
		return
	}
	chain[0].handle(ev, func() { h.run(chain[1:], ev, do) })
}

// after has f called when d has passed by the kernel's clock: by its scheduler,
// after the step that brings it there where that is a [StepClock], and else by
// this machine's clock.
func (h *Hooks) after(d time.Duration, f func()) {
	var clock Clock
	if m := h.clock.Load(); m != nil {
		clock = m.Clock
	}
	switch c := clock.(type) {
	case Scheduler:
		c.AfterFunc(d, f)
	case StepClock:
		afterStep(c, d, f)
	default:
		time.AfterFunc(d, f)
	}
}

func afterStep(step StepClock, d time.Duration, f func()) {
	due := step.Monotonic() + d
	var mu sync.Mutex // until cancel is set
	mu.Lock()
	defer mu.Unlock()
	var once sync.Once
	var cancel func()
	cancel = step.OnStep(func() {
		if step.Monotonic() < due {
			return
		}
		once.Do(func() {
			mu.Lock()
			defer mu.Unlock()
			cancel()
			f()
		})
	})
}

// wait waits for an event's delay, if the caller may wait.
func (h *Hooks) wait(d time.Duration) {
	if d <= 0 || h.scheduled() {
		return
	}
	passed := make(chan struct{})
	h.after(d, func() { close(passed) })
	<-passed
}

func (h *Hooks) scheduled() bool {
	m := h.clock.Load()
	if m == nil {
		return false
	}
	_, ok := m.Clock.(Scheduler)
	return ok
}

func (h *Hooks) now() time.Duration {
	if m := h.clock.Load(); m != nil {
		return m.Monotonic() - m.start
	}
	return time.Since(h.start)
}

// Wrap puts the hooks around a host. It is a [Middleware]. What the host leaves
// to the backend and a hook wants to see is answered as [System] does.
func (h *Hooks) Wrap(host Host) Host {
	if h == nil {
		return host
	}
	clock := host.Clock
	if host.Scheduler != nil {
		clock = host.Scheduler
	}
	if clock != nil {
		h.clock.Store(&moment{clock, clock.Monotonic()})
	}
	system := System()
	if h.Want(EventClock) {
		host.Clock = hookClock(h, or(host.Clock, system.Clock))
	}
	if h.Want(EventRandom) {
		host.Random = hookedRandom{h, or(host.Random, system.Random)}
	}
	if h.Want(EventAlloc) {
		host.Memory = hookedMemory{h, or(host.Memory, system.Memory)}
	}
	if h.Want(EventThread) {
		host.Threads = hookedThreads{h, or(host.Threads, system.Threads)}
	}
	if h.Want(blockEvents...) {
		host.Block = h.Block(or(host.Block, system.Block))
	}
	if h.Want(netEvents...) {
		host.Net = h.Net(or(host.Net, system.Net))
	}
	if h.Want(EventConsole) {
		host.Console = hookedConsole{h, or(host.Console, system.Console)}
	}
	if h.Want(EventParam) {
		host.Params = hookedParams{h, or(host.Params, system.Params)}
	}
	if h.Want(EventSignal, EventExit, EventPanic) {
		host.Lifecycle = hookedLifecycle{h, or(host.Lifecycle, system.Lifecycle)}
	}
	return host
}

var (
	blockEvents = []string{EventStat, EventOpen, EventBio, EventClose}
	netEvents   = []string{EventAttach, EventFrame}
)

// Block is b with the hooks around it. [Hooks.Wrap] does this for a host's; it
// is for files that a kernel gets in another way.
func (h *Hooks) Block(b Block) Block {
	if !h.Want(blockEvents...) {
		return b
	}
	return hookedBlock{h, b}
}

// Net is n with the hooks around it, as Block is.
func (h *Hooks) Net(n Net) Net {
	if !h.Want(netEvents...) {
		return n
	}
	return hookedNet{h, n}
}

// or is a, or b where a is nil.
func or[T comparable](a, b T) T {
	var none T
	if a == none {
		return b
	}
	return a
}
