package backends

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

var errAbsent = errors.New("absent")

func init() {
	open := func(context.Context, Spec, Config) (Kernel, error) { return nil, errors.New("opened") }
	Register(Backend{Name: "plain", Open: open})
	Register(Backend{Name: "rich", Open: open, Args: "components", Options: []OptionInfo{{Key: "mem"}}})
	Register(Backend{Name: "far", Open: open, Args: "an address", NeedsArgs: true})
	Register(Backend{Name: "needy", Open: open, Requirements: func() []Requirement {
		return []Requirement{{Name: "air"}, {Name: "kit", Err: errAbsent, Remedy: "fetch one"}}
	}})
}

func TestOpenRefuses(t *testing.T) {
	for spec, want := range map[string]string{
		"nosuch":        "far, needy, plain, rich",
		"far":           "far needs arguments: an address",
		"far:here":      "opened",
		"plain:arg":     "takes no arguments",
		"plain:mem=1":   "has none",
		"rich:x?mmm=1":  "rich has mem",
		"needy":         "kit: absent (remedy: fetch one)",
		"rich:a?mem=1m": "opened",
	} {
		_, err := Open(t.Context(), spec, Config{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): error %v, want one that says %q", spec, err, want)
		}
	}
	if _, err := Open(t.Context(), "needy", Config{}); !errors.Is(err, errAbsent) {
		t.Errorf("the requirement's error is lost: %v", err)
	}
}

func TestPanicErrorFormat(t *testing.T) {
	err := error(&PanicError{Kernel: "rump", Reason: "no init", Console: []byte("one\ntwo\n")})
	if s := fmt.Sprintf("%v", err); strings.Contains(s, "two") || !strings.Contains(s, "no init") {
		t.Errorf("%%v is %q", s)
	}
	if s := fmt.Sprintf("%+v", err); !strings.Contains(s, "\n\ttwo") {
		t.Errorf("%%+v is %q, want the console's end", s)
	}
}
