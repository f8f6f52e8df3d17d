package script

import (
	"fmt"
	"time"
)

// Limits of a script.
const (
	MaxSize   = 1 << 20 // bytes
	MaxEvents = 10000
	MaxDepth  = 32 // of expressions
)

// A Script is a whole file.
type Script struct {
	Options []Option
	Init    *Command // what is done first; nil: nothing
	Events  []Event
	Cleanup *Command // what is done last, whatever happened; nil: nothing
}

// An Option is a line such as --tolerance_usecs=10000.
type Option struct {
	Line       int
	Key, Value string
}

// An Event is one thing that happens, and when.
type Event struct {
	Line int
	Time Time
	// One of these is there.
	Packet  *Packet
	Call    *Call
	Command *Command
	Code    *Code
}

// A Time is when an event happens, or may happen.
type Time struct {
	// Any is a time that does not matter.
	Any bool
	// Relative times count from the event before, others from the start.
	Relative bool
	// From is the time; To is the end of a range, and equals From where there
	// is none.
	From, To time.Duration
}

// A Command is what stands between back quotes: a program for a shell.
type Command struct {
	Line int
	Text string
}

// Code is what stands between %{ and }%.
type Code struct {
	Line int
	Text string
}

// A Call is a system call: its arguments, and what it is expected to return.
type Call struct {
	Name string
	Args []Value
	// Blocks says that the call waits until the time Until, which counts from
	// where the event's own counts.
	Blocks bool
	Until  time.Duration
	Result Value
	Errno  string // "" where none is expected
}

// A Packet is one that is injected or expected.
type Packet struct {
	Inbound bool
	IP      IP
	// Outer are headers around the packet, outermost first, as they stand in
	// the script; there is no more than their names.
	Outer []string
	Ports *[2]uint16 // source and destination; nil where nothing is said
	// One of these is there.
	TCP  *TCP
	UDP  *UDP
	ICMP *ICMP
}

// An ECN says what is in the two bits of congestion notification.
type ECN int

const (
	ECNUnsaid ECN = iota
	ECNNone
	ECT0
	ECT1
	ECNCE
	ECT01 // either of ECT0 and ECT1
)

// IP is what is said of the IP header.
type IP struct {
	ECN  ECN
	TOS  int // -1 where nothing is said
	TTL  int // the same
	Flow int // the same
}

// TCP is what is said of a segment. Numbers are relative to the initial ones.
type TCP struct {
	Flags    string // of "FSRPUEWA" and '.' for ACK, as they stand there
	Seq, End uint32
	Length   int
	HasAck   bool
	Ack      uint32
	Window   int // -1 where nothing is said
	Urgent   int // 0 where nothing is said
	// AnyOptions is <...>.
	AnyOptions bool
	Options    []TCPOption
}

// A TCPOption is one option of a segment.
type TCPOption struct {
	Kind  OptionKind
	Value uint32      // of mss, wscale, TS val
	Echo  uint32      // TS ecr
	Sack  [][2]uint32 // relative
	Blob  []byte      // of a cookie or a digest
	Text  string      // of a kind that is not known
}

// An OptionKind is a kind of TCP option.
type OptionKind int

const (
	OptNOP OptionKind = iota
	OptEOL
	OptMSS
	OptWScale
	OptSackOK
	OptSack
	OptTimestamp
	OptMD5
	OptFastOpen
	OptFastOpenExp
	OptOther
)

// UDP is what is said of a datagram.
type UDP struct{ Length int }

// ICMP is what is said of a message.
type ICMP struct {
	Type, Code string
	MTU        int  // 0 where nothing is said
	ID         int  // the same
	Echoed     bool // of a TCP segment
	Seq        uint32
	Length     int
}

// A Value is an expression: an argument, or a result.
type Value struct {
	Kind   Kind
	Number int64
	Text   string  // of a Word, String, Function or the name of a Member
	List   []Value // of an Array, Struct, Or, Function; one of a Member
	Of     []Value // a Member's parenthesis, as in msg_name(...)
	More   bool    // a String with ... behind it
}

// A Kind is what sort of expression a Value is.
type Kind int

const (
	Ellipsis Kind = iota // ...
	Number               // 123 or 0x7b
	Word                 // SOCK_STREAM
	String               // "text"
	Array                // [1, 2]
	Struct               // {a=1, b=2} or {1, 2}
	Member               // a=1 or a(…)=1, in a Struct
	Or                   // A|B
	Function             // htons(80)
)

// Member is the value of a member of a Struct.
func (v Value) Member(name string) (Value, bool) {
	for _, m := range v.List {
		if m.Kind == Member && m.Text == name {
			return m.List[0], true
		}
	}
	return Value{}, false
}

// An Error says what is wrong with a script, and where.
type Error struct {
	File string
	Line int
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }
func (e *Error) Unwrap() error { return e.Err }
