package kdump

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
)

// Format is a record in the manner of kdump(1): process, LWP and command, the
// type and what happened, each on a line, and data below.
func Format(r *Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%6d %6d %-8s %-4s  ", r.PID, r.LWP, printable(r.Command), r.Type)
	event, err := r.Decode()
	if err != nil {
		fmt.Fprintf(&b, "(%v)\n", err)
		return b.String()
	}
	fmt.Fprintf(&b, "%v\n", event)
	switch e := event.(type) {
	case IOEvent:
		b.WriteString(dump(e.Data))
	case UserEvent:
		b.WriteString(dump(e.Data))
	}
	return b.String()
}

// String is the call as C writes it, its arguments in hexadecimal from 10 on.
func (c CallEvent) String() string {
	var args []string
	for _, a := range c.Args {
		if a < 10 {
			args = append(args, fmt.Sprint(a))
		} else {
			args = append(args, fmt.Sprintf("%#x", a))
		}
	}
	return callText(c.Name, c.Number) + "(" + strings.Join(args, ", ") + ")"
}

func callText(name string, number int) string {
	if name == "" {
		return fmt.Sprintf("[%d]", number)
	}
	return name
}

const (
	callAgain = -1 // ERESTART
	callJust  = -2 // EJUSTRETURN
)

// String is the result; of a call that failed, its error.
func (r ReturnEvent) String() string {
	name := callText(r.Name, r.Number)
	switch r.Errno {
	case 0:
		if r.Results[0] < 0 || r.Results[0] > 9 {
			return fmt.Sprintf("%s %d/%#x", name, r.Results[0], uint64(r.Results[0]))
		}
		return fmt.Sprintf("%s %d", name, r.Results[0])
	case callAgain:
		return name + " RESTART"
	case callJust:
		return name + " JUSTRETURN"
	}
	return strings.TrimSpace(fmt.Sprintf("%s -1 errno %d %s", name, r.Errno, r.Error))
}

func (p PathEvent) String() string { return quoted(string(p)) }

func (t TextEvent) String() string { return quoted(string(t)) }

func (e IOEvent) String() string {
	if e.Write {
		return fmt.Sprintf("fd %d wrote %d bytes", e.FD, len(e.Data))
	}
	return fmt.Sprintf("fd %d read %d bytes", e.FD, len(e.Data))
}

func (s SignalEvent) String() string {
	name := s.Name
	if name == "" {
		name = fmt.Sprintf("SIG %d", s.Signal)
	}
	if s.Handler == 0 {
		return fmt.Sprintf("%s SIG_DFL code %d", name, s.Code)
	}
	return fmt.Sprintf("%s caught handler=%#x mask=(%#x,%#x,%#x,%#x) code %d", name, s.Handler,
		s.Mask[0], s.Mask[1], s.Mask[2], s.Mask[3], s.Code)
}

func (s SwitchEvent) String() string {
	what, where := "resume", "kernel"
	if s.Out {
		what = "stop"
	}
	if s.User {
		where = "user"
	}
	return what + " " + where
}

func (u UserEvent) String() string {
	return fmt.Sprintf("%s: %d bytes", printable(u.Label), len(u.Data))
}

func (m MIBEvent) String() string { return strings.Trim(fmt.Sprint([]int32(m)), "[]") }

func (f FDEvent) String() string { return fmt.Sprintf("%d type %d", f.FD, f.Kind) }

// quoted is text in quotation marks, with escapes for what is not printable.
func quoted(s string) string { return fmt.Sprintf("%q", s) }

// printable is s with points for what would disturb a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '.'
	}, s)
}

// dump is data in quotation marks where they are text, else in hexadecimal.
func dump(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	for _, c := range b {
		if c >= 0x7f || c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			return indent(strings.TrimSuffix(hex.Dump(b), "\n"))
		}
	}
	return "       " + quoted(string(b)) + "\n"
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("       " + strings.TrimSuffix(line, "\n") + "\n")
	}
	return b.String()
}
