package abi_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/darwin"
	"github.com/anykernel/anykernel/sys/abi/freebsd"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
	"github.com/anykernel/anykernel/sys/abi/openbsd"
)

// TestValues compares the ABIs of systems whose headers are not here with
// values that were written down from their documentation. Linux has
// TestHeaders.
func TestValues(t *testing.T) {
	for _, a := range []*abi.ABI{netbsd.AMD64, freebsd.AMD64, openbsd.AMD64, darwin.AMD64} {
		t.Run(a.OS, func(t *testing.T) {
			text, err := os.ReadFile("testdata/" + a.OS + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for line := range strings.Lines(string(text)) {
				line, _, _ = strings.Cut(line, "#")
				if w := strings.Fields(line); len(w) > 0 {
					n++
					if got, want := value(a, w[0], w[1]), numbers(t, w[2:]); got != want {
						t.Errorf("%s %s: got %s, want %s", w[0], w[1], got, want)
					}
				}
			}
			t.Logf("%d values", n)
		})
	}
}

func value(a *abi.ABI, kind, name string) string {
	switch kind {
	case "const":
		if v, ok := a.Const(name); ok {
			return fmt.Sprint(v)
		}
	case "call":
		if v, ok := a.Call(name); ok {
			return fmt.Sprint(v)
		}
	case "size":
		if l := a.Layout(name); l != nil {
			return fmt.Sprint(l.Size)
		}
	case "field":
		structure, field, _ := strings.Cut(name, ".")
		if l := a.Layout(structure); l != nil {
			if f, ok := l.Field(field); ok {
				return fmt.Sprint(f.Offset, f.Size)
			}
		}
	}
	return "nothing"
}

func numbers(t *testing.T, words []string) string {
	list := make([]any, len(words))
	for i, w := range words {
		v, err := strconv.ParseInt(w, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = v
	}
	return fmt.Sprint(list...)
}
