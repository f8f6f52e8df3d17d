//go:build linux

package spinsock_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/internal/spinsock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair is two ends of a connection, the first of them a spinsock.Conn.
func pair(t testing.TB, network string) (spinsock.Conn, net.Conn) {
	t.Helper()
	if runtime.NumCPU() == 1 {
		t.Skip("one CPU: nothing is gained by looking")
	}
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "socket")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	a, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b := <-accepted
	c, ok := spinsock.New(a).(spinsock.Conn)
	if !ok {
		t.Fatalf("New makes nothing of a %s connection", network)
	}
	t.Cleanup(func() {
		c.Close()
		b.Close()
	})
	return c, b
}

func both(t *testing.T, f func(t *testing.T, c spinsock.Conn, peer net.Conn)) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			c, peer := pair(t, network)
			f(t, c, peer)
		})
	}
}

func TestTransfer(t *testing.T) {
	both(t, func(t *testing.T, c spinsock.Conn, peer net.Conn) {
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // more than any buffer
		var wg sync.WaitGroup
		wg.Go(func() {
			time.Sleep(10 * time.Millisecond) // so that the writer waits
			got, err := io.ReadAll(peer)
			if !bytes.Equal(got, data) || err != nil {
				t.Errorf("%d bytes arrive of %d, %v", len(got), len(data), err)
			}
			peer.Write(got)
			peer.Close()
		})
		if n, err := c.Write(data); n != len(data) || err != nil {
			t.Errorf("Write: %d, %v", n, err)
		}
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
		if got, err := io.ReadAll(c); !bytes.Equal(got, data) || err != nil {
			t.Errorf("%d bytes come back of %d, %v", len(got), len(data), err)
		}
		wg.Wait()
	})
}

func TestTryRead(t *testing.T) {
	both(t, func(t *testing.T, c spinsock.Conn, peer net.Conn) {
		b := make([]byte, 10)
		if n, err := c.TryRead(b); n != 0 || err != spinsock.ErrNothing {
			t.Errorf("TryRead of nothing: %d, %v", n, err)
		}
		peer.Write([]byte("hello"))
		if n, err := c.Read(b); string(b[:n]) != "hello" || err != nil {
			t.Errorf("Read: %q, %v", b[:n], err)
		}
		peer.Close()
		if n, err := c.Read(b); n != 0 || err != io.EOF {
			t.Errorf("Read at the end: %d, %v", n, err)
		}
	})
}

// TestWaits has reads wait for longer than they look.
func TestWaits(t *testing.T) {
	both(t, func(t *testing.T, c spinsock.Conn, peer net.Conn) {
		b := make([]byte, 1)
		for i := range 10 {
			time.AfterFunc(5*time.Millisecond, func() { peer.Write([]byte{byte(i)}) })
			if n, err := c.Read(b); n != 1 || err != nil || b[0] != byte(i) {
				t.Fatalf("Read %d: %v, %v", i, b[:n], err)
			}
		}
	})
}

func TestClose(t *testing.T) {
	both(t, func(t *testing.T, c spinsock.Conn, peer net.Conn) {
		failed := make(chan error, 2)
		go func() {
			_, err := c.Read(make([]byte, 1))
			failed <- err
		}()
		go func() {
			_, err := c.Write(make([]byte, 16<<20)) // nobody reads
			failed <- err
		}()
		time.Sleep(20 * time.Millisecond)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-failed; !errors.Is(err, net.ErrClosed) {
				t.Errorf("what waited ends with %v, want net.ErrClosed", err)
			}
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read after Close: %v", err)
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Close after Close: %v", err)
		}
	})
}

func TestDeadlines(t *testing.T) {
	both(t, func(t *testing.T, c spinsock.Conn, peer net.Conn) {
		c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: %v", err)
		}
		c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := c.Write(make([]byte, 16<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write: %v", err)
		}
		c.SetDeadline(time.Time{})
		time.AfterFunc(10*time.Millisecond, func() { c.SetDeadline(time.Unix(1, 0)) })
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read whose deadline is set meanwhile: %v", err)
		}
	})
}

// BenchmarkRoundTrip is a question and its answer between two goroutines.
func BenchmarkRoundTrip(b *testing.B) {
	for _, kind := range []string{"net", "spinsock"} {
		b.Run(kind, func(b *testing.B) {
			x, y := plainPair(b)
			if kind == "spinsock" {
				x, y = spinsock.New(x), spinsock.New(y)
			}
			go func() {
				buf := make([]byte, 64)
				for {
					n, err := y.Read(buf)
					if err != nil {
						return
					}
					y.Write(buf[:n])
				}
			}()
			buf := make([]byte, 64)
			for b.Loop() {
				x.Write(buf)
				if _, err := x.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
			x.Close()
			y.Close()
		})
	}
}

func plainPair(b *testing.B) (net.Conn, net.Conn) {
	l, err := net.Listen("unix", filepath.Join(b.TempDir(), "plain"))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	x, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	y, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	return x, y
}
