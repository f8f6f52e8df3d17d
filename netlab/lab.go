package netlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/vnet"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/netif"
)

// A Config says how a lab is opened. The zero Config is valid.
type Config struct {
	// Kernel is the specification of nodes of which the topology does not say
	// what they are; "" is "sentry".
	Kernel string
	// Network is the seed and the clock of the network.
	Network vnet.Config
	// Node is what a kernel is opened with besides its interfaces: console,
	// log, host, hooks. nil: nothing.
	Node func(name string) backends.Config
	// Devices are further kinds of nodes by name, which are no kernels: "tap" is
	// there already. A node whose name begins with that of a kind is of that
	// kind, where nothing else is said. The kind "nat" leads to everywhere: all
	// others have their default route and their name server there, such as a
	// Gateway of backends/sentry/gateway is.
	Devices map[string]Device
}

// A Device plugs something into an interface. The addresses are those that the
// topology gives it. What it returns is closed with the lab.
type Device func(ctx context.Context, node string, nic hypercall.Net, addrs []netip.Prefix) (io.Closer, error)

// kindNAT is the device that leads to everywhere.
const kindNAT = "nat"

const defaultKernel = "sentry"

// A Lab is kernels on a network. Its methods are safe for concurrent use.
type Lab struct {
	*vnet.Wiring
	plan    *plan
	cfg     Config
	kernels map[string]*sys.Kernel
	order   []string
	devices []io.Closer
}

// Open opens the kernels of a topology and joins them. Behind a node's name
// stand the specification of its kernel, such as sentry or
// rump?ncpu=2, and options:
//
//   - mtu=9000 is the size of the largest packets of its interfaces, 68 to 32768;
//   - ip=10.0.0.1/24,fd00::1/64 are the addresses of its first interface;
//   - ip=none leaves it without, for DHCP.
//
// Options of one interface among several name the node that its link leads to:
// mtu@sw=1400. Interfaces of which nothing is said have the addresses
// 10.N.0.I and fd00:0:0:N::I, where N counts networks and I interfaces on one,
// in the order in which the topology names them. Nodes know each other by
// name, and the way to each other; those with several interfaces are routers.
func Open(ctx context.Context, topology string, c Config) (*Lab, error) {
	top, err := vnet.ParseTopology(topology)
	if err != nil {
		return nil, err
	}
	p, err := newPlan(top)
	if err != nil {
		return nil, err
	}
	w, err := top.Build(c.Network)
	if err != nil {
		return nil, err
	}
	if c.Kernel == "" {
		c.Kernel = defaultKernel
	}
	l := &Lab{Wiring: w, plan: p, cfg: c, kernels: map[string]*sys.Kernel{}}
	for _, s := range p.stations {
		if err := l.open(ctx, s); err != nil {
			return nil, errors.Join(fmt.Errorf("node %q: %w", s.Name, err), l.Close())
		}
	}
	return l, nil
}

// kind is the name of the device that a station is; "" where it is a kernel.
func (l *Lab) kind(s *station) string {
	for _, name := range append(sortedKeys(l.cfg.Devices), kindTap) {
		if s.Kind == name || s.Kind == "" && strings.HasPrefix(s.Name, name) {
			return name
		}
	}
	return ""
}

func sortedKeys(m map[string]Device) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (l *Lab) open(ctx context.Context, s *station) error {
	kind := l.kind(s)
	if kind == "" {
		return l.openKernel(ctx, s)
	}
	if len(s.ifaces) != 1 {
		return fmt.Errorf("a %s has one link, not %d", kind, len(s.ifaces))
	}
	device := l.cfg.Devices[kind]
	if device == nil {
		device = openTap
	}
	d, err := device(ctx, s.Name, l.Port(s.Name, s.ifaces[0].link), s.ifaces[0].addrs)
	if err != nil {
		return err
	}
	l.devices = append(l.devices, d)
	return nil
}

func (l *Lab) openKernel(ctx context.Context, s *station) error {
	spec := s.Kind
	if spec == "" {
		spec = l.cfg.Kernel
	}
	var cfg backends.Config
	if l.cfg.Node != nil {
		cfg = l.cfg.Node(s.Name)
	}
	for _, i := range s.ifaces {
		cfg.NICs = append(cfg.NICs, backends.NIC{Net: l.Port(s.Name, i.link), MTU: i.mtu})
	}
	k, err := sys.OpenConfig(ctx, spec, cfg)
	if err != nil {
		return err
	}
	l.kernels[s.Name] = k
	l.order = append(l.order, s.Name)
	return l.configure(s, k.Init())
}

// configure tells a kernel who it is, where it is and who the others are.
func (l *Lab) configure(s *station, p *sys.Process) error {
	for n, i := range s.ifaces {
		name, err := netif.Name(p, n)
		if err != nil {
			return err
		}
		if err := netif.Configure(p, name, netif.Config{Addrs: i.addrs}); err != nil {
			return err
		}
	}
	if s.isBare() {
		return l.writeHosts(p)
	}
	for _, h := range l.plan.routes(s, l.wayOut()) {
		if err := netif.AddRoute(p, h.to, h.via); err != nil {
			return err
		}
	}
	if s.isRouter() {
		if err := netif.Forward(p); err != nil {
			return err
		}
	}
	return l.writeNames(p)
}

// wayOut is the first station that leads outside; nil where there is none.
func (l *Lab) wayOut() *station {
	for _, s := range l.plan.stations {
		if l.kind(s) == kindNAT {
			return s
		}
	}
	return nil
}

// writeNames writes /etc/hosts, and /etc/resolv.conf where the way out knows more
// names.
func (l *Lab) writeNames(p *sys.Process) error {
	if err := l.writeHosts(p); err != nil {
		return err
	}
	if out := l.wayOut(); out != nil && len(out.ifaces) > 0 {
		if a, ok := out.ifaces[0].address(true); ok {
			return p.WriteFile("/etc/resolv.conf", []byte("nameserver "+a.Addr().String()+"\n"), 0o644)
		}
	}
	return nil
}

func (l *Lab) writeHosts(p *sys.Process) error {
	if err := p.Mkdir("/etc", 0o755); err != nil && !errors.Is(err, sys.EEXIST) {
		return err
	}
	return p.WriteFile("/etc/hosts", []byte(l.plan.hosts()), 0o644)
}

// Nodes is the names of the kernels, in the order of the topology.
func (l *Lab) Nodes() []string { return slices.Clone(l.order) }

// Kernel is the kernel of a node; nil where no kernel has that name.
func (l *Lab) Kernel(node string) *sys.Kernel { return l.kernels[node] }

// Addrs is the addresses of a node, those of its first interface first.
func (l *Lab) Addrs(node string) []netip.Prefix {
	var addrs []netip.Prefix
	for _, s := range l.plan.stations {
		if s.Name != node {
			continue
		}
		for _, i := range s.ifaces {
			addrs = append(addrs, i.addrs...)
		}
	}
	return addrs
}

// Close closes the kernels, and then the network.
func (l *Lab) Close() error {
	var all []error
	for _, name := range slices.Backward(l.order) {
		all = append(all, l.kernels[name].Close())
	}
	l.order = nil
	for _, d := range l.devices {
		all = append(all, d.Close())
	}
	l.devices = nil
	return errors.Join(append(all, l.Wiring.Close())...)
}
