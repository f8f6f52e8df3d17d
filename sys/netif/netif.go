package netif

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/anykernel/anykernel/sys"
)

// A Net is the interfaces and routes of one kernel. Close ends what they are
// asked by.
type Net interface {
	Interfaces() ([]Interface, error)
	Addresses() ([]Address, error)
	// Routes is the routes to networks, without those that the kernel keeps of
	// its own addresses and single neighbours.
	Routes() ([]Route, error)

	SetUp(name string, up bool) error
	SetMTU(name string, mtu int) error
	Rename(name, to string) error
	// Create makes a virtual interface of a kind that the kernel knows, such
	// as "bridge" or "dummy". Where the kind is in the name, as "bridge0" of
	// NetBSD's, it may be empty.
	Create(name, kind string) error
	Destroy(name string) error
	// AddAddress adds an address that can be used at once: nobody is asked
	// whether somebody else has it.
	AddAddress(name string, a netip.Prefix) error
	DeleteAddress(name string, a netip.Prefix) error
	AddRoute(Route) error
	DeleteRoute(Route) error
	// Forward makes the kernel a router: it sends on what is for others.
	Forward() error

	Close() error
}

// Dial is the network of p's kernel. Its calls are made by p.
func Dial(p *sys.Process) (Net, error) {
	switch os := p.Kernel().ABI().OS; os {
	case "linux":
		return dialLinux(p)
	case "netbsd":
		return netBSD{p}, nil
	default:
		return nil, fmt.Errorf("interfaces of %s: %w", os, sys.ErrNotSupported)
	}
}

// Find is the interface of that name.
func Find(n Net, name string) (Interface, error) {
	list, err := n.Interfaces()
	if err != nil {
		return Interface{}, err
	}
	var names []string
	for _, i := range list {
		if i.Name == name {
			return i, nil
		}
		names = append(names, i.Name)
	}
	return Interface{}, fmt.Errorf("no interface %q; there are %s", name, strings.Join(names, ", "))
}

func with(p *sys.Process, f func(Net) error) error {
	n, err := Dial(p)
	if err != nil {
		return err
	}
	defer n.Close()
	return f(n)
}

// A Config is what an interface is to be like.
type Config struct {
	// Addrs are added to those that the interface has.
	Addrs []netip.Prefix
	// MTU is the size of the largest packet; 0 leaves it as it is.
	MTU int
}

// Configure sets the MTU of an interface, brings it up and adds addresses, which
// can be used at once: nobody is asked whether somebody else has them.
func Configure(p *sys.Process, name string, c Config) error {
	return with(p, func(n Net) error {
		if c.MTU != 0 {
			if err := n.SetMTU(name, c.MTU); err != nil {
				return fmt.Errorf("MTU %d of %s: %w", c.MTU, name, err)
			}
		}
		if err := n.SetUp(name, true); err != nil {
			return fmt.Errorf("bring %s up: %w", name, err)
		}
		for _, a := range c.Addrs {
			if !a.IsValid() {
				return fmt.Errorf("address of %s: %v is none with its network", name, a)
			}
			if err := n.AddAddress(name, a); err != nil {
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
	return with(p, func(n Net) error {
		if err := n.AddRoute(Route{Dst: to.Masked(), Gateway: via}); err != nil {
			return fmt.Errorf("route to %v by %v: %w", to, via, err)
		}
		return nil
	})
}

// Forward makes the kernel a router: it sends on what is for others.
func Forward(p *sys.Process) error {
	return with(p, func(n Net) error {
		if err := n.Forward(); err != nil {
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
