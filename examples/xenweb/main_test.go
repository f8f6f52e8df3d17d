//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anykernel/anykernel/images"
	"github.com/anykernel/anykernel/xen/launch"
)

// start boots the example in a guest, and returns the URL that leads to it.
func start(t testing.TB) (url string, g *launch.Guest, console *consoleLog) {
	t.Helper()
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		t.Skip("QEMU is not here: apt-get install qemu-system-x86")
	}
	program, err := images.Compile(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	image, err := images.Build(images.Config{Program: program, Files: os.DirFS("site")})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "xenweb.img")
	if err := os.WriteFile(name, image, 0o644); err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), freePort(t))
	console = &consoleLog{}
	g, err = launch.Start(t.Context(), launch.Config{
		Image: name, Console: console, MemoryMiB: 64,
		Networks: []launch.Network{{User: true, Forwards: []launch.Forward{{Protocol: "tcp", Host: at, Guest: 80}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Kill() })
	for deadline := time.Now().Add(time.Minute); !strings.Contains(console.String(), "serving on"); {
		if time.Now().After(deadline) {
			t.Fatalf("the guest does not serve; the console said\n%s", console)
		}
		select {
		case <-g.Done():
			t.Fatalf("the guest ended; the console said\n%s", console)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return "http://" + at.String(), g, console
}

func freePort(t testing.TB) uint16 {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// A consoleLog keeps what a guest prints.
type consoleLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *consoleLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *consoleLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", resp.Status)
	}
	return string(b), err
}

func TestServes(t *testing.T) {
	url, g, console := start(t)
	want, err := os.ReadFile("site/www/index.html")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got, err := get(t.Context(), url+"/"); err != nil || got != string(want) {
					t.Errorf("got %q, %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
	about, err := get(t.Context(), url+"/about")
	t.Logf("%s%v", about, err)
	resp, err := http.Post(url+"/exit", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if status, err := g.Wait(); status != 0 || err != nil {
		t.Errorf("status %d, %v; the console said\n%s", status, err, console)
	}
}

func BenchmarkGet(b *testing.B) {
	url, _, _ := start(b)
	for b.Loop() {
		if _, err := get(b.Context(), url+"/"); err != nil {
			b.Fatal(err)
		}
	}
}
