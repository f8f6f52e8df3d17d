//go:build linux

package channel

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newHost(t *testing.T) *Host {
	t.Helper()
	h, err := NewHost()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(h.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder of the channel is left: %v", err)
		}
	})
	return h
}

// asGuest does in this process what the machine of a guest would.
func asGuest(t *testing.T, h *Host, run func(nic *wire)) {
	t.Helper()
	conn, err := net.Dial("unix", h.Network().Stream)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(newWire(conn, guestMAC))
		conn.Close()
	}()
	t.Cleanup(func() { <-ended })
}

// echo serves whoever calls, until the host asks for the end.
func echo(t *testing.T, nic *wire) {
	g, err := Join(t.Context(), nic)
	if err != nil {
		t.Error(err)
		return
	}
	defer g.Close()
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() {
		for {
			c, err := g.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				_, _ = io.Copy(c, c)
				c.Close()
			})
		}
	})
	if err := g.Ready(); err != nil {
		t.Error(err)
	}
	g.Wait()
	g.Listener.Close()
}

func TestConnections(t *testing.T) {
	h := newHost(t)
	asGuest(t, h, func(nic *wire) { echo(t, nic) })
	if err := h.Accept(t.Context()); err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() {
			c, err := h.Dial(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			said := strings.Repeat("hello ", 10_000)
			go func() {
				_, _ = io.WriteString(c, said)
				_ = c.(interface{ CloseWrite() error }).CloseWrite()
			}()
			if got, err := io.ReadAll(c); string(got) != said || err != nil {
				t.Errorf("of %d bytes came back %d, %v", len(said), len(got), err)
			}
		})
	}
	calls.Wait()
	if !h.Shutdown() {
		t.Error("there is no guest to ask")
	}
	<-h.Gone()
	if _, err := h.Dial(t.Context()); err == nil {
		t.Error("a guest that has ended was called")
	}
}

func TestGuestFails(t *testing.T) {
	h := newHost(t)
	asGuest(t, h, func(nic *wire) {
		g, err := Join(t.Context(), nic)
		if err != nil {
			t.Error(err)
			return
		}
		g.Fail(errors.New("no kernel of that name"))
		g.Close()
	})
	if err := h.Accept(t.Context()); err == nil || !strings.Contains(err.Error(), "no kernel of that name") {
		t.Errorf("the host learns: %v", err)
	}
	h.Shutdown()
}

func TestGuestVanishes(t *testing.T) {
	h := newHost(t)
	pull := make(chan struct{})
	asGuest(t, h, func(nic *wire) {
		g, err := Join(t.Context(), nic)
		if err != nil {
			t.Error(err)
			return
		}
		defer g.Close()
		_ = g.Ready()
		<-pull
		nic.Close()
	})
	if err := h.Accept(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(pull)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if c, err := h.Dial(ctx); err == nil {
		c.Close()
		t.Error("a guest that is gone was called")
	}
}

// TestNobodyComes: waiting ends with its context, wherever it is.
func TestNobodyComes(t *testing.T) {
	for name, run := range map[string]func(nic *wire){
		"no machine": nil,
		"a machine that says nothing": func(nic *wire) {
			_, _ = io.Copy(io.Discard, nic.conn)
		},
		"a guest that does not get ready": func(nic *wire) {
			g, err := Join(t.Context(), nic)
			if err == nil {
				g.Wait()
				g.Close()
			}
		},
		"noise": func(nic *wire) {
			_, _ = nic.conn.Write([]byte(strings.Repeat("\x00\x00\x00\x20noise noise noise noise noise ..", 100)))
			_, _ = io.Copy(io.Discard, nic.conn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			if run != nil {
				asGuest(t, h, run)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := h.Accept(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
