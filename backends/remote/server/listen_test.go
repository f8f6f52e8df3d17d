package server

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"nonsense":               "want unix://",
		"tcp://0.0.0.0:0":        "use tls://",
		"tcp://:0":               "use tls://",
		"tcp://[::]:0":           "use tls://",
		"tls://127.0.0.1:0":      "no certificate",
		"unix:///no/such/folder": "no such file",
		"unix://" + file:         "in use",
	} {
		if l, err := Listen(address, ListenOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Listen(%q): %v, %v, want an error that says %q", address, l, err, want)
		}
	}
	if b, err := os.ReadFile(file); string(b) != "precious" {
		t.Errorf("the file is now %q, %v", b, err)
	}
}

func TestListen(t *testing.T) {
	for _, tc := range []struct {
		address, prefix string
		o               ListenOptions
	}{
		{"tcp://127.0.0.1:0", "tcp://127.0.0.1:", ListenOptions{}},
		{"tcp://0.0.0.0:0", "tcp://", ListenOptions{Insecure: true}},
		{"tls://0.0.0.0:0", "tls://", ListenOptions{TLS: &tls.Config{Certificates: []tls.Certificate{{}}}}},
	} {
		l, err := Listen(tc.address, tc.o)
		if err != nil {
			t.Errorf("Listen(%q): %v", tc.address, err)
			continue
		}
		if url := URL(l, tc.o.TLS != nil); !strings.HasPrefix(url, tc.prefix) || strings.HasSuffix(url, ":0") {
			t.Errorf("the URL of %q is %q", tc.address, url)
		}
		l.Close()
	}
}

// TestListenUnix: the socket belongs to its user; one that nobody listens at is
// replaced, and one where somebody does is not.
func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	l, err := Listen("unix://"+path, ListenOptions{})
	if err != nil {
		t.Fatalf("where a dead server was: %v", err)
	}
	defer l.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if second, err := Listen("unix://"+path, ListenOptions{}); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("a second server: %v, %v", second, err)
	}
}
