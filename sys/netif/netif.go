package netif

import (
	"fmt"
	"net/netip"

	"github.com/anykernel/anykernel/sys"
)

// A Config is what an interface is to be like.
type Config struct {
	// Addrs are added to those that the interface has.
	Addrs []netip.Prefix
	// MTU is the size of the largest packet; 0 leaves it as it is.
	MTU int
}

// A configurer does it in the way of one kernel. Close ends what it is done by.
type configurer interface {
	setMTU(name string, mtu int) error
	addAddress(name string, a netip.Prefix) error
	setUp(name string) error
	addRoute(to netip.Prefix, via netip.Addr) error
	setForwarding() error
	Close() error
}

// dial is the way of p's kernel.
func dial(p *sys.Process) (configurer, error) {
	switch os := p.Kernel().ABI().OS; os {
	case "linux":
		return dialLinux(p)
	case "netbsd":
		return netBSD{p}, nil
	default:
		return nil, fmt.Errorf("interfaces of %s: %w", os, sys.ErrNotSupported)
	}
}

func with(p *sys.Process, f func(configurer) error) error {
	c, err := dial(p)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

// Configure sets the MTU of an interface, brings it up and adds addresses, which
// can be used at once: nobody is asked whether somebody else has them.
func Configure(p *sys.Process, name string, c Config) error {
	return with(p, func(k configurer) error {
		if c.MTU != 0 {
			if err := k.setMTU(name, c.MTU); err != nil {
				return fmt.Errorf("MTU %d of %s: %w", c.MTU, name, err)
			}
		}
		if err := k.setUp(name); err != nil {
			return fmt.Errorf("bring %s up: %w", name, err)
		}
		for _, a := range c.Addrs {
			if !a.IsValid() {
				return fmt.Errorf("address of %s: %v is none with its network", name, a)
			}
			if err := k.addAddress(name, a); err != nil {
				return fmt.Errorf("address %v of %s: %w", a, name, err)
			}
		}
		return nil
	})
}

// AddRoute has packets to a network go by a gateway.
func AddRoute(p *sys.Process, to netip.Prefix, via netip.Addr) error {
	if !to.IsValid() || to.Addr().Is4() != via.Is4() {
		return fmt.Errorf("route to %v by %v: want a network and an address of one kind", to, via)
	}
	return with(p, func(k configurer) error {
		if err := k.addRoute(to.Masked(), via); err != nil {
			return fmt.Errorf("route to %v by %v: %w", to, via, err)
		}
		return nil
	})
}

// Forward makes the kernel a router: it sends on what is for others.
func Forward(p *sys.Process) error {
	return with(p, func(k configurer) error {
		if err := k.setForwarding(); err != nil {
			return fmt.Errorf("forward packets: %w", err)
		}
		return nil
	})
}

// Name is what p's kernel calls the i-th interface, from 0, of those that it was
// opened with (NICs of backends.Config).
func Name(p *sys.Process, i int) (string, error) {
	prefix, ok := map[string]string{"linux": "eth", "netbsd": "virt"}[p.Kernel().ABI().OS]
	if !ok {
		return "", fmt.Errorf("interfaces of %s: %w", p.Kernel().ABI().OS, sys.ErrNotSupported)
	}
	return fmt.Sprint(prefix, i), nil
}
