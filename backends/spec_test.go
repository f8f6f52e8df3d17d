package backends

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseSpec(t *testing.T) {
	for _, tc := range []struct {
		text string
		want Spec
		form string // String(), where it differs from text
	}{
		{text: "sentry", want: Spec{Name: "sentry"}},
		{text: "sentry:hostname=box", want: Spec{Name: "sentry", Options: []Option{{"hostname", "box"}}}},
		{text: "rump:net,netinet?ncpu=1&mem=64m", want: Spec{
			Name: "rump", Args: []string{"net", "netinet"}, Options: []Option{{"ncpu", "1"}, {"mem", "64m"}}}},
		{text: "rump:net,ncpu=1", form: "rump:net?ncpu=1", want: Spec{
			Name: "rump", Args: []string{"net"}, Options: []Option{{"ncpu", "1"}}}},
		{text: "remote:tcp://10.0.0.1:99", want: Spec{Name: "remote", Args: []string{"tcp://10.0.0.1:99"}}},
		{text: "x:a%2Cb?k=%26", want: Spec{Name: "x", Args: []string{"a,b"}, Options: []Option{{"k", "&"}}}},
		{text: "x?k=", form: "x:k=", want: Spec{Name: "x", Options: []Option{{"k", ""}}}},
	} {
		got, err := ParseSpec(tc.text)
		if err != nil {
			t.Errorf("ParseSpec(%q): %v", tc.text, err)
			continue
		}
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("ParseSpec(%q) = %+v, want %+v", tc.text, got, tc.want)
		}
		form := tc.form
		if form == "" {
			form = tc.text
		}
		if got.String() != form {
			t.Errorf("ParseSpec(%q).String() = %q, want %q", tc.text, got, form)
		}
	}
}

func TestParseSpecRefuses(t *testing.T) {
	for _, tc := range []struct{ text, part string }{
		{"", ""},
		{"no name", "no name"},
		{"x:", ""},
		{"x:a,,b", ""},
		{"x?arg", "arg"},
		{"x:=v", "=v"},
		{"x:k=%z", "k=%z"},
		{"x:%", "%"},
		{strings.Repeat("x", MaxSpec+1), ""},
		{"x:" + strings.Repeat("\x16", MaxSpec/3+1), ""},
	} {
		_, err := ParseSpec(tc.text)
		var e *SpecError
		if !errors.As(err, &e) {
			t.Errorf("ParseSpec(%.20q): error %v, want a *SpecError", tc.text, err)
		} else if e.Part != tc.part {
			t.Errorf("ParseSpec(%.20q) blames %q, want %q", tc.text, e.Part, tc.part)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"sentry", "sentry:hostname=box", "rump:net,vfs?ncpu=1&x=%20", "a:b?c=d", "?", ":", "a:%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSpec(text)
		if err != nil {
			return
		}
		again, err := ParseSpec(s.String())
		if err != nil {
			t.Fatalf("%q parses, its form %q does not: %v", text, s, err)
		}
		if !reflect.DeepEqual(s, again) {
			t.Fatalf("%q is %+v, its form %q is %+v", text, s, s, again)
		}
	})
}
