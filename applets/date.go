package applets

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/sys"
)

var date = &Applet{
	Name:     "date",
	Summary:  "print or set the time of day, in UTC",
	Synopsis: "[-s TIME] [+FORMAT]",
	flags: func(f *pflag.FlagSet) action {
		set := f.StringP("set", "s", "", "set the clock, to a `time` such as 2030-01-02T03:04:05Z, '2030-01-02 03:04:05' or @SECONDS")
		return func(j *job, args []string) error { return runDate(j, *set, args) }
	},
}

// defaultDate is how date prints where nothing is said.
const defaultDate = "+%a %b %e %H:%M:%S %Z %Y"

func runDate(j *job, set string, args []string) error {
	if err := operands(args, 0, 1); err != nil {
		return err
	}
	format := defaultDate
	if len(args) > 0 {
		format = args[0]
	}
	if !strings.HasPrefix(format, "+") {
		return usageError{fmt.Errorf("%q is no format: want one such as +%%Y-%%m-%%d", format)}
	}
	if set != "" {
		t, err := parseDate(set)
		if err != nil {
			return usageError{err}
		}
		if err := j.p.SetClock(sys.CLOCK_REALTIME, time.Duration(t.UnixNano())); err != nil {
			return err
		}
	}
	now, err := j.p.Clock(sys.CLOCK_REALTIME)
	if err != nil {
		return err
	}
	text, err := strftime(format[1:], time.Unix(0, int64(now)).UTC())
	if err != nil {
		return usageError{err}
	}
	j.printf("%s\n", text)
	return nil
}

// dateLayouts are the forms of a time that date -s takes.
var dateLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04", time.DateOnly}

// parseDate reads a time in UTC, as far as nanoseconds since 1970 reach.
func parseDate(text string) (time.Time, error) {
	if seconds, ok := strings.CutPrefix(text, "@"); ok {
		if n, err := strconv.ParseInt(seconds, 10, 64); err == nil && n >= 0 && n < 1<<33 {
			return time.Unix(n, 0), nil
		}
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1970 && t.Year() < 2242 {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time from 1970 to 2241, such as 2030-01-02T03:04:05Z or @1893553445", text)
}

// conversions are those of strftime(3) that are layouts of package time.
var conversions = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'd': "02", 'D': "01/02/06", 'e': "_2", 'F': time.DateOnly,
	'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04", 'p': "PM", 'R': "15:04", 'S': "05", 'T': time.TimeOnly,
	'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

// strftime is the time in a format of strftime(3), with %N for nanoseconds as
// date(1) of GNU has it.
func strftime(format string, t time.Time) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		if i++; i == len(format) {
			return "", fmt.Errorf("a format that ends with %%")
		}
		switch c := format[i]; c {
		case '%':
			b.WriteByte('%')
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 's':
			fmt.Fprint(&b, t.Unix())
		case 'N':
			fmt.Fprintf(&b, "%09d", t.Nanosecond())
		default:
			layout, ok := conversions[c]
			if !ok {
				return "", fmt.Errorf("there is no %%%c in a format", c)
			}
			b.WriteString(t.Format(layout))
		}
	}
	return b.String(), nil
}
