package netlab

import (
	"context"
	"io"
	"net/netip"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/vnet"
)

// kindTap is the device that is an interface of the host, which has the node's
// name.
const kindTap = "tap"

func openTap(_ context.Context, node string, nic hypercall.Net, _ []netip.Prefix) (io.Closer, error) {
	return vnet.AttachTap(nic, node)
}
