package sys

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opUtimensat = newOp("utimensat")
	opFutimens  = newOp("futimens")
)

// A FileTime is what a time of a file is set to: a time, the kernel's present
// time ([TimeNow]), or nothing ([TimeOmit]). The zero FileTime omits.
type FileTime struct {
	at   time.Time
	kind fileTimeKind
}

type fileTimeKind uint8

const (
	timeOmit fileTimeKind = iota
	timeNow
	timeAt
)

var (
	TimeOmit = FileTime{}              // leaves the time as it is
	TimeNow  = FileTime{kind: timeNow} // the kernel's present time
)

// TimeAt is a given time.
func TimeAt(t time.Time) FileTime { return FileTime{t, timeAt} }

// ParseFileTime reads "now", "omit", a time as RFC 3339 has it, or "@" and
// the seconds since 1970 with up to nine decimals.
func ParseFileTime(text string) (FileTime, error) {
	switch text = strings.TrimSpace(text); strings.ToLower(text) {
	case "now":
		return TimeNow, nil
	case "omit":
		return TimeOmit, nil
	}
	if seconds, ok := strings.CutPrefix(text, "@"); ok {
		return parseSeconds(seconds)
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return FileTime{}, &NameError{Table: "file times", Name: text, Known: []string{"now", "omit", "@seconds", time.RFC3339}}
	}
	return TimeAt(t), nil
}

func parseSeconds(text string) (FileTime, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err == nil && len(fraction) > 9 {
		err = strconv.ErrRange
	}
	var nsec uint64
	if err == nil && fraction != "" {
		nsec, err = strconv.ParseUint((fraction + "00000000")[:9], 10, 64)
	}
	if err != nil {
		return FileTime{}, fmt.Errorf("file time %q: seconds with up to nine decimals are wanted", "@"+text)
	}
	if strings.HasPrefix(whole, "-") {
		return TimeAt(time.Unix(sec, -int64(nsec))), nil
	}
	return TimeAt(time.Unix(sec, int64(nsec))), nil
}

// String is the text form that [ParseFileTime] reads.
func (t FileTime) String() string {
	switch t.kind {
	case timeNow:
		return "now"
	case timeAt:
		return t.at.Format(time.RFC3339Nano)
	}
	return "omit"
}

// A timesLayout is how an ABI has times, and what stands for the special
// ones.
type timesLayout struct {
	spec      timeField
	size      int
	now, omit int
}

func newTimesLayout(a *abi.ABI) timesLayout {
	l := layoutOf(a, "timespec")
	return timesLayout{
		spec: timeField{l.field("tv_sec"), l.field("tv_nsec")},
		size: l.Size,
		now:  constOr(a, "UTIME_NOW", 0),
		omit: constOr(a, "UTIME_OMIT", 0),
	}
}

// A timeField is a timespec inside a structure. The zero timeField is one that
// the structure lacks.
type timeField struct{ sec, nsec abi.Field }

// newTimeField is the timespec that goes by one of the names in l.
func newTimeField(l layout, names ...string) timeField {
	var t timeField
	for _, name := range names {
		if t.sec.Size == 0 {
			t = timeField{l.field(name + ".tv_sec"), l.field(name + ".tv_nsec")}
		}
	}
	return t
}

func (f *timeField) time(b []byte, o abi.ByteOrder) time.Time {
	if f.sec.Size == 0 {
		return time.Time{}
	}
	return time.Unix(f.sec.Int(b, o), f.nsec.Int(b, o))
}

// encode is the array of two timespecs that utimensat takes.
func (l *timesLayout) encode(s *scratch, o abi.ByteOrder, times ...FileTime) ([]byte, error) {
	b := s.zeroed(len(times) * l.size)
	for i, t := range times {
		at := b[i*l.size:]
		special := 0
		switch t.kind {
		case timeAt:
			if !l.spec.sec.PutInt(at, o, t.at.Unix()) {
				return nil, fmt.Errorf("this kernel has no time as far away as %v", t.at)
			}
			l.spec.nsec.PutInt(at, o, int64(t.at.Nanosecond()))
			continue
		case timeNow:
			special = l.now
		case timeOmit:
			special = l.omit
		}
		if special == 0 {
			return nil, fmt.Errorf("time %v: %w", t, ErrNotSupported)
		}
		l.spec.nsec.PutInt(at, o, int64(special))
	}
	return b, nil
}

// Chtimes sets the times when a file was last read and written, to the
// nanosecond where its file system keeps that; see utimensat(2).
func (p *Process) Chtimes(path string, atime, mtime FileTime) error {
	return p.at(path).chtimes(atime, mtime, 0)
}

// Lchtimes is Chtimes of a symbolic link itself.
func (p *Process) Lchtimes(path string, atime, mtime FileTime) error {
	return p.at(path).chtimes(atime, mtime, AT_SYMLINK_NOFOLLOW)
}

// ChtimesAt is [Process.Chtimes] for a path relative to the directory f, with
// AT_SYMLINK_NOFOLLOW [Process.Lchtimes].
func (f *File) ChtimesAt(path string, atime, mtime FileTime, flags AtFlags) error {
	return f.at(path).chtimes(atime, mtime, flags)
}

func (l place) chtimes(atime, mtime FileTime, flags AtFlags) error {
	t := &l.p.k.tab.files
	native, err := t.at.native(uint64(flags))
	if err != nil {
		return l.fail("chtimes", err)
	}
	s := newScratch()
	defer s.free()
	b, err := t.times.encode(s, t.order, atime, mtime)
	if err != nil {
		return l.fail("chtimes", err)
	}
	_, err = l.call(s, "chtimes", opUtimensat, backends.Mem(b, backends.In), backends.Int(uintptr(native)))
	return err
}

// Chtimes sets the times of the open file; see futimens(2).
func (f *File) Chtimes(atime, mtime FileTime) error {
	s := newScratch()
	defer s.free()
	tab := f.p.k.tab
	b, err := tab.files.times.encode(s, tab.files.order, atime, mtime)
	if err != nil {
		return f.fail("chtimes", err)
	}
	if tab.has(opFutimens) {
		_, err = f.call("chtimes", opFutimens, backends.Mem(b, backends.In))
	} else { // Linux: a null path means the descriptor itself
		_, err = f.call("chtimes", opUtimensat, backends.Int(0), backends.Mem(b, backends.In), backends.Int(0))
	}
	return err
}
