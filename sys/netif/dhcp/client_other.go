//go:build !linux

package dhcp

import (
	"context"
	"fmt"
	"net"

	"github.com/anykernel/anykernel/sys"
)

// Request needs github.com/insomniacslk/dhcp's client, which builds on Linux
// alone: elsewhere it is [sys.ErrNotSupported].
func Request(_ context.Context, _ *sys.Process, name string, _ net.HardwareAddr) (Lease, error) {
	return Lease{}, fmt.Errorf("DHCP on %s: %w", name, sys.ErrNotSupported)
}
