package netbsd

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// TracePoints are what ktrace(2) records.
type TracePoints uint32

const (
	KTRFAC_SYSCALL  TracePoints = 1 << 1 // calls with their arguments
	KTRFAC_SYSRET   TracePoints = 1 << 2 // their results
	KTRFAC_NAMEI    TracePoints = 1 << 3 // paths that are looked up
	KTRFAC_GENIO    TracePoints = 1 << 4 // data that is read and written
	KTRFAC_PSIG     TracePoints = 1 << 5 // signals
	KTRFAC_CSW      TracePoints = 1 << 6 // context switches
	KTRFAC_EMUL     TracePoints = 1 << 7 // the emulation of a process
	KTRFAC_USER     TracePoints = 1 << 8 // records of utrace(2)
	KTRFAC_EXEC_ARG TracePoints = 1 << 10
	KTRFAC_EXEC_ENV TracePoints = 1 << 11
	KTRFAC_MIB      TracePoints = 1 << 14 // names of sysctl(3)
	KTRFAC_EXEC_FD  TracePoints = 1 << 15
	KTRFAC_INHERIT  TracePoints = 1 << 30 // children are traced too
	KTRFAC_V2       TracePoints = 2 << 24 // records of the newest form, which Ktrace asks for
)

var tracePoints = sys.NewFlagNames("trace points", "KTRFAC_",
	sys.FlagName{Name: "SYSCALL", Value: 1 << 1}, sys.FlagName{Name: "SYSRET", Value: 1 << 2}, sys.FlagName{Name: "NAMEI", Value: 1 << 3},
	sys.FlagName{Name: "GENIO", Value: 1 << 4}, sys.FlagName{Name: "PSIG", Value: 1 << 5}, sys.FlagName{Name: "CSW", Value: 1 << 6},
	sys.FlagName{Name: "EMUL", Value: 1 << 7}, sys.FlagName{Name: "USER", Value: 1 << 8}, sys.FlagName{Name: "EXEC_ARG", Value: 1 << 10},
	sys.FlagName{Name: "EXEC_ENV", Value: 1 << 11}, sys.FlagName{Name: "MIB", Value: 1 << 14}, sys.FlagName{Name: "EXEC_FD", Value: 1 << 15},
	sys.FlagName{Name: "INHERIT", Value: 1 << 30}, sys.FlagName{Name: "V2", Value: 2 << 24})

// ParseTracePoints reads trace points by name, such as "namei, genio". The
// error is a [*sys.NameError].
func ParseTracePoints(text string) (TracePoints, error) {
	v, err := tracePoints.Parse(text)
	return TracePoints(v), err
}

// String is the trace points by name.
func (t TracePoints) String() string { return tracePoints.Format(uint64(t)) }

// A TraceOp is what ktrace(2) is to do.
type TraceOp int

const (
	KTROP_SET       TraceOp = 0 // begin to record these points
	KTROP_CLEAR     TraceOp = 1 // stop recording them
	KTROP_CLEARFILE TraceOp = 2 // stop all that is recorded to the file
	KTRFLAG_DESCEND TraceOp = 4 // of a process's children too
)

// Ktrace has what a process does recorded at the end of a file, which must be
// there; see ktrace(2). A negative pid means a process group. Package kdump
// reads such files.
func Ktrace(p *sys.Process, file string, op TraceOp, points TracePoints, pid int) error {
	return pathCall(p, "ktrace", file, integer(op), integer(points|KTRFAC_V2), integer(pid))
}

// Fktrace is [Ktrace] to an open file, which may be a pipe.
func Fktrace(f *sys.File, op TraceOp, points TracePoints, pid int) error {
	_, err := f.Call("fktrace", integer(op), integer(points|KTRFAC_V2), integer(pid))
	return err
}

// MaxUtrace is how much data a record of utrace(2) has.
const MaxUtrace = 2048

// Utrace adds a record of the program's own to what is recorded of p: a label
// of at most 20 bytes, and data; see utrace(2). Nothing happens where p is not
// traced.
func Utrace(p *sys.Process, label string, data []byte) error {
	text, err := sys.CString(label)
	if err == nil && len(data) > MaxUtrace {
		err = fmt.Errorf("%d bytes of data: utrace takes %d", len(data), MaxUtrace)
	}
	if err != nil {
		return p.Fail("utrace", label, err)
	}
	_, err = p.Call("utrace", text, backends.Mem(data, backends.In), integer(len(data)))
	return err
}

func integer[T ~int | ~int32 | ~int64 | ~uint32 | ~uint64](v T) backends.Arg {
	return backends.Int(uintptr(v))
}
