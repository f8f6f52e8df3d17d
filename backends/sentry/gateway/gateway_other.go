//go:build !(linux && (amd64 || arm64))

package gateway

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/anykernel/anykernel/hypercall"
)

// A Config says what a gateway is like.
type Config struct {
	Addrs []netip.Prefix
	MTU   int
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	DNS   string
	DHCP  bool
}

// A Gateway is one that runs, which none does on this platform.
type Gateway struct{}

// New fails: gVisor's adapter is built for Linux on amd64 and arm64.
func New(hypercall.Net, Config) (*Gateway, error) { return nil, errors.ErrUnsupported }

// Forward fails.
func (*Gateway) Forward(from, to string) (net.Listener, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (*Gateway) Close() error { return nil }
