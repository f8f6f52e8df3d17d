package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/anykernel/anykernel/rump/sysproxy"
)

// ListenOptions say how a server may be reached.
type ListenOptions struct {
	// TLS is for tls:// addresses.
	TLS *tls.Config
	// Insecure allows TCP without TLS on addresses that other machines reach.
	Insecure bool
}

// Listen listens at an address such as unix:///path, tcp://127.0.0.1:port or
// tls://host:port. A Unix socket belongs to its user alone; one that a dead
// server left behind is replaced.
func Listen(address string, o ListenOptions) (net.Listener, error) {
	a, err := sysproxy.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	switch {
	case a.TLS && o.TLS == nil:
		return nil, fmt.Errorf("%s: no certificate for TLS was given", a)
	case a.TLS:
		return tls.Listen(a.Network, a.Address, o.TLS)
	case !a.Private() && !o.Insecure:
		return nil, fmt.Errorf("%s: everybody who reaches this address would be root in the kernel, and nothing is encrypted: use tls://, or say that this is meant", a)
	case a.Network == "unix":
		return listenUnix(a.Address)
	}
	return net.Listen(a.Network, a.Address)
}

func listenUnix(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		if conn, err := net.Dial("unix", path); err == nil {
			conn.Close()
			return nil, fmt.Errorf("%s: another server listens there", path)
		}
		_ = os.Remove(path)
	}
	private := net.ListenConfig{Control: makePrivate}
	l, err := private.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// makePrivate gives a socket the mode that its file will have. Linux heeds that;
// elsewhere the file has the mode of the umask for a moment.
func makePrivate(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) })
}

// URL is the address of a listener, as clients take it.
func URL(l net.Listener, tls bool) string {
	return sysproxy.Address{Network: l.Addr().Network(), Address: l.Addr().String(), TLS: tls}.String()
}
