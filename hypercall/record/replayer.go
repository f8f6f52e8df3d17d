package record

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/anykernel/anykernel/hypercall"
)

// A Replayer is a hook that compares events with those of a recording, and
// answers them in the host's place.
type Replayer struct {
	mu     sync.Mutex
	r      *Reader
	number uint64 // of the last entry that was taken
	ahead  *Entry // the end of an entry whose beginning was taken
	err    error  // the first
}

// NewReplayer replays what r reads.
func NewReplayer(r *Reader) *Replayer { return &Replayer{r: r} }

// Hook is for the Hooks of a kernel, as that of the Recorder was.
func (p *Replayer) Hook(clock hypercall.Clock) hypercall.Hook {
	return hypercall.Intercept(func(ev *hypercall.Event, next func()) { p.handle(clock, ev, next) }, recorded...)
}

// Note compares what Recorder.Note wrote down.
func (p *Replayer) Note(name string, at time.Duration, args hypercall.Fields) error {
	got := noteOf(name, at, args)
	return p.compare(func() (*Entry, *Entry, error) {
		if p.ahead != nil {
			return p.ahead, got, nil
		}
		want, err := p.take()
		return want, got, err
	})
}

// Close reports what was wrong: the first difference, a damaged recording, or one
// of which only a part was replayed.
func (p *Replayer) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	x, err := p.take()
	switch {
	case err == io.EOF:
		return nil
	case err != nil:
		return err
	}
	return &Difference{Number: p.number, Want: x}
}

// A Difference is the first one between a run and its recording.
type Difference struct {
	// Number counts the recording's entries from 1.
	Number uint64
	// Want is the entry of the recording, Got what came in its place. One of
	// them is nil where the recording or the run has ended.
	Want, Got *Entry
}

func (d *Difference) Error() string {
	return fmt.Sprintf("the run differs from its recording at entry %d:\n  expected %v\n  came     %v", d.Number, d.Want, d.Got)
}

// String is the entry in words.
func (x *Entry) String() string {
	if x == nil {
		return "the end"
	}
	var b strings.Builder
	if !x.Begins {
		b.WriteString("the answer to ")
	}
	fmt.Fprintf(&b, "%s of %s", x.Name, x.Kernel)
	if x.PID != 0 {
		fmt.Fprintf(&b, " by process %d", x.PID)
	}
	fmt.Fprintf(&b, " at %v", x.Time)
	for i, list := range []hypercall.Fields{x.Args, x.Results} {
		if i == 1 && x.Ends {
			b.WriteString(" =")
		}
		for _, f := range list {
			fmt.Fprintf(&b, " %s=%s", f.Name, Text(f.Value))
		}
	}
	if x.Err != nil {
		fmt.Fprintf(&b, " error=%q", x.Err.Error())
	}
	return b.String()
}

// maxShown bounds the bytes of a value in words.
const maxShown = 48

// Text is a value of a field in words.
func Text(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case []byte:
		shown := v
		if zeros := len(v) - len(bytes.TrimRight(v, "\x00")); zeros > 1 {
			shown = v[:len(v)-zeros+1]
		}
		if shown = shown[:min(len(shown), maxShown)]; len(shown) < len(v) {
			return fmt.Sprintf("%q…(%d)", shown, len(v))
		}
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}

func (p *Replayer) handle(clock hypercall.Clock, ev *hypercall.Event, next func()) {
	if err := p.begin(clock, ev); err != nil {
		ev.Stop(err)
		ev.Err = err
		return
	}
	if answered[ev.Name] {
		if err := p.answer(clock, ev); err != nil {
			ev.Stop(err)
			ev.Err = err
		}
		return
	}
	next()
	if err := p.end(clock, ev); err != nil {
		ev.Stop(err)
	}
}

// begin compares an event that begins.
func (p *Replayer) begin(clock hypercall.Clock, ev *hypercall.Event) error {
	got := beginOf(clock, ev)
	return p.compare(func() (*Entry, *Entry, error) {
		if p.ahead != nil { // it should have ended first
			return p.ahead, got, nil
		}
		want, err := p.take()
		if err == nil && want.Begins && want.Ends {
			end := *want
			end.Begins, end.Args = false, nil
			p.ahead = &end
			want = &Entry{Begins: true, Kernel: want.Kernel, Name: want.Name, PID: want.PID, Time: want.Time, Args: want.Args}
		}
		return want, got, err
	})
}

// end compares an event that ends.
func (p *Replayer) end(clock hypercall.Clock, ev *hypercall.Event) error {
	got := endOf(clock, ev)
	return p.compare(func() (*Entry, *Entry, error) {
		want, err := p.takeEnd()
		return want, got, err
	})
}

// answer gives an event the answer of the recording.
func (p *Replayer) answer(clock hypercall.Clock, ev *hypercall.Event) error {
	return p.compare(func() (*Entry, *Entry, error) {
		want, err := p.takeEnd()
		if err != nil || want.Begins {
			return want, endOf(clock, ev), err
		}
		ev.Result, ev.Err = keep(want.Results, true), want.Err
		return want, want, nil
	})
}

// compare makes the first difference the replay's error.
func (p *Replayer) compare(f func() (want, got *Entry, err error)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	want, got, err := f()
	switch {
	case err == io.EOF:
		p.err = &Difference{Number: p.number + 1, Got: got}
	case err != nil:
		p.err = err
	case !alike(want, got):
		p.err = &Difference{Number: p.number, Want: want, Got: got}
	}
	return p.err
}

// take reads an entry. mu is held.
func (p *Replayer) take() (*Entry, error) {
	x, err := p.r.Next()
	if err == nil {
		p.number++
	}
	return x, err
}

// takeEnd is the next entry where one is to end. mu is held.
func (p *Replayer) takeEnd() (*Entry, error) {
	if x := p.ahead; x != nil {
		p.ahead = nil
		return x, nil
	}
	return p.take()
}

// alike reports whether two entries are the same event.
func alike(a, b *Entry) bool {
	return a.Begins == b.Begins && a.Kernel == b.Kernel && a.Name == b.Name && a.PID == b.PID && a.Time == b.Time &&
		sameFields(a.Name, a.Args, b.Args) && sameFields(a.Name, a.Results, b.Results) && sameError(a.Err, b.Err)
}

func sameError(a, b error) bool {
	return (a == nil) == (b == nil) && (a == nil || a.Error() == b.Error())
}

func sameFields(event string, a, b hypercall.Fields) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || !sameValue(event, a[i].Value, b[i].Value) {
			return false
		}
	}
	return true
}

// sameValue reports whether two values are the same. Of memory of a system call
// only the length counts: the kernel has not written it yet.
func sameValue(event string, a, b any) bool {
	if event == hypercall.EventSyscall {
		n, isMemory := memory(a)
		m, isToo := memory(b)
		if isMemory || isToo {
			return n == m && isMemory == isToo
		}
	}
	x, xb := a.([]byte)
	y, yb := b.([]byte)
	if xb || yb {
		return xb && yb && bytes.Equal(x, y)
	}
	return a == b
}

func memory(v any) (length int, ok bool) {
	switch v := v.(type) {
	case []byte:
		return len(v), true
	case Digest:
		return v.Length, true
	}
	return 0, false
}
