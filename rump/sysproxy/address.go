package sysproxy

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// An Address is where a server listens, in the form that RUMP_SERVER has:
// unix://path, tcp://a.b.c.d:port, and tls://host:port for TCP under TLS,
// which librumpclient does not know.
type Address struct {
	Network string // "unix" or "tcp"
	Address string // as net.Dial takes it
	TLS     bool
}

// maxPath is the size of sun_path on Linux, with its NUL; other systems have
// less, and say so.
const maxPath = 108

// ParseAddress reads an address.
func ParseAddress(text string) (Address, error) {
	bad := func(why string) (Address, error) {
		return Address{}, fmt.Errorf("address %q: %s", text, why)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return bad("want unix://PATH, tcp://HOST:PORT or tls://HOST:PORT")
	}
	switch scheme {
	case "unix":
		if rest == "" || len(rest) >= maxPath || strings.ContainsRune(rest, 0) {
			return bad(fmt.Sprintf("a path has 1 to %d bytes", maxPath-1))
		}
		return Address{"unix", rest, false}, nil
	case "tcp", "tls":
		host, port, err := net.SplitHostPort(strings.TrimSuffix(rest, "/"))
		if err != nil {
			return bad("want " + scheme + "://HOST:PORT")
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return bad("a port is a number from 0 to 65535")
		}
		if host == "*" || host == "0" {
			host = "0.0.0.0" // as librumpuser has it
		}
		return Address{"tcp", net.JoinHostPort(host, port), scheme == "tls"}, nil
	}
	return bad("there are unix, tcp and tls")
}

// String is the form that ParseAddress reads.
func (a Address) String() string {
	scheme := a.Network
	if a.TLS {
		scheme = "tls"
	}
	return scheme + "://" + a.Address
}

// Private reports whether what goes over the connection stays on this machine,
// or is encrypted.
func (a Address) Private() bool {
	if a.Network != "tcp" || a.TLS {
		return true
	}
	host, _, err := net.SplitHostPort(a.Address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
