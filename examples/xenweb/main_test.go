//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/anykernel/anykernel/images"
	"github.com/anykernel/anykernel/xen/launch"
	"github.com/anykernel/anykernel/xen/launch/launchtest"
)

// start boots the example in a guest, and returns the URL that leads to it.
func start(t testing.TB) (url string, g *launch.Guest, console *launchtest.Console) {
	t.Helper()
	image := launchtest.Image(t, ".", images.Config{Files: os.DirFS("site")})
	network, at := launchtest.Forward(t, 80)
	g, console = launchtest.Start(t, launch.Config{
		Image: image, MemoryMiB: 64, Networks: []launch.Network{network},
	}, "serving on")
	return "http://" + at.String(), g, console
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
