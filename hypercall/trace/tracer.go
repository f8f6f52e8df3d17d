package trace

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/sys/abi"
)

// Options say what is printed. The zero Options are valid.
type Options struct {
	// Only are the names that are printed: of events ("bio"), of system calls
	// ("openat"), or "hypercall" for all events but system calls. None is all
	// but looks at the clock.
	Only []string
	// Text is how many bytes of a text or a buffer are printed; 0 is 32.
	Text int
	// Count has nothing printed but a table at the end, see [Tracer.Summary].
	Count bool
}

const defaultText = 32

// A Tracer prints events. Its methods are safe for concurrent use.
type Tracer struct {
	w    io.Writer
	opts Options
	abi  atomic.Pointer[abi.ABI]

	mu     sync.Mutex
	err    error
	counts map[string]*Count
}

// New is a tracer that prints to w.
func New(w io.Writer, o Options) *Tracer {
	if o.Text == 0 {
		o.Text = defaultText
	}
	return &Tracer{w: w, opts: o, counts: map[string]*Count{}}
}

// SetABI says what the system calls are those of. Before, their arguments are
// printed as they are.
func (t *Tracer) SetABI(a *abi.ABI) { t.abi.Store(a) }

// Hook is for the Hooks of a kernel.
func (t *Tracer) Hook() hypercall.Hook { return hypercall.Intercept(t.handle, t.events()...) }

// events are those that are to be seen: a kernel pays for no others.
func (t *Tracer) events() (names []string) {
	for _, k := range hypercall.Kinds() {
		switch {
		case len(t.opts.Only) == 0 && k.Name != hypercall.EventClock,
			slices.Contains(t.opts.Only, k.Name),
			slices.Contains(t.opts.Only, "hypercall") && k.Name != hypercall.EventSyscall:
			names = append(names, k.Name)
		}
	}
	if !slices.Contains(names, hypercall.EventSyscall) && slices.ContainsFunc(t.opts.Only, mayBeCall) {
		names = append(names, hypercall.EventSyscall)
	}
	return names
}

// mayBeCall reports whether a name may be a system call's. Some events have the
// names of calls.
func mayBeCall(name string) bool {
	_, isEvent := hypercall.KindOf(name)
	_, isCall := signatures[name]
	return isCall || !isEvent && name != "hypercall"
}

// wants reports whether a system call is to be printed.
func (t *Tracer) wants(call string) bool {
	only := t.opts.Only
	return len(only) == 0 || slices.Contains(only, hypercall.EventSyscall) || slices.Contains(only, call) || slices.Contains(only, plain(call))
}

func (t *Tracer) handle(ev *hypercall.Event, next func()) {
	start := time.Now()
	next()
	took := time.Since(start)
	name := ev.Name
	if ev.Name == hypercall.EventSyscall {
		if name = ev.Args.Text("call"); !t.wants(name) {
			return
		}
	}
	line := ""
	if !t.opts.Count {
		line = t.line(ev)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count(name, ev.Err != nil, took)
	if line != "" && t.err == nil {
		_, t.err = io.WriteString(t.w, line)
	}
}

// Err is the first error of writing.
func (t *Tracer) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// line is an event as a line.
func (t *Tracer) line(ev *hypercall.Event) string {
	what := ""
	if ev.Name == hypercall.EventSyscall {
		what = t.call(ev)
	} else {
		what = t.hypercall(ev)
	}
	who, _, _ := strings.Cut(ev.Kernel, ":") // without arguments and options
	who, _, _ = strings.Cut(who, "?")
	if ev.PID != 0 {
		who = fmt.Sprintf("%s/%d", who, ev.PID)
	}
	return fmt.Sprintf("%12.6f %s %s\n", ev.Time.Seconds(), who, what)
}

// hypercall is an event that is no system call: its arguments, and the answer.
func (t *Tracer) hypercall(ev *hypercall.Event) string {
	line := "· " + ev.Name + "(" + t.fields(ev.Args) + ")"
	switch {
	case ev.Err != nil:
		return line + " = " + t.errorText(ev.Err)
	case len(ev.Result) > 0:
		return line + " = " + t.fields(ev.Result)
	}
	return line
}

func (t *Tracer) fields(fields hypercall.Fields) string {
	var list []string
	for _, f := range fields {
		var v string
		switch x := f.Value.(type) {
		case []byte:
			v = quote(x, t.opts.Text)
		case string:
			v = quote([]byte(x), t.opts.Text)
		default:
			v = fmt.Sprint(x)
		}
		list = append(list, f.Name+"="+v)
	}
	return strings.Join(list, ", ")
}

// errorText is an error as strace has it: by its name in the kernel's ABI.
func (t *Tracer) errorText(err error) string {
	var e abi.Errno
	if a := t.abi.Load(); a != nil && errors.As(err, &e) {
		if info, ok := a.Errno(e); ok {
			return fmt.Sprintf("-1 %s (%s)", info.Name, info.Message)
		}
	}
	return fmt.Sprintf("-1 (%v)", err)
}

// quote is bytes as a text of C, cut where there are too many.
func quote(b []byte, most int) string {
	if len(b) <= most {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q…", b[:most])
}
