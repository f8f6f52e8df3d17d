package record

import (
	"fmt"
	"sync"
	"time"

	"github.com/anykernel/anykernel/hypercall"
)

// answered is the events that a host answers, and a replay in its place.
var answered = map[string]bool{
	hypercall.EventRandom: true, hypercall.EventStat: true, hypercall.EventOpen: true,
	hypercall.EventBio: true, hypercall.EventClose: true, hypercall.EventParam: true,
}

// recorded is all events but looks at the clock, which is the world's own, and
// which kernels look at most often.
var recorded = func() (names []string) {
	for _, k := range hypercall.Kinds() {
		if k.Name != hypercall.EventClock {
			names = append(names, k.Name)
		}
	}
	return names
}()

// A Recorder is a hook that writes down the events of its kernels.
type Recorder struct {
	mu    sync.Mutex
	w     *Writer
	begun *Entry // not written yet: it may end before something else happens
}

// NewRecorder records by w, which it closes.
func NewRecorder(w *Writer) *Recorder { return &Recorder{w: w} }

// Hook is for the Hooks of a kernel. The clock is the one that all kernels of the
// run have. A recording that cannot be written stops the kernel.
func (r *Recorder) Hook(clock hypercall.Clock) hypercall.Hook {
	return hypercall.Intercept(func(ev *hypercall.Event, next func()) { r.handle(clock, ev, next) }, recorded...)
}

// Note writes down something that is no kernel's event, such as a fault.
func (r *Recorder) Note(name string, at time.Duration, args hypercall.Fields) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.flush(); err != nil {
		return err
	}
	return r.write(noteOf(name, at, args))
}

func noteOf(name string, at time.Duration, args hypercall.Fields) *Entry {
	return &Entry{Begins: true, Ends: true, Name: name, Time: at, Args: keep(args, false), Results: hypercall.Fields{}}
}

// Close ends the recording.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.flush(); err != nil {
		return err
	}
	return r.w.Close()
}

func (r *Recorder) handle(clock hypercall.Clock, ev *hypercall.Event, next func()) {
	x := beginOf(clock, ev)
	if err := r.begin(x); err != nil {
		ev.Stop(err)
		ev.Err = err
		return
	}
	next()
	if err := r.end(clock, x, ev); err != nil {
		ev.Stop(err)
	}
}

func beginOf(clock hypercall.Clock, ev *hypercall.Event) *Entry {
	return &Entry{
		Begins: true, Kernel: ev.Kernel, Name: ev.Name, PID: ev.PID, Time: clock.Monotonic(),
		Args: keep(ev.Args, false),
	}
}

// endOf is the entry of an event that ends.
func endOf(clock hypercall.Clock, ev *hypercall.Event) *Entry {
	x := &Entry{Kernel: ev.Kernel, Name: ev.Name, PID: ev.PID, Time: clock.Monotonic()}
	x.endsAs(ev)
	return x
}

// endsAs makes x an entry that ends as its event did.
func (x *Entry) endsAs(ev *hypercall.Event) {
	x.Ends = true
	x.Results = keep(ev.Result, answered[ev.Name])
	x.Err = errorOf(ev.Err)
}

func (r *Recorder) begin(x *Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.flush()
	r.begun = x
	return err
}

func (r *Recorder) end(clock hypercall.Clock, x *Entry, ev *hypercall.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun == x {
		x.endsAs(ev)
		return r.flush()
	}
	if err := r.flush(); err != nil {
		return err
	}
	return r.write(endOf(clock, ev))
}

// flush writes the entry that has begun. mu is held.
func (r *Recorder) flush() error {
	x := r.begun
	if x == nil {
		return nil
	}
	r.begun = nil
	return r.write(x)
}

func (r *Recorder) write(x *Entry) error {
	if err := r.w.Write(x); err != nil {
		return fmt.Errorf("the run cannot be recorded: %w", err)
	}
	return nil
}
