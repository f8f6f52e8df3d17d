package applets

import (
	"testing"
	"time"
)

func TestStrftime(t *testing.T) {
	at := time.Date(2030, time.March, 4, 5, 6, 7, 89_000_000, time.UTC)
	for format, want := range map[string]string{
		"":                        "",
		"plain":                   "plain",
		"%Y-%m-%d %H:%M:%S.%N %z": "2030-03-04 05:06:07.089000000 +0000",
		"%a %A %b %B %e %Z":       "Mon Monday Mar March  4 UTC",
		"%F %T %D %R %I%p %j %y":  "2030-03-04 05:06:07 03/04/30 05:06 05AM 063 30",
		"%s%n%t%%":                "1898831167\n\t%",
	} {
		if got, err := strftime(format, at); got != want || err != nil {
			t.Errorf("%q is %q, %v, want %q", format, got, err, want)
		}
	}
	for _, format := range []string{"%", "%Y%", "%Q"} {
		if got, err := strftime(format, at); err == nil {
			t.Errorf("%q is %q", format, got)
		}
	}
}

func TestParseDate(t *testing.T) {
	want := time.Date(2030, time.January, 2, 3, 4, 5, 0, time.UTC)
	for _, text := range []string{"2030-01-02T03:04:05Z", "2030-01-02T04:04:05+01:00", "2030-01-02T03:04:05", "2030-01-02 03:04:05", "@1893553445"} {
		if got, err := parseDate(text); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "@", "@-1", "@9999999999999", "yesterday", "1969-12-31", "9999-01-01", "2030-13-01"} {
		if got, err := parseDate(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
