package kdump

import (
	"fmt"

	"github.com/anykernel/anykernel/sys/abi"
)

// A CallEvent is a system call.
type CallEvent struct {
	Number int
	Name   string // "" where the ABI has no such call
	Args   []uint64
}

// A ReturnEvent is how a system call ended.
type ReturnEvent struct {
	Number  int
	Name    string
	Errno   int32  // 0 for success; -1 it is made again, -2 it leaves the registers alone
	Error   string // the name of the error, such as "ENOENT"
	Results [2]int64
}

// A PathEvent is a path that was looked up.
type PathEvent string

// An IOEvent is data that went in or out.
type IOEvent struct {
	FD    int
	Write bool
	Data  []byte
}

// A SignalEvent is a signal that was taken.
type SignalEvent struct {
	Signal  int
	Name    string // such as "SIGTERM"
	Handler uint64 // 0 is the default
	Mask    [4]uint32
	Code    int
}

// A SwitchEvent is a context switch.
type SwitchEvent struct {
	Out  bool // away from the LWP
	User bool // because its time was over, not because it waits
}

// A TextEvent is the emulation of a process, or an argument or a variable that
// a program was given.
type TextEvent string

// A UserEvent is a record of utrace(2).
type UserEvent struct {
	Label string
	Data  []byte
}

// A MIBEvent is a variable of sysctl(3), by number.
type MIBEvent []int32

// An FDEvent is a descriptor that a program was started with.
type FDEvent struct {
	FD   int
	Kind int // DTYPE_*: 1 a file, 2 a socket, 3 a pipe
}

// A DataError says that the data of a record are not what its type has.
type DataError struct {
	Type       Type
	Have, Want int // bytes
}

func (e *DataError) Error() string {
	return fmt.Sprintf("a record of %v has %d bytes, and wants %d", e.Type, e.Have, e.Want)
}

// Decode is what happened: one of the events of this package. Of types that it
// does not know it is the data. The error is a [*DataError].
func (r *Record) Decode() (any, error) {
	d := &decoder{b: r.Data, rec: r}
	var event any
	switch r.Type {
	case Syscall:
		event = d.call()
	case Sysret:
		event = d.ret()
	case Namei:
		event = PathEvent(text(r.Data))
	case Genio:
		fd, rw := d.i32(), d.i32()
		event = IOEvent{int(fd), rw != 0, d.b}
	case Psig:
		event = d.signal()
	case Csw:
		out, user := d.i32(), d.i32()
		event = SwitchEvent{out != 0, user != 0}
	case Emul, ExecArg, ExecEnv:
		event = TextEvent(text(r.Data))
	case User:
		event = UserEvent{text(d.take(labelSize)), d.b}
	case Mib:
		event = d.mib()
	case ExecFD:
		fd, kind := d.i32(), d.i32()
		event = FDEvent{int(fd), int(kind)}
	default:
		return r.Data, nil
	}
	if d.want > len(r.Data) {
		return nil, &DataError{r.Type, len(r.Data), d.want}
	}
	return event, nil
}

const labelSize = 20

// A decoder takes numbers from the data. What is not there is 0, and want says
// how much there should be.
type decoder struct {
	rec  *Record
	b    []byte
	want int
}

func (d *decoder) take(n int) []byte {
	d.want += n
	if len(d.b) < n {
		d.b = nil
		return make([]byte, n)
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) i32() int32 { return int32(d.rec.ABI.Order.Uint32(d.take(4))) }

// word is a register.
func (d *decoder) word() uint64 {
	size := d.rec.ABI.PointerSize
	return abi.Field{Size: size}.Uint(d.take(size), d.rec.ABI.Order)
}

func (d *decoder) call() CallEvent {
	number, size := d.i32(), int(d.i32())
	c := CallEvent{Number: int(number), Name: callName(d.rec.ABI, int(number))}
	if size < 0 || size > len(d.b) {
		d.want += max(size, 1<<20) // more than there can be
		return c
	}
	for range size / d.rec.ABI.PointerSize {
		c.Args = append(c.Args, d.word())
	}
	return c
}

func (d *decoder) ret() ReturnEvent {
	code := d.rec.ABI.Order.Uint16(d.take(4))
	r := ReturnEvent{Number: int(code), Name: callName(d.rec.ABI, int(code)), Errno: d.i32()}
	if info, ok := d.rec.ABI.Errno(abi.Errno(r.Errno)); ok && r.Errno > 0 {
		r.Error = info.Name
	}
	for i := range r.Results {
		v := d.word()
		if d.rec.ABI.PointerSize == 4 {
			v = uint64(int32(v))
		}
		r.Results[i] = int64(v)
	}
	return r
}

func (d *decoder) signal() SignalEvent {
	s := SignalEvent{Signal: int(d.i32())}
	if d.rec.ABI.PointerSize == 8 {
		d.take(4)
	}
	s.Handler = d.word()
	for i := range s.Mask {
		s.Mask[i] = uint32(d.i32())
	}
	s.Code = int(d.i32())
	if info, ok := d.rec.ABI.Signal(s.Signal); ok {
		s.Name = info.Name
	}
	return s
}

func (d *decoder) mib() MIBEvent {
	m := MIBEvent{}
	for len(d.b) >= 4 {
		m = append(m, d.i32())
	}
	return m
}

// callName is the shortest name of a call, which is the one that programs use.
func callName(a *abi.ABI, number int) string {
	best := ""
	for _, c := range a.Calls() {
		if c.Value == int64(number) && (best == "" || len(c.Name) < len(best)) {
			best = c.Name
		}
	}
	return best
}
