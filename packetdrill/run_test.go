package packetdrill_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/all"
	"github.com/anykernel/anykernel/packetdrill"
	"github.com/anykernel/anykernel/packetdrill/script"
)

func kernels(t *testing.T) []string {
	list := []string{"sentry"}
	if b, err := backends.Lookup("rump"); err == nil && b.Ready() == nil {
		list = append(list, "rump")
	} else if err == nil {
		t.Logf("without NetBSD: %v", b.Ready())
	}
	return list
}

// TestScripts runs the scripts of testdata on every stack.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.pkt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, k := range kernels(t) {
		for _, file := range files {
			t.Run(k+" "+filepath.Base(file), func(t *testing.T) {
				ignore := goleak.IgnoreCurrent()
				defer goleak.VerifyNone(t, ignore)
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				c := packetdrill.Config{Kernel: k}
				if err := packetdrill.Run(t.Context(), file, string(text), c); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

const opened = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000>
`

// TestFails holds the runner to what it must not let pass.
func TestFails(t *testing.T) {
	for text, want := range map[string]string{
		"0 socket(..., SOCK_STREAM, IPPROTO_UDP) = 3":              ":1: socket failed",
		"0 socket(..., SOCK_STREAM, IPPROTO_TCP) = -1 EPERM":       "instead of an error",
		"0 close(77) = -1 EPERM":                                   "instead of EPERM",
		opened + "+0 > S. 0:0(0) ack 2 <...>":                      ":5: another packet came",
		opened + "+0 > S. 0:0(0) ack 1 <mss 1459>":                 "its options are <mss 1460>, not <mss 1459>",
		opened + "+0 > S. 0:1(1) ack 1 <...>":                      "its range is 0:0(0)",
		opened + "+0 > F. 0:0(0) ack 1 <...>":                      "its flags are S.",
		opened + "+.5 > S. 0:0(0) ack 1 <...>":                     "the packet came at 0.000000 instead of 0.500000",
		opened + "+0 > S. 0:0(0) ack 1 <...>\n+0 > . 1:1(0) ack 1": "no packet came until 0.004000",
		opened + "+0...0.1 accept(3, ..., ...) = 4":                "accept still waits at",
		"0 nosuchcall(1) = 0":                                      "the call nosuchcall: not supported",
		"--nosuch=1\n0 close(3) = 0":                               "option --nosuch=1",
		"0 %{ x = 1 }%\n0 %{ x += 1; assert x == 3, x }%":          "an assertion failed: (2,)",
		"0 %{ while True:\n x = 1 }%":                              "code",
		"0 socket(..., NO_SUCH, 0) = 3":                            "NO_SUCH of linux: not supported",
	} {
		err := packetdrill.Run(t.Context(), "t.pkt", text, packetdrill.Config{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if strings.Contains(want, "not supported") && !errors.Is(err, packetdrill.ErrUnsupported) {
			t.Errorf("%q: %v does not say that it is not supported", text, err)
		}
		var where *script.Error
		if !errors.As(err, &where) {
			t.Errorf("%q: %v does not say where", text, err)
		}
	}
}

// TestVirtualTime has an hour pass in much less.
func TestVirtualTime(t *testing.T) {
	start := time.Now()
	err := packetdrill.Run(t.Context(), "hour.pkt", opened+`+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
+0...3600 read(4, ..., 10) = 10
+3600 < P. 1:11(10) ack 1 win 257
`, packetdrill.Config{})
	if err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("an hour took %v", d)
	}
}
