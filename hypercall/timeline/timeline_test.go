package timeline_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/record"
	"github.com/anykernel/anykernel/hypercall/timeline"
)

func call(name string, pid int, at time.Duration) *record.Entry {
	return &record.Entry{Begins: true, Kernel: "client", Name: hypercall.EventSyscall, PID: pid, Time: at,
		Args: hypercall.Fields{{Name: "call", Value: name}, {Name: "arg0", Value: []byte("</script><b>\x00")}}}
}

func frame(kernel, dir string, at time.Duration) *record.Entry {
	return &record.Entry{Begins: true, Ends: true, Kernel: kernel, Name: hypercall.EventFrame, Time: at, Args: hypercall.Fields{
		{Name: "nic", Value: "virt0"}, {Name: "dir", Value: dir}, {Name: "data", Value: []byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x06 is hardly ARP")}}}
}

// run is a recording: two calls of which one ends, a frame that arrives, one that
// does not, and a fault.
func run(t *testing.T) *record.Reader {
	t.Helper()
	var b bytes.Buffer
	w, err := record.NewWriter(&b, record.Header{Program: []string{"anykernel", "<sim>"}, Case: "7 only=1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*record.Entry{
		call("read", 1, 0),
		frame("client", "out", time.Second),
		frame("server", "in", 2*time.Second),
		{Ends: true, Kernel: "client", Name: hypercall.EventSyscall, PID: 1, Time: 3 * time.Second, Err: &record.Error{Errno: syscall.EIO, Text: "I/O error"}},
		frame("server", "out", 3*time.Second),
		{Begins: true, Ends: true, Kernel: "server", Name: hypercall.EventBio, Time: 4 * time.Second},
		call("kevent", 2, 5*time.Second),
		{Begins: true, Ends: true, Name: "fault", Time: 3 * time.Second, Args: hypercall.Fields{{Name: "what", Value: "loss on server>client"}}},
	} {
		if err := w.Write(x); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := record.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func page(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := timeline.Write(&b, run(t)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	p := page(t)
	for _, want := range []string{
		`"k":"syscall","n":"read","a":0,"b":3000`, `"e":"I/O error"`,
		`"k":"syscall","n":"kevent","a":5000,"b":5000`,
		`"k":"frame","n":"in","a":2000,"b":2000,"t":"virt0 in, 28 bytes`, `"p":2`,
		`"k":"fault","n":"loss on server\u003eclient"`,
		`anykernel &lt;sim&gt;`,
	} {
		if !strings.Contains(p, want) {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Count(p, "</script>") != 1 {
		t.Error("a text of the recording is HTML")
	}
	if n := strings.Count(p, "http"); n != 0 {
		t.Errorf("%d addresses: the page needs nothing else", n)
	}
}

func TestDamaged(t *testing.T) {
	if _, err := record.NewReader(strings.NewReader("akrec")); !errors.Is(err, record.ErrDamaged) {
		t.Error(err)
	}
}

// browser is a Chromium.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless_shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium (remedy: apt-get install chromium)")
	return ""
}

// TestBrowser has a browser draw the page, all of it and filtered.
func TestBrowser(t *testing.T) {
	program := browser(t)
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(page(t)), 0o666); err != nil {
		t.Fatal(err)
	}
	for hash, want := range map[string]string{
		"":                             `data-visible="7" data-drawn="7" data-lanes="6"`,
		"#filter=frame+client&order=1": `data-visible="1" data-drawn="1"`,
		"#filter=virt0+out":            `data-visible="2" data-drawn="2"`,
		"#filter=i/o+error&order=":     `data-visible="1" data-drawn="1"`,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, program, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
			"--virtual-time-budget=2000", "--dump-dom", "file://"+file+hash).Output()
		if err != nil {
			t.Fatalf("%s: %v", program, err)
		}
		body := regexp.MustCompile(`<body[^>]*>`).Find(out)
		if !bytes.Contains(body, []byte(want)) {
			t.Errorf("%q is drawn as %s, want %s", hash, body, want)
		}
	}
}
