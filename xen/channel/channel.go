//go:build linux

package channel

import (
	"net/netip"

	"github.com/anykernel/anykernel/xen/netstack"
)

// Where the two ends are on their link: addresses for documents (RFC 5737), so
// that they are nobody's.
var (
	hostAddr  = netip.MustParsePrefix("192.0.2.1/30")
	guestAddr = netip.MustParsePrefix("192.0.2.2/30")
)

const (
	servicePort = 2 // of the guest: for the connections of Dial
	controlPort = 1 // of the host: the guest says there that it is ready
)

// MaxReport bounds what a guest says when it is ready, or why it is not.
const MaxReport = 4 << 10

// ready is what a guest says that serves; anything else is why it does not.
const ready = "ready\n"

func at(a netip.Prefix, port uint16) string { return netip.AddrPortFrom(a.Addr(), port).String() }

func config(a netip.Prefix) netstack.Config { return netstack.Config{Addr: a} }
