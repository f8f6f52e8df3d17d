package nl_test

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/host"
	"github.com/anykernel/anykernel/backends/kerneltest"
	_ "github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/linux/nl"
)

// each runs test with a connection to every kernel that has netlink.
func each(t *testing.T, test func(t *testing.T, k *sys.Kernel, r *nl.Route)) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		kerneltest.Need(t, k, backends.Netlink)
		r, err := nl.DialRoute(k.Init())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		test(t, k, r)
	})
}

func TestLinks(t *testing.T) {
	each(t, func(t *testing.T, k *sys.Kernel, r *nl.Route) {
		lo, err := r.Link("lo")
		if err != nil {
			t.Fatal(err)
		}
		if lo.Index == 0 || lo.Flags&nl.IFF_LOOPBACK == 0 || lo.MTU == 0 || lo.Type != 772 {
			t.Errorf("lo is %+v", lo)
		}
		s, err := k.Init().Socket(sys.AF_INET, sys.SOCK_DGRAM|sys.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if index, err := s.InterfaceIndex("lo"); err != nil || index != lo.Index {
			t.Errorf("lo has index %d by ioctl and %d by netlink, %v", index, lo.Index, err)
		}
		if _, err := r.Link("nonesuch"); err == nil {
			t.Error("there is an interface nonesuch")
		}
	})
}

func TestAddressesAndRoutes(t *testing.T) {
	each(t, func(t *testing.T, k *sys.Kernel, r *nl.Route) {
		addrs, err := r.Addresses()
		if err != nil {
			t.Fatal(err)
		}
		loopback := netip.MustParsePrefix("127.0.0.1/8")
		if !slices.ContainsFunc(addrs, func(a nl.Address) bool { return a.Prefix == loopback }) {
			t.Errorf("no %v among %+v", loopback, addrs)
		}
		if _, err := r.Routes(); err != nil {
			t.Error(err)
		}
		if err := r.SetUp(99999, true); !errors.Is(err, sys.ENODEV) {
			t.Errorf("an interface that is not there: %v, want ENODEV", err)
		}
		if err := r.AddAddress(1, netip.Prefix{}); err == nil {
			t.Error("no address was added")
		}
	})
}

// TestConfigure changes the network of kernels that nobody else sees.
func TestConfigure(t *testing.T) {
	each(t, func(t *testing.T, k *sys.Kernel, r *nl.Route) {
		kerneltest.Need(t, k, backends.Isolated)
		lo, err := r.Link("lo")
		if err != nil {
			t.Fatal(err)
		}
		p := netip.MustParsePrefix("10.1.2.3/24")
		if err := r.AddAddress(lo.Index, p); err != nil {
			t.Fatal(err)
		}
		if err := r.AddAddress(lo.Index, p); !errors.Is(err, sys.EEXIST) {
			t.Errorf("adding an address twice: %v, want EEXIST", err)
		}
		has := func() bool {
			addrs, err := r.Addresses()
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(addrs, func(a nl.Address) bool { return a.Prefix == p && a.Index == lo.Index })
		}
		if !has() {
			t.Errorf("%v was added and is not there", p)
		}
		l, err := k.Init().Listen(t.Context(), "tcp", "10.1.2.3:0")
		if err != nil {
			t.Errorf("listening on the address: %v", err)
		} else {
			l.Close()
		}
		if err := r.DeleteAddress(lo.Index, p); err != nil || has() {
			t.Errorf("%v was deleted: still there %v, %v", p, has(), err)
		}
	})
}

func TestReceiveWaitsWithoutAThread(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		kerneltest.Need(t, k, backends.Netlink)
		c, err := nl.Dial(k.Init(), 0, 1) // RTMGRP_LINK
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Receive(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("receive past the deadline: %v", err)
		}
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := c.Receive()
			done <- err
		}()
		time.Sleep(10 * time.Millisecond)
		c.Close()
		if err := <-done; err == nil {
			t.Error("receive on a closed connection succeeded")
		}
	})
}

// TestNamespace configures a network of its own, on the host too.
func TestNamespace(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		kerneltest.Need(t, k, backends.Namespaces, backends.Processes)
		p, err := k.NewProcess(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		newNet, _ := k.ABI().Const("CLONE_NEWNET")
		if _, err := p.Call("unshare", backends.Int(uintptr(newNet))); errors.Is(err, sys.EPERM) {
			t.Skip("a network namespace needs root:", err)
		} else if err != nil {
			t.Fatal(err)
		}
		r, err := nl.DialRoute(p)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		links, err := r.Links()
		if err != nil || len(links) != 1 || links[0].Name != "lo" {
			t.Fatalf("a new namespace has the links %+v, %v", links, err)
		}
		if err := r.SetUp(links[0].Index, true); err != nil {
			t.Error(err)
		}
		if lo, err := r.Link("lo"); err != nil || lo.Flags&nl.IFF_UP == 0 {
			t.Errorf("lo was brought up and is %v, %v", lo.Flags, err)
		}
		testNewLink(t, r)
		// Nothing of it is seen outside.
		outside, err := nl.DialRoute(k.Init())
		if err != nil {
			t.Fatal(err)
		}
		defer outside.Close()
		if _, err := outside.Link("ak0"); err == nil {
			t.Error("the link is in the first process's network too")
		}
	})
}

// testNewLink makes an interface with an address and a route, and takes all
// of it back.
func testNewLink(t *testing.T, r *nl.Route) {
	err := r.AddLink("ak0", "dummy")
	if errors.Is(err, sys.EOPNOTSUPP) {
		err = r.AddLink("ak0", "bridge") // gVisor has no dummies
	}
	if err != nil {
		t.Fatal(err)
	}
	l, err := r.Link("ak0")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.AddLink("ak0", l.Kind); err == nil {
		t.Error("a link was made twice")
	}
	if err := errors.Join(r.SetMTU(l.Index, 1400), r.SetUp(l.Index, true)); err != nil {
		t.Error(err)
	}
	// gVisor counts the Ethernet header in what it is told, and not in what it tells.
	if l, err := r.Link("ak0"); err != nil || l.MTU != 1400 && l.MTU != 1400-14 || l.Flags&nl.IFF_UP == 0 {
		t.Errorf("the link is %+v, %v", l, err)
	}
	p := netip.MustParsePrefix("10.9.8.7/24")
	if err := r.AddAddress(l.Index, p); err != nil {
		t.Fatal(err)
	}
	route := nl.RouteEntry{Dst: netip.MustParsePrefix("10.77.0.0/16"), Gateway: netip.MustParseAddr("10.9.8.1"), Index: l.Index}
	if err := r.AddRoute(route); err != nil {
		t.Error(err)
	} else {
		if !hasRoute(t, r, route) {
			t.Error("the route was added and is not there")
		}
		if err := r.DeleteRoute(route); err != nil || hasRoute(t, r, route) {
			t.Errorf("the route was deleted: %v", err)
		}
	}
	if err := r.DeleteLink(l.Index); err != nil {
		t.Error(err)
	}
	if _, err := r.Link("ak0"); err == nil {
		t.Error("the link was deleted and is there")
	}
}

func hasRoute(t *testing.T, r *nl.Route, want nl.RouteEntry) bool {
	t.Helper()
	routes, err := r.Routes()
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(routes, func(e nl.RouteEntry) bool {
		return e.Dst == want.Dst && e.Gateway == want.Gateway && e.Index == want.Index
	})
}
