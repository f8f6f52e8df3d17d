package remote_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/remote"
	"github.com/anykernel/anykernel/backends/remote/server"
	_ "github.com/anykernel/anykernel/backends/rump"
	_ "github.com/anykernel/anykernel/backends/sentry"
)

// needReady skips a test where a backend cannot run.
func needReady(t testing.TB, spec string) {
	t.Helper()
	s, err := backends.ParseSpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	b, err := backends.Lookup(s.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Ready(); err != nil {
		t.Skipf("kernel %s cannot run here: %v", spec, err)
	}
}

// openServed opens a kernel for guests.
func openServed(t testing.TB, spec string) backends.Kernel {
	t.Helper()
	needReady(t, spec)
	k, err := backends.Open(context.Background(), spec, backends.Config{Guests: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// serve offers a kernel at a Unix socket, and returns its path.
func serve(t testing.TB, k backends.Kernel, o server.Options) string {
	t.Helper()
	s, err := server.New(k, o)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close of the server: %v", err)
		}
		if err := <-served; !errors.Is(err, server.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return path
}
