package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/anykernel/anykernel/backends/all"
)

func TestSplitSpecs(t *testing.T) {
	for text, want := range map[string][]string{
		"host":                               {"host"},
		"host,sentry":                        {"host", "sentry"},
		"rump:net,netinet,sentry":            {"rump:net,netinet", "sentry"},
		"sentry:hostname=a,mem=1g,host":      {"sentry:hostname=a,mem=1g", "host"},
		"sentry?hostname=host,sentry:mem=1g": {"sentry?hostname=host", "sentry:mem=1g"},
		"sentry,nosuch":                      {"sentry", "nosuch"},
		"":                                   {""},
	} {
		if got := splitSpecs(text); !slices.Equal(got, want) {
			t.Errorf("splitSpecs(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestSplitPair(t *testing.T) {
	for text, want := range map[string][2]string{
		"./site:/www":         {"./site", "/www"},
		"/a:b/c:/d":           {"/a:b/c", "/d"},
		"no colon":            {},
		":/www":               {},
		"site:www":            {},
		"/site:/not:absolute": {},
	} {
		from, to, err := splitPair("--copy", text)
		if got := [2]string{from, to}; got != want || (err == nil) == (want[0] == "") {
			t.Errorf("splitPair(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestTable(t *testing.T) {
	tab := newTable("NAME", ">N", "WHAT")
	tab.add("a", "1", "one\ntwo")
	tab.add("µµµµµ", "1000")
	var text, markdown strings.Builder
	tab.print(&text)
	tab.printMarkdown(&markdown)
	const wantText = "NAME      N  WHAT\na         1  one\n             two\nµµµµµ  1000\n"
	if text.String() != wantText {
		t.Errorf("text:\n%swant:\n%s", text.String(), wantText)
	}
	tab.rows[1][2] = "a|b"
	markdown.Reset()
	tab.printMarkdown(&markdown)
	const wantMarkdown = "| NAME | N | WHAT |\n| --- | --: | --- |\n| a | 1 | one<br>two |\n| µµµµµ | 1000 | a\\|b |\n"
	if markdown.String() != wantMarkdown {
		t.Errorf("Markdown:\n%swant:\n%s", markdown.String(), wantMarkdown)
	}
}

// TestInput: a reader that gives up takes nothing from the next one.
func TestInput(t *testing.T) {
	r, w := io.Pipe()
	in := newInput(r)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if n, err := in.with(ctx).Read(make([]byte, 8)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Fatalf("a read whose context ended gave %d bytes, %v", n, err)
	}
	go func() {
		io.WriteString(w, "hello")
		w.Close()
	}()
	b := make([]byte, 3)
	next := in.with(t.Context())
	if n, err := io.ReadFull(next, b); err != nil || string(b[:n]) != "hel" {
		t.Errorf("the next read gave %q, %v, want the bytes that the first one waited for", b[:n], err)
	}
	if rest, err := io.ReadAll(in.with(t.Context())); err != nil || string(rest) != "lo" {
		t.Errorf("the third reader got %q, %v", rest, err)
	}
}

func TestKeys(t *testing.T) {
	k := &keys{r: strings.NewReader("ab\x03c")}
	got, err := io.ReadAll(k)
	if err != nil || string(got) != "ab"+emptyLine+"c" || !k.interrupted {
		t.Errorf("keys are %q, %v, interrupted %t", got, err, k.interrupted)
	}
}

func TestHistory(t *testing.T) {
	h := &history{}
	for _, line := range []string{"a", "", "b", "b", "a"} {
		h.Add(line)
	}
	if h.Len() != 3 || h.At(0) != "a" || h.At(1) != "b" {
		t.Errorf("history is %q", h.lines)
	}
	for range maxHistory + 5 {
		h.Add("x")
		h.Add("y")
	}
	if h.Len() != maxHistory || h.At(0) != "y" {
		t.Errorf("history has %d lines, the newest %q", h.Len(), h.At(0))
	}
}

// TestProgress: on no terminal, one line for each step and nothing else.
func TestProgress(t *testing.T) {
	var b strings.Builder
	p := (&env{stderr: &b}).progress()
	p.Begin("one")
	p.At(1, 2)
	p.Begin("two")
	p.end()
	if b.String() != "one\ntwo\n" {
		t.Errorf("progress wrote %q", b.String())
	}
}
