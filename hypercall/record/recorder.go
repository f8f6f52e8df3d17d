package record

import (
	"fmt"
	"sync"

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

// Hook is for the Hooks of each kernel. A recording that cannot be written stops
// the kernel.
func (r *Recorder) Hook() hypercall.Hook { return hypercall.Intercept(r.handle, recorded...) }

// Close ends the recording.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.flush(); err != nil {
		return err
	}
	return r.w.Close()
}

func (r *Recorder) handle(ev *hypercall.Event, next func()) {
	x := beginOf(ev)
	if err := r.begin(x); err != nil {
		ev.Stop(err)
		ev.Err = err
		return
	}
	next()
	if err := r.end(x, ev); err != nil {
		ev.Stop(err)
	}
}

func beginOf(ev *hypercall.Event) *Entry {
	return &Entry{
		Begins: true, Kernel: ev.Kernel, Name: ev.Name, PID: ev.PID, Time: ev.Time,
		Args: keep(ev.Args, false),
	}
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

func (r *Recorder) end(x *Entry, ev *hypercall.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun == x {
		x.endsAs(ev)
		return r.flush()
	}
	if err := r.flush(); err != nil {
		return err
	}
	end := &Entry{Kernel: x.Kernel, Name: x.Name, PID: x.PID, Time: x.Time}
	end.endsAs(ev)
	return r.write(end)
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
