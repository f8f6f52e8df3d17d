package launch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/anykernel/anykernel/images"
)

// The benchmarks of this file compare a bare guest with the same program on
// Debian's kernel, in the same QEMU and under software emulation, by turns:
//
//	go test -run '^$' -bench Against -benchtime 10x ./xen/launch

// against are the two sides, in the order in which they take their turns.
var against = []string{"bare", "linux"}

// pair makes both images of a program.
func pair(b *testing.B, program []byte, c images.Config) map[string]Config {
	b.Helper()
	c.Program = program
	image, err := images.Build(c)
	if err != nil {
		b.Fatal(err)
	}
	bare := filepath.Join(b.TempDir(), "bare.img")
	if err := os.WriteFile(bare, image, 0o644); err != nil {
		b.Fatal(err)
	}
	sides := map[string]Config{"bare": {Image: bare}, "linux": linuxImage(b, program, c)}
	for name, s := range sides {
		s.Accel = "tcg"
		sides[name] = s
	}
	return sides
}

func hellos(b *testing.B) map[string]Config {
	b.Helper()
	needQEMU(b)
	program, err := images.Compile(b.Context(), "../../images/testdata/hello")
	if err != nil {
		b.Fatal(err)
	}
	return pair(b, program, images.Config{})
}

// report reports the median of each side, and what Linux's is to the bare
// guest's.
func report(b *testing.B, unit string, figures map[string][]float64) {
	b.Helper()
	median := func(side string) float64 {
		slices.Sort(figures[side])
		return figures[side][len(figures[side])/2]
	}
	for _, side := range against {
		b.ReportMetric(median(side), side+"-"+unit)
	}
	b.ReportMetric(median("linux")/median("bare"), "linux/bare-"+unit)
}

// BenchmarkFirstLineAgainstLinux is the time from exec to the first line.
func BenchmarkFirstLineAgainstLinux(b *testing.B) {
	sides := hellos(b)
	figures := map[string][]float64{}
	for b.Loop() {
		for _, side := range against {
			start := time.Now()
			line := &awaited{text: "\n", seen: make(chan struct{})}
			c := sides[side]
			c.Console = line
			g, err := Start(b.Context(), c)
			if err != nil {
				b.Fatal(err)
			}
			<-line.seen
			figures[side] = append(figures[side], time.Since(start).Seconds()*1e3)
			g.Kill() // it may have ended
		}
	}
	report(b, "ms", figures)
}

// An awaited is a console on which a text is awaited.
type awaited struct {
	mu   sync.Mutex
	b    bytes.Buffer
	text string
	once sync.Once
	seen chan struct{}
}

func (a *awaited) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.b.Write(b)
	if strings.Contains(a.b.String(), a.text) {
		a.once.Do(func() { close(a.seen) })
	}
	return len(b), nil
}

// BenchmarkMemoryAgainstLinux is the least memory, in MiB, in which hello says
// so and ends.
func BenchmarkMemoryAgainstLinux(b *testing.B) {
	sides := hellos(b)
	figures := map[string][]float64{}
	for b.Loop() {
		for _, side := range against {
			low, high := minMemory-1, 256 // it does not run in low, and does in high
			for high-low > 1 {
				if middle := (low + high) / 2; runsIn(b, sides[side], middle) {
					high = middle
				} else {
					low = middle
				}
			}
			figures[side] = append(figures[side], float64(high))
		}
	}
	report(b, "MiB", figures)
}

// enoughTime is more than hello takes. A Linux that has too little memory may
// search for more for ever.
const enoughTime = 30 * time.Second

func runsIn(b *testing.B, c Config, mib int) bool {
	var console bytes.Buffer
	c.MemoryMiB, c.Console = mib, &console
	ctx, cancel := context.WithTimeout(b.Context(), enoughTime)
	defer cancel()
	status, err := Run(ctx, c)
	return err == nil && status == 0 && strings.Contains(console.String(), "hello")
}

// largeFile is the size of the file that is fetched, in bytes.
const largeFile = 8 << 20

// BenchmarkHTTPAgainstLinux is examples/xenweb under a client on this machine:
// a large file in MB/s, and pages in requests a second on one connection.
func BenchmarkHTTPAgainstLinux(b *testing.B) {
	needQEMU(b)
	program, err := images.Compile(b.Context(), "../../examples/xenweb")
	if err != nil {
		b.Fatal(err)
	}
	files := fstest.MapFS{"www/large": {Data: make([]byte, largeFile)}, "www/page": {Data: []byte("a page\n")}}
	urls := map[string]string{}
	for side, c := range pair(b, program, images.Config{Files: files}) {
		urls[side] = serve(b, c)
	}
	rates, requests := map[string][]float64{}, map[string][]float64{}
	for b.Loop() {
		for _, side := range against {
			start := time.Now()
			get(b, urls[side]+"/large", largeFile)
			rates[side] = append(rates[side], largeFile/1e6/time.Since(start).Seconds())
			const pages = 50
			start = time.Now()
			for range pages {
				get(b, urls[side]+"/page", 7)
			}
			requests[side] = append(requests[side], pages/time.Since(start).Seconds())
		}
	}
	report(b, "MB/s", rates)
	report(b, "req/s", requests)
}

// serve starts a web server, to the end of the benchmark, and returns the URL
// that leads to it.
func serve(b *testing.B, c Config) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	at := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	console := &awaited{text: "serving on", seen: make(chan struct{})}
	c.Networks = []Network{{User: true, Forwards: []Forward{{Protocol: "tcp", Host: at, Guest: 80}}}}
	c.Console = console
	g, err := Start(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { g.Kill(); http.DefaultClient.CloseIdleConnections() })
	select {
	case <-console.seen:
	case <-g.Done():
		b.Fatalf("the guest ended; the console said\n%s", console.b.String())
	case <-time.After(guestTime):
		b.Fatal("the guest does not serve")
	}
	return fmt.Sprintf("http://%v", at)
}

func get(b *testing.B, url string, size int64) {
	b.Helper()
	resp, err := http.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: status %s, %d bytes of %d, %v", url, resp.Status, n, size, err)
	}
}
