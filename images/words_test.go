package images

import (
	"reflect"
	"strings"
	"testing"
)

func TestWithArguments(t *testing.T) {
	for _, tc := range []struct {
		image string
		args  []string
		want  string
	}{
		{"", nil, ""},
		{"A=b", []string{"x", "y z", ""}, `-- x "y z" ""`},
		{"A=b -- one", []string{"two"}, "two"},
		{`A="x -- y"`, []string{"two"}, "-- two"},
	} {
		im := &Image{CommandLine: tc.image}
		got, err := im.WithArguments(tc.args)
		if got != tc.want || err != nil {
			t.Errorf("%q with %q: %q, %v, want %q", tc.image, tc.args, got, err, tc.want)
		}
	}
	if _, err := new(Image).WithArguments([]string{`a"b`}); err == nil {
		t.Error("a quote was let through")
	}
}

func FuzzWithArguments(f *testing.F) {
	f.Add("A=b", "x\x01y z")
	f.Fuzz(func(t *testing.T, line, args string) {
		im := &Image{CommandLine: line}
		if checkCommandLine(line) != nil {
			return
		}
		want := strings.Split(args, "\x01")
		got, err := im.WithArguments(want)
		if err != nil {
			return
		}
		all := splitWords(line + " " + got)
		if len(all) < len(want) || !reflect.DeepEqual(all[len(all)-len(want):], want) {
			t.Errorf("%q behind %q is %q, which splits into %q", want, line, got, all)
		}
	})
}

func TestWithEnvironment(t *testing.T) {
	im := &Image{CommandLine: "A=b"}
	if got, err := im.WithEnvironment([]string{"X=y z", "E="}, "-- one"); got != `X="y z" E= -- one` || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "X", "=y", "a.b=c", `X="`, "X=\n"} {
		if _, err := im.WithEnvironment([]string{bad}, ""); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	im.CommandLine = "-- x"
	if _, err := im.WithEnvironment([]string{"X=y"}, ""); err == nil {
		t.Error("an environment behind arguments was accepted")
	}
}
