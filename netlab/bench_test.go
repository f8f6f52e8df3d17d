package netlab_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/netlab"
	"github.com/anykernel/anykernel/sys"
)

// BenchmarkTCP sends 100 MB from one kernel to another over a link that does
// nothing to frames, and over the loopback of the receiver, and reports both
// and the ratio.
func BenchmarkTCP(b *testing.B) {
	for _, mtu := range []int{1500, 9000, backends.MaxMTU} {
		for _, from := range stacks(b) {
			for _, to := range stacks(b) {
				b.Run(fmt.Sprintf("%s to %s mtu %d", from, to, mtu), func(b *testing.B) {
					l, err := netlab.Open(b.Context(), fmt.Sprintf("a--b; a: %s mtu=%d; b: %s mtu=%d", from, mtu, to, mtu), netlab.Config{})
					must(b, err)
					defer func() { must(b, l.Close()) }()
					const size = 100 << 20
					var link, loopback time.Duration
					for b.Loop() {
						link += send(b, l.Kernel("a"), l.Kernel("b"), "10.0.0.2", size)
						loopback += send(b, l.Kernel("b"), l.Kernel("b"), "127.0.0.1", size)
					}
					rate := func(d time.Duration) float64 { return float64(b.N) * size / 1e6 / d.Seconds() }
					b.ReportMetric(0, "ns/op")
					b.ReportMetric(rate(link), "link-MB/s")
					b.ReportMetric(rate(loopback), "loopback-MB/s")
					b.ReportMetric(rate(link)/rate(loopback), "ratio")
				})
			}
		}
	}
}

// send is how long it takes to send n bytes over TCP.
func send(b testing.TB, from, to *sys.Kernel, address string, n int) time.Duration {
	ctx, stop := context.WithTimeout(b.Context(), time.Minute)
	defer stop()
	listener, err := to.Init().Listen(ctx, "tcp", net.JoinHostPort(address, "5002"))
	must(b, err)
	defer listener.Close()
	received := make(chan int64, 1)
	go func() {
		c, err := listener.Accept()
		if err != nil {
			received <- 0
			return
		}
		defer c.Close()
		got, _ := io.Copy(io.Discard, c)
		received <- got
	}()
	start := time.Now()
	c, err := from.Init().Dial(ctx, "tcp", net.JoinHostPort(address, "5002"))
	must(b, err)
	piece := make([]byte, 64<<10)
	for sent := 0; sent < n; sent += len(piece) {
		if _, err := c.Write(piece); err != nil {
			b.Fatal(err)
		}
	}
	must(b, c.Close())
	if got := <-received; got != int64(n) {
		b.Fatalf("%d of %d bytes arrived", got, n)
	}
	return time.Since(start)
}
