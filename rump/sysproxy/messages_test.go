package sysproxy

import (
	"reflect"
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"cat\x00":                 "cat",
		"cat":                     "cat",
		"cat\x00/etc/secret":      "cat",
		"\x1b[2Jca\nt\xff\u202e":  "[2Jcat",
		strings.Repeat("x", 1000): strings.Repeat("x", MaxName),
	} {
		if got := Name([]byte(text)); got != want {
			t.Errorf("Name(%q) is %q, want %q", text, got, want)
		}
	}
}

func TestFork(t *testing.T) {
	for _, cancel := range []bool{false, true} {
		want := Fork{Token: Token{1, 2, 15: 16}, Cancel: cancel}
		var b [ForkSize]byte
		want.Put(b[:])
		if got, err := ParseFork(b[:]); err != nil || got != want {
			t.Errorf("fork %+v, %v, want %+v", got, err, want)
		}
	}
	for _, n := range []int{0, ForkSize - 1, ForkSize + 1} {
		if _, err := ParseFork(make([]byte, n)); err != ErrMalformed {
			t.Errorf("a fork of %d bytes: %v", n, err)
		}
	}
}

func TestArgs(t *testing.T) {
	want := [MaxArgs]uint64{1, 1 << 63, 7: 42}
	var b [8 * MaxArgs]byte
	PutArgs(b[:], &want)
	if got, err := ParseArgs(b[:]); err != nil || got != want {
		t.Errorf("arguments %v, %v, want %v", got, err, want)
	}
	// librumpclient sends what the call has, in its size.
	if got, err := ParseArgs(b[:16]); err != nil || got != [MaxArgs]uint64{1, 1 << 63} {
		t.Errorf("two arguments are %v, %v", got, err)
	}
	if _, err := ParseArgs(make([]byte, 8*MaxArgs+1)); err != ErrMalformed {
		t.Errorf("more arguments than there are: %v", err)
	}
}

func TestResult(t *testing.T) {
	want := Result{Errno: -5, Values: [2]uint64{1, 1<<64 - 1}}
	b := make([]byte, ResultSize)
	want.Put(b)
	if got, err := ParseResult(b); err != nil || got != want {
		t.Errorf("result %+v, %v, want %+v", got, err, want)
	}
	if _, err := ParseResult(b[1:]); err != ErrMalformed {
		t.Errorf("a short result: %v", err)
	}
}

func TestCopy(t *testing.T) {
	want := Copy{Length: 1<<64 - 1, Address: 0x1234}
	b := make([]byte, CopySize)
	want.Put(b)
	if got, err := ParseCopy(append(b, "data"...)); err != nil || got != want {
		t.Errorf("copy %+v, %v, want %+v", got, err, want)
	}
	if _, err := ParseCopy(b[1:]); err != ErrMalformed {
		t.Errorf("a short copy: %v", err)
	}
}

func TestWords(t *testing.T) {
	b := make([]byte, 8)
	PutWord(b, 1<<63+1)
	if w, err := ParseWord(b); err != nil || w != 1<<63+1 {
		t.Errorf("word %#x, %v", w, err)
	}
	if _, err := ParseWord(b[1:]); err != ErrMalformed {
		t.Errorf("a short word: %v", err)
	}
	PutStatus(b, -12)
	if errno, rest, err := ParseStatus(b); errno != -12 || len(rest) != 4 || err != nil {
		t.Errorf("status %d, %q, %v", errno, rest, err)
	}
	if _, _, err := ParseStatus(b[:3]); err != ErrMalformed {
		t.Errorf("a short status: %v", err)
	}
	PutCount(b, 9)
	if n, err := ParseCount(b, 9); n != 9 || err != nil {
		t.Errorf("count %d, %v", n, err)
	}
	if _, err := ParseCount(b, 8); err != ErrMalformed {
		t.Errorf("a count of more than there is: %v", err)
	}
}

func TestInfo(t *testing.T) {
	want := Info{
		OS: "netbsd", Arch: "amd64", Kernel: "rump", PID: 7, Calls: []uint16{1, 65535},
		Capabilities: map[string]Text{"files": "", "epoll": "none"}, MaxMemory: 1 << 20, MaxCalls: 9,
	}
	var got Info
	if err := Decode(Encode(want), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("info %+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "{", `{"PID":"7"}`, `{"Calls":[65536]}`, `[]`, strings.Repeat(" ", MaxText) + "{}"} {
		if err := Decode([]byte(text), &got); err == nil || !strings.HasPrefix(err.Error(), "sysproxy: ") {
			t.Errorf("Decode(%.20q): %v", text, err)
		}
	}
}

// FuzzMessages gives the same bytes to all that is small enough to be read in
// one piece. What is taken is written as it was.
func FuzzMessages(f *testing.F) {
	fork := make([]byte, ForkSize)
	(&Fork{Token: Token{1, 2, 3}, Cancel: true}).Put(fork)
	result := make([]byte, ResultSize)
	(&Result{Errno: 22, Values: [2]uint64{1, 2}}).Put(result)
	f.Add(fork)
	f.Add(result)
	f.Add([]byte("cat\x00"))
	f.Add(Encode(Info{OS: "linux", Calls: []uint16{1}}))
	f.Add(Encode(EndReport{"no init", "panic: no init"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		same := func(what string, again []byte) {
			if string(again) != string(b[:len(again)]) {
				t.Errorf("%s %x is written as %x", what, b, again)
			}
		}
		if name := Name(b); len(name) > MaxName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("the name in %q is %q", b, name)
		}
		if p, err := ParseFork(b); err == nil {
			var again [ForkSize]byte
			p.Put(again[:])
			same("token", again[:16])
		}
		if args, err := ParseArgs(b); err == nil {
			var again [8 * MaxArgs]byte
			PutArgs(again[:], &args)
			same("arguments", again[:len(b)])
		}
		if r, err := ParseResult(b); err == nil {
			var again [ResultSize]byte
			r.Put(again[:])
			same("errno", again[:4])
		}
		if c, err := ParseCopy(b); err == nil {
			var again [CopySize]byte
			c.Put(again[:])
			same("copy", again[:])
		}
		if w, err := ParseWord(b); err == nil {
			var again [8]byte
			PutWord(again[:], w)
			same("word", again[:])
		}
		if _, rest, err := ParseStatus(b); err == nil && len(rest) != len(b)-StatusSize {
			t.Errorf("%d bytes behind the status of %d", len(rest), len(b))
		}
		var info Info
		if Decode(b, &info) == nil {
			var again Info
			if err := Decode(Encode(info), &again); err != nil || !reflect.DeepEqual(info, again) {
				t.Errorf("info %+v, %v, want %+v", again, err, info)
			}
		}
		var report EndReport
		_ = Decode(b, &report)
	})
}
