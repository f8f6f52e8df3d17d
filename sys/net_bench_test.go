package sys_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/anykernel/anykernel/backends/kerneltest"
)

// BenchmarkTCP is a TCP connection over loopback: through package net, and
// through our connections on each kernel. The ratios to package net, in one
// run, are the figures:
//
//	go test -run '^$' -bench TCP -count 5 ./sys
func BenchmarkTCP(b *testing.B) {
	for _, kernel := range []string{"net", "host", "sentry"} {
		b.Run(kernel, func(b *testing.B) {
			b.Run("write64K", func(b *testing.B) { benchmarkStream(b, kernel, 64<<10) })
			b.Run("write1K", func(b *testing.B) { benchmarkStream(b, kernel, 1<<10) })
			b.Run("roundtrip1", func(b *testing.B) { benchmarkRoundTrip(b, kernel) })
		})
	}
}

// tcpPair is a connection over loopback; kernel "net" is package net.
func tcpPair(b *testing.B, kernel string) (client, server net.Conn) {
	b.Helper()
	var l net.Listener
	var err error
	dial := net.Dial
	if kernel == "net" {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	} else {
		p := kerneltest.New(b, kernel).Init()
		dial = p.Dialer().Dial
		l, err = p.Listen(context.Background(), "tcp", "127.0.0.1:0")
	}
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	if client, err = dial("tcp", l.Addr().String()); err != nil {
		b.Fatal(err)
	}
	if server = <-accepted; server == nil {
		b.Fatal("nothing was accepted")
	}
	b.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client, server
}

func benchmarkStream(b *testing.B, kernel string, size int) {
	client, server := tcpPair(b, kernel)
	done := make(chan error, 1)
	go func() {
		buf := make([]byte, 256<<10)
		for {
			if _, err := server.Read(buf); err != nil {
				done <- err
				return
			}
		}
	}()
	buf := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
	client.Close()
	if err := <-done; err != io.EOF {
		b.Fatal(err)
	}
}

func benchmarkRoundTrip(b *testing.B, kernel string) {
	client, server := tcpPair(b, kernel)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1)
		for {
			if _, err := server.Read(buf); err != nil {
				return
			}
			if _, err := server.Write(buf); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := client.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
	client.Close()
	<-done
}
