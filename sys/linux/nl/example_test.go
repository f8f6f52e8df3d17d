package nl_test

import (
	"context"
	"fmt"
	"net/netip"

	_ "github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/linux/nl"
)

func Example() {
	k, err := sys.Open(context.Background(), "sentry")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer k.Close()
	r, err := nl.DialRoute(k.Init())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	lo, err := r.Link("lo")
	if err == nil {
		err = r.AddAddress(lo.Index, netip.MustParsePrefix("10.0.0.1/24"))
	}
	fmt.Println(lo.Name, lo.Flags&nl.IFF_LOOPBACK, err)
	// Output: lo LOOPBACK <nil>
}
