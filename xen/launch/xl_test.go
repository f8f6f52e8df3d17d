package launch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeXL puts a small xl into PATH, and returns the folder that it works in.
func fakeXL(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bin, err := filepath.Abs("testdata/xl")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("FAKE_XL", dir)
	return dir
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// anImage is a file that only Xen would look into.
func anImage(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "app.img")
	if err := os.WriteFile(name, []byte("an image"), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestRunXen(t *testing.T) {
	for name, tc := range map[string]struct {
		files     map[string]string
		initramfs bool
		status    int
		err, said string
	}{
		"ends well":          {files: map[string]string{"console": "hello\n", "state": "---s--"}, said: "hello\n"},
		"fails":              {files: map[string]string{"console": "oh\nshim: exit status 7\n", "state": "---sc-"}, status: 7, said: "oh\n"},
		"what is late":       {files: map[string]string{"console": "", "late": "bye\r\nshim: exit status 134\r\n", "state": "----c-"}, status: 134, said: "bye"},
		"says it twice":      {files: map[string]string{"console": "shim: exit status 1\nshim: exit status 2\n", "state": "----c-"}, status: 2},
		"only says that":     {files: map[string]string{"console": "shim: exit status 7\n", "state": "---s--"}, status: 0},
		"crashes":            {files: map[string]string{"console": "", "state": "----c-"}, err: "crashed without a status"},
		"Linux fails":        {files: map[string]string{"console": "init: exit status 3\r\n", "state": "---s--"}, initramfs: true, status: 3},
		"is not made":        {files: map[string]string{"console": "", "fail": "libxl: error: no memory\n"}, err: "no memory"},
		"runs, and xl fails": {files: map[string]string{"console": "", "leave": "", "state": "r-----"}, err: "before the guest did"},
	} {
		dir := fakeXL(t, tc.files)
		var console bytes.Buffer
		c := Config{Image: anImage(t), Console: &console}
		if tc.initramfs {
			c.Initramfs = c.Image
		}
		status, err := RunXen(t.Context(), c)
		if status != tc.status || (err == nil) != (tc.err == "") || (err != nil && !strings.Contains(err.Error(), tc.err)) {
			t.Errorf("%s: status %d, %v, want %d, %q", name, status, err, tc.status, tc.err)
		}
		if !strings.Contains(console.String(), tc.said) {
			t.Errorf("%s: the console said %q, want %q", name, console.String(), tc.said)
		}
		if calls := read(t, dir, "calls"); tc.files["fail"] == "" && !strings.Contains(calls, "destroy anykernel-") {
			t.Errorf("%s: the guest is left behind:\n%s", name, calls)
		}
	}
}

func TestXenConfiguration(t *testing.T) {
	dir := fakeXL(t, map[string]string{"console": "", "state": "---s--"})
	image := anImage(t)
	c := Config{Image: image, MemoryMiB: 64, CommandLine: `A="b c" -- x`, Networks: []Network{{Vif: "bridge=xenbr0"}}, Disks: []Disk{{Path: "/a.raw"}, {Path: "/b.raw", ReadOnly: true}}}
	if _, err := RunXen(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	cfg := read(t, dir, "cfg")
	for _, want := range []string{
		`kernel = "` + image + `"`, "memory = 64", `cmdline = 'A="b c" -- x'`, `vif = [ "bridge=xenbr0" ]`,
		`disk = [ "/a.raw,raw,xvda,rw", "/b.raw,raw,xvdb,ro" ]`, `on_crash = "preserve"`,
	} {
		if !strings.Contains(cfg, want+"\n") {
			t.Errorf("the configuration has no line %s:\n%s", want, cfg)
		}
	}
	c = Config{Image: image, Initramfs: image, CommandLine: "-- x"}
	dir = fakeXL(t, map[string]string{"console": "", "state": "---s--"})
	if _, err := RunXen(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if cfg := read(t, dir, "cfg"); !strings.Contains(cfg, `ramdisk = "`+image+`"`) || !strings.Contains(cfg, "console=hvc0 ") || !strings.Contains(cfg, ` -- x"`) {
		t.Errorf("the configuration of Linux:\n%s", cfg)
	}
}

func TestXenInput(t *testing.T) {
	fakeXL(t, map[string]string{"console": "name?\n", "ask": "", "state": "---s--"})
	var console bytes.Buffer
	if status, err := RunXen(t.Context(), Config{Image: anImage(t), Console: &console, Stdin: strings.NewReader("Ada\n")}); status != 0 || err != nil || console.String() != "name?\ngot Ada\n" {
		t.Errorf("status %d, %v; the console said %q", status, err, console.String())
	}
}

func TestContextEndsXenGuest(t *testing.T) {
	dir := fakeXL(t, map[string]string{"console": "up\n", "state": "r-----"})
	ctx, cancel := context.WithCancel(t.Context())
	console := &awaited{text: "up", seen: make(chan struct{})}
	go func() {
		<-console.seen
		cancel()
	}()
	if _, err := RunXen(ctx, Config{Image: anImage(t), Console: console}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(read(t, dir, "calls"), "destroy anykernel-") {
		t.Error("the guest is left behind")
	}
}

// TestXenGuestDoesNotStart: xl says nothing, and waits for ever.
func TestXenGuestDoesNotStart(t *testing.T) {
	defer func(d time.Duration) { xlStartTime = d }(xlStartTime)
	xlStartTime = 200 * time.Millisecond
	fakeXL(t, map[string]string{"console": "", "state": "--p---"})
	if _, err := RunXen(t.Context(), Config{Image: anImage(t)}); err == nil || !strings.Contains(err.Error(), "still paused") {
		t.Errorf("error %v", err)
	}
}

func TestXenRefusals(t *testing.T) {
	image := anImage(t)
	t.Setenv("PATH", t.TempDir())
	if _, err := RunXen(t.Context(), Config{Image: image}); err == nil || !strings.Contains(err.Error(), "dom0, by xl (apt-get") {
		t.Errorf("without xl: %v", err)
	}
	fakeXL(t, map[string]string{"console": "", "state": "---s--"})
	for want, c := range map[string]Config{
		"no image":         {},
		"bridge:NAME":      {Image: image, Networks: []Network{{User: true}}},
		"a comma":          {Image: image, Disks: []Disk{{Path: "/a,b"}}},
		"knows no escapes": {Image: image, CommandLine: `'"`},
		"newline or a NUL": {Image: image, CommandLine: "a\nb"},
	} {
		if _, err := RunXen(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

// TestDrain: the end of a console is kept, however long it is.
func TestDrain(t *testing.T) {
	d := newDrain(io.Discard)
	for range 100 {
		d.Write(bytes.Repeat([]byte("x"), 1000))
	}
	d.Write([]byte("\nshim: exit status 9\n"))
	if d.last.Len() != drainSize {
		t.Errorf("%d bytes are kept", d.last.Len())
	}
	if status, err := (&domain{console: d}).status("----c-", false); status != 9 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
	start := time.Now()
	if d.settle(); time.Since(start) > 3*time.Second {
		t.Error("a silent console does not settle")
	}
}
