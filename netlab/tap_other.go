//go:build !linux

package netlab

import (
	"context"
	"errors"
	"io"
	"net/netip"

	"github.com/anykernel/anykernel/hypercall"
)

// kindTap is a device that only Linux has.
const kindTap = "tap"

func openTap(context.Context, string, hypercall.Net, []netip.Prefix) (io.Closer, error) {
	return nil, errors.ErrUnsupported
}
