package sysproxy

import (
	"strings"
	"testing"
)

func TestHeader(t *testing.T) {
	want := Header{Length: HeaderSize + 5, Request: 1 << 63, Class: Failure, Type: TypeEnd, Arg: 1 << 31}
	var b [HeaderSize]byte
	want.put(b[:])
	if got, err := parseHeader(b[:], 5); err != nil || got != want {
		t.Errorf("header %+v, %v, want %+v", got, err, want)
	}
	if _, err := parseHeader(b[:], 4); err == nil || !strings.Contains(err.Error(), "29 bytes: there are 24 to 28") {
		t.Errorf("a message that is too long: %v", err)
	}
	for name, h := range map[string]Header{
		"shorter than a header": {Length: HeaderSize - 1},
		"empty":                 {},
		"as long as can be":     {Length: 1<<64 - 1},
		"of no class":           {Length: HeaderSize, Class: Failure + 1},
	} {
		h.put(b[:])
		if got, err := parseHeader(b[:], 1<<20); err == nil {
			t.Errorf("a message %s: %+v", name, got)
		}
	}
}

// TestNumbers holds the numbers that librumpclient and rump_server have.
func TestNumbers(t *testing.T) {
	for name, n := range map[string][2]int{
		"raise":             {int(TypeRaise), 8},
		"prefork":           {int(TypePrefork), 7},
		"copyoutstr":        {int(TypeCopyoutstr), 5},
		"exec":              {int(HandshakeExec), 3},
		"malformed":         {int(ErrMalformed), 7},
		"in exec":           {int(ErrInExec), 5},
		"failure":           {int(Failure), 2},
		"a call of ours":    {int(TypeCall), 64},
		"the end":           {int(TypeEnd), 66},
		"a process of ours": {int(HandshakeNewProcess), 64},
	} {
		if n[0] != n[1] {
			t.Errorf("%s is %d, want %d", name, n[0], n[1])
		}
	}
}

func TestErrorTexts(t *testing.T) {
	seen := map[string]bool{}
	for e := ErrNone; e <= ErrMalformed+1; e++ {
		text := e.Error()
		if !strings.HasPrefix(text, "sysproxy: ") || len(text) < 15 || seen[text] {
			t.Errorf("error %d is %q", e, text)
		}
		seen[text] = true
	}
	if Error(1<<32-1).Error() != "sysproxy: error 4294967295" {
		t.Error(Error(1<<32 - 1))
	}
}

func FuzzHeader(f *testing.F) {
	for _, h := range []Header{
		{Length: HeaderSize}, {Length: 64, Request: 7, Class: Response, Type: TypeCall}, {Length: 1 << 63}, {Length: HeaderSize, Class: 3},
	} {
		var b [HeaderSize]byte
		h.put(b[:])
		f.Add(b[:], uint64(1<<20))
	}
	f.Fuzz(func(t *testing.T, b []byte, most uint64) {
		if len(b) < HeaderSize {
			return
		}
		h, err := parseHeader(b, most)
		if err != nil {
			return
		}
		if h.Length < HeaderSize || h.Length-HeaderSize > most || h.Class > Failure {
			t.Fatalf("taken: %+v, where %d bytes are allowed", h, most)
		}
		var again [HeaderSize]byte
		if h.put(again[:]); string(again[:]) != string(b[:HeaderSize]) {
			t.Fatalf("%x is written as %x", b[:HeaderSize], again)
		}
	})
}
