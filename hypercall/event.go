package hypercall

import "time"

// The names of events. Arguments and results are listed as name and type; a
// result that a hook does not set has its zero value.
const (
	// EventClock is a look at the clock. Arguments: clock string, "wall" or
	// "monotonic". Results: ns int64, since 1970 or since some moment.
	EventClock = "clock"
	// EventRandom is a request for random bytes. Arguments: length int64.
	// Results: data []byte, of any shorter length too.
	EventRandom = "random"
	// EventAlloc is a request for memory. Arguments: size int64, align int64.
	EventAlloc = "alloc"
	// EventThread is a thread about to start. Arguments: thread string, its
	// name.
	EventThread = "thread"
	// EventStat is a question about a file of the host. Arguments: device
	// string, its path. Results: size int64, mode int64, as of io/fs.
	EventStat = "stat"
	// EventOpen opens a file of the host. Arguments: device string, its path;
	// mode int64, an [OpenMode].
	EventOpen = "open"
	// EventBio is a transfer. Arguments: device string, op string ("read",
	// "write" or "sync"), offset int64, length int64, and data []byte of a
	// write. Results: data []byte of a read, n int64 of a write.
	EventBio = "bio"
	// EventClose closes a file of the host. Arguments: device string.
	EventClose = "close"
	// EventAttach plugs in a network interface. Arguments: nic string, mac
	// []byte.
	EventAttach = "attach"
	// EventFrame is an Ethernet frame. Arguments: nic string, dir string
	// ("out" or "in", as the kernel sees it), data []byte. A hook that does
	// not go on drops it; one that goes on twice duplicates it.
	EventFrame = "frame"
	// EventConsole is a line that the kernel prints. Arguments: text []byte.
	EventConsole = "console"
	// EventParam is a question for a setting. Arguments: param string, its
	// name. Results: value string, found bool.
	EventParam = "param"
	// EventSignal is a signal to a process in the kernel. Arguments: pid
	// int64, signal int64.
	EventSignal = "signal"
	// EventExit is the end of a kernel that was halted or closed. Arguments:
	// status int64.
	EventExit = "exit"
	// EventPanic is the end of a kernel that died. Arguments: reason string.
	EventPanic = "panic"
	// EventSyscall is a system call of one of the kernel's processes.
	// Arguments: call string, number int64, and arg0, arg1 … as the ABI has
	// them, each an int64, or a []byte where it is memory of the caller. Memory
	// that the kernel writes to holds its answer afterwards. What a pointer at
	// offset 8 of arg1 points to is arg1+8. Results: r0, r1 int64.
	EventSyscall = "syscall"
)

// An Event is one request of a kernel to its host, or one system call to the
// kernel. It is valid until its hook returns, and so is the memory that its
// fields point to, which may be the kernel's own.
type Event struct {
	Seq    uint64        // counts the events of a kernel, from 1
	Kernel string        // the kernel's name
	Name   string        // what it is, such as EventBio
	PID    int           // the process that it is about; 0 where that is not known
	Time   time.Duration // by the kernel's monotonic clock, since it was opened
	Args   Fields        // what is asked; what a hook changes is what will be done
	Result Fields        // the answer; what a hook changes is what the kernel gets
	Err    error         // an error refuses the request
	// Delay is how much later the kernel gets the answer, by its own clock; a
	// frame goes on that much later, and who sends it does not wait. A kernel
	// with a scheduler waits for transfers, frames and system calls only.
	Delay time.Duration

	hooks *Hooks
}

// Stop ends the kernel: calls on it fail with err from now on. Only the first
// error counts. It may be called at any time while the event is valid.
func (ev *Event) Stop(err error) { ev.hooks.Stop(err) }

// A Field is one argument or result. Its value is a bool, an int64, a string
// or a []byte.
type Field struct {
	Name  string
	Value any
}

// Fields are in the order in which the event lists them.
type Fields []Field

// Get is the value of a field, nil where there is none.
func (f Fields) Get(name string) any {
	for i := range f {
		if f[i].Name == name {
			return f[i].Value
		}
	}
	return nil
}

// Set gives a field a value, and adds it where there is none.
func (f *Fields) Set(name string, value any) {
	for i := range *f {
		if (*f)[i].Name == name {
			(*f)[i].Value = value
			return
		}
	}
	*f = append(*f, Field{name, value})
}

// Int is the value of a field, 0 where there is no such number.
func (f Fields) Int(name string) int64 { v, _ := f.Get(name).(int64); return v }

// Text is the value of a field, "" where there is no such text.
func (f Fields) Text(name string) string { v, _ := f.Get(name).(string); return v }

// Bytes is the value of a field, nil where there are no such bytes.
func (f Fields) Bytes(name string) []byte { v, _ := f.Get(name).([]byte); return v }

// Bool is the value of a field, false where there is no such truth.
func (f Fields) Bool(name string) bool { v, _ := f.Get(name).(bool); return v }
