package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/sysproxy"
)

// A dialer makes connections to a server: one for each process.
type dialer func(ctx context.Context) (net.Conn, error)

// dialerOf is the dialer that a specification describes.
func dialerOf(s backends.Spec) (dialer, error) {
	if len(s.Args) != 1 {
		return nil, fmt.Errorf("%d addresses: want one", len(s.Args))
	}
	addr, err := sysproxy.ParseAddress(s.Args[0])
	if err != nil {
		return nil, err
	}
	if insecure, _ := s.Get("insecure"); !addr.Private() && insecure != "1" {
		return nil, fmt.Errorf("%s: everybody between here and there could read and change what goes over it: use tls://, or insecure=1", addr)
	}
	var d net.Dialer
	if !addr.TLS {
		return func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, addr.Network, addr.Address) }, nil
	}
	config, err := tlsConfig(s)
	if err != nil {
		return nil, err
	}
	t := &tls.Dialer{NetDialer: &d, Config: config}
	return func(ctx context.Context) (net.Conn, error) { return t.DialContext(ctx, addr.Network, addr.Address) }, nil
}

// tlsConfig is that of the options ca, cert and key.
func tlsConfig(s backends.Spec) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	if file, ok := s.Get("ca"); ok {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no certificate in it", file)
		}
	}
	cert, hasCert := s.Get("cert")
	key, hasKey := s.Get("key")
	if hasCert != hasKey {
		return nil, errors.New("cert and key go together")
	}
	if hasCert {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
