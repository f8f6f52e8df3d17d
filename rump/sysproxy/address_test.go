package sysproxy

import (
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, tc := range []struct {
		text    string
		want    Address
		form    string // String(), where it differs from text
		private bool
	}{
		{text: "unix:///run/kernel", want: Address{"unix", "/run/kernel", false}, private: true},
		{text: "unix://kernel", want: Address{"unix", "kernel", false}, private: true},
		{text: "tcp://127.0.0.1:99", want: Address{"tcp", "127.0.0.1:99", false}, private: true},
		{text: "tcp://127.9.9.9:99/", want: Address{"tcp", "127.9.9.9:99", false}, form: "tcp://127.9.9.9:99", private: true},
		{text: "tcp://[::1]:99", want: Address{"tcp", "[::1]:99", false}, private: true},
		{text: "tcp://localhost:99", want: Address{"tcp", "localhost:99", false}, private: true},
		{text: "tcp://localhost.example:99", want: Address{"tcp", "localhost.example:99", false}},
		{text: "tcp://10.0.0.1:0", want: Address{"tcp", "10.0.0.1:0", false}},
		{text: "tcp://*:1", want: Address{"tcp", "0.0.0.0:1", false}, form: "tcp://0.0.0.0:1"},
		{text: "tcp://0:1", want: Address{"tcp", "0.0.0.0:1", false}, form: "tcp://0.0.0.0:1"},
		{text: "tcp://:1", want: Address{"tcp", ":1", false}},
		{text: "tls://far.example:65535", want: Address{"tcp", "far.example:65535", true}, private: true},
	} {
		got, err := ParseAddress(tc.text)
		if err != nil || got != tc.want {
			t.Errorf("ParseAddress(%q) = %+v, %v, want %+v", tc.text, got, err, tc.want)
			continue
		}
		form := tc.form
		if form == "" {
			form = tc.text
		}
		if got.String() != form {
			t.Errorf("%q is written as %q, want %q", tc.text, got, form)
		}
		if got.Private() != tc.private {
			t.Errorf("%q: Private is %v", tc.text, got.Private())
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "want unix://",
		"/run/kernel":                          "want unix://",
		"unix:/run/kernel":                     "want unix://",
		"http://h:1":                           "there are unix, tcp and tls",
		"unix://":                              "1 to 107 bytes",
		"unix://" + strings.Repeat("x", 108):   "1 to 107 bytes",
		"unix://a\x00b":                        "1 to 107 bytes",
		"tcp://127.0.0.1":                      "want tcp://HOST:PORT",
		"tls://[::1:9":                         "want tls://HOST:PORT",
		"tcp://127.0.0.1:":                     "a port",
		"tcp://127.0.0.1:http":                 "a port",
		"tcp://127.0.0.1:-1":                   "a port",
		"tcp://127.0.0.1:65536":                "a port",
		"tcp://127.0.0.1:99999999999999999999": "a port",
	} {
		if a, err := ParseAddress(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseAddress(%q) = %+v, %v, want an error that says %q", text, a, err, want)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{
		"unix:///run/kernel", "unix://x", "tcp://127.0.0.1:99/", "tcp://*:0", "tcp://[::1%lo]:1", "tls://h:65535", "tcp://[::]:+1", "://", "tcp://a:b:c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAddress(text)
		if err != nil {
			return
		}
		if again, err := ParseAddress(a.String()); err != nil || again != a {
			t.Fatalf("%q is %+v; its form %q is %+v, %v", text, a, a, again, err)
		}
		a.Private()
	})
}
