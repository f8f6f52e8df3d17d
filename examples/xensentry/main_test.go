//go:build linux

package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anykernel/anykernel/images"
	"github.com/anykernel/anykernel/xen/launch"
	"github.com/anykernel/anykernel/xen/launch/launchtest"
)

var client = http.Client{Timeout: 30 * time.Second}

func get(t *testing.T, url string) string {
	resp, err := client.Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v", url, resp.Status, err)
	}
	return string(b)
}

// TestKernelInAGuest has gVisor's kernel serve a file of its own, in a guest.
func TestKernelInAGuest(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a kernel into an image")
	}
	image := launchtest.Image(t, ".", images.Config{Files: os.DirFS("site")})
	network, at := launchtest.Forward(t, 80)
	g, console := launchtest.Start(t, launch.Config{
		Image: image, MemoryMiB: 192, Networks: []launch.Network{network},
	}, "serving on")
	url := "http://" + at.String()

	if got := get(t, url+"/uname"); !strings.HasPrefix(got, "Linux guest 4.19.0-gvisor ") {
		t.Errorf("the kernel is %q", got)
	}
	want, err := os.ReadFile("site/www/index.html")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				if got := get(t, url+"/"); got != string(want) {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.Log(console)
	}
	resp, err := client.Post(url+"/exit", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if status, err := g.Wait(); status != 0 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
	if strings.Contains(console.String(), "not answered") {
		t.Errorf("the shim misses a call:\n%s", console)
	}
}
