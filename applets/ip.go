package applets

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/sys/netif"
)

var ip = &Applet{
	Name:     "ip",
	Summary:  "show and change interfaces, addresses and routes",
	Synopsis: "link | addr | route [show | add | del | set ...]",
	raw:      true,
	flags:    simple(runIP),
}

// An ipCommand is what stands behind "ip", such as "addr add".
type ipCommand struct {
	object, verb, usage string
	min                 int // operands
	run                 func(n netif.Net, j *job, args []string) error
}

// ipCommands is all of them; the first of an object is what it does by itself.
var ipCommands []ipCommand

func init() {
	ipCommands = []ipCommand{
		{"link", "show", "[[dev] NAME]", 0, showLinks},
		{"link", "set", "[dev] NAME up | down | mtu N | name NEW", 2, setLink},
		{"link", "add", "NAME type KIND", 3, addLink},
		{"link", "del", "NAME", 1, deleteLink},
		{"addr", "show", "[[dev] NAME]", 0, showAddresses},
		{"addr", "add", "ADDRESS/BITS dev NAME", 3, changeAddress(netif.Net.AddAddress)},
		{"addr", "del", "ADDRESS/BITS dev NAME", 3, changeAddress(netif.Net.DeleteAddress)},
		{"route", "show", "", 0, showRoutes},
		{"route", "add", "NETWORK | default [via GATEWAY] [dev NAME] [metric N]", 1, changeRoute(netif.Net.AddRoute)},
		{"route", "del", "NETWORK | default [via GATEWAY] [dev NAME] [metric N]", 1, changeRoute(netif.Net.DeleteRoute)},
	}
}

func runIP(j *job, args []string) error {
	c, args, err := findIP(args)
	if err != nil {
		return err
	}
	if len(args) < c.min {
		return usagef("it is ip %s %s %s", c.object, c.verb, c.usage)
	}
	n, err := j.network()
	if err != nil {
		return err
	}
	defer n.Close()
	return c.run(n, j, args)
}

// network is the kernel's interfaces and routes.
func (j *job) network() (netif.Net, error) {
	n, err := netif.Dial(j.p)
	if err != nil {
		return nil, fmt.Errorf("no network to configure on this kernel: %s", message(err))
	}
	return n, nil
}

// findIP finds the command. Objects may be shortened, as in "ip a".
func findIP(args []string) (*ipCommand, []string, error) {
	if len(args) == 0 {
		return nil, nil, usagef("missing operand: link, addr or route")
	}
	object := strings.TrimSuffix(args[0], "ess")
	i := slices.IndexFunc(ipCommands, func(c ipCommand) bool { return strings.HasPrefix(c.object, object) })
	if i < 0 {
		return nil, nil, usagef("%q is none of link, addr and route", args[0])
	}
	object, args = ipCommands[i].object, args[1:]
	if len(args) == 0 {
		return &ipCommands[i], nil, nil
	}
	alias := map[string]string{"list": "show", "ls": "show", "delete": "del"}
	verb := args[0]
	if name, ok := alias[verb]; ok {
		verb = name
	}
	for i := range ipCommands {
		if c := &ipCommands[i]; c.object == object && c.verb == verb {
			return c, args[1:], nil
		}
	}
	return nil, nil, usagef("ip %s has no command %q", object, args[0])
}

// words reads operands that are pairs of a keyword and its value.
func words(args []string, keys ...string) (map[string]string, error) {
	values := map[string]string{}
	for ; len(args) > 0; args = args[2:] {
		if !slices.Contains(keys, args[0]) {
			return nil, usagef("unknown operand %q; there are %s", args[0], strings.Join(keys, ", "))
		}
		if len(args) == 1 {
			return nil, usagef("the value behind %q is missing", args[0])
		}
		values[args[0]] = args[1]
	}
	return values, nil
}

// device is args without a "dev" in front.
func device(args []string) []string {
	if len(args) > 1 && args[0] == "dev" {
		return args[1:]
	}
	return args
}

// interfacesNamed is the interface that args name, or all.
func interfacesNamed(n netif.Net, args []string) ([]netif.Interface, error) {
	args = device(args)
	if len(args) == 0 {
		return n.Interfaces()
	}
	if err := operands(args, 0, 1); err != nil {
		return nil, err
	}
	i, err := interfaceNamed(n, args[0])
	return []netif.Interface{i}, err
}

func interfaceNamed(n netif.Net, name string) (netif.Interface, error) {
	i, err := netif.Find(n, name)
	if err != nil {
		return i, fmt.Errorf("interface %q: %s", name, message(err))
	}
	return i, nil
}

func showLinks(n netif.Net, j *job, args []string) error {
	list, err := interfacesNamed(n, args)
	if err != nil {
		return err
	}
	for i := range list {
		j.printLink(&list[i])
	}
	return nil
}

func (j *job) printLink(i *netif.Interface) {
	j.printf("%d: %s: <%s> mtu %d state %s\n", i.Index, i.Name, strings.Join(i.Flags, ","), i.MTU, i.State)
	kind := "ether"
	if i.Has("LOOPBACK") {
		kind = "loopback"
	}
	j.printf("    link/%s", kind)
	if len(i.HardwareAddr) > 0 {
		j.printf(" %s", i.HardwareAddr)
	}
	j.printf("\n")
}

func setLink(n netif.Net, j *job, args []string) error {
	args = device(args)
	name := args[0]
	if _, err := interfaceNamed(n, name); err != nil {
		return err
	}
	for args = args[1:]; len(args) > 0; args = args[1:] {
		var err error
		switch args[0] {
		case "up", "down":
			err = n.SetUp(name, args[0] == "up")
		case "mtu", "name":
			if len(args) == 1 {
				return usagef("the value behind %q is missing", args[0])
			}
			err = setLinkValue(n, name, args[0], args[1])
			args = args[1:]
		default:
			return usagef("unknown operand %q; there are up, down, mtu and name", args[0])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func setLinkValue(n netif.Net, name, key, value string) error {
	if key == "name" {
		return n.Rename(name, value)
	}
	mtu, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return usagef("mtu %q is no number of bytes", value)
	}
	return n.SetMTU(name, int(mtu))
}

func addLink(n netif.Net, j *job, args []string) error {
	v, err := words(args[1:], "type")
	if err != nil {
		return err
	}
	return n.Create(args[0], v["type"])
}

func deleteLink(n netif.Net, j *job, args []string) error {
	name := device(args)[0]
	if _, err := interfaceNamed(n, name); err != nil {
		return err
	}
	return n.Destroy(name)
}

func showAddresses(n netif.Net, j *job, args []string) error {
	list, err := interfacesNamed(n, args)
	if err != nil {
		return err
	}
	addrs, err := n.Addresses()
	if err != nil {
		return err
	}
	for i := range list {
		j.printLink(&list[i])
		j.printAddresses(addrs, list[i].Name)
	}
	return nil
}

// printAddresses prints those of an interface.
func (j *job) printAddresses(addrs []netif.Address, name string) {
	for _, a := range addrs {
		if a.Interface != name {
			continue
		}
		family := "inet"
		if a.Prefix.Addr().Is6() {
			family = "inet6"
		}
		j.printf("    %s %s", family, a.Prefix)
		if a.Broadcast.IsValid() {
			j.printf(" brd %s", a.Broadcast)
		}
		j.printf(" scope %s\n", a.Scope)
	}
}

func changeAddress(change func(netif.Net, string, netip.Prefix) error) func(netif.Net, *job, []string) error {
	return func(n netif.Net, j *job, args []string) error {
		p, err := netip.ParsePrefix(args[0])
		if err != nil {
			return usagef("%q is no address with the length of its network, such as 10.0.0.1/24", args[0])
		}
		v, err := words(args[1:], "dev")
		if err != nil {
			return err
		}
		if _, err := interfaceNamed(n, v["dev"]); err != nil {
			return err
		}
		return change(n, v["dev"], p)
	}
}

func showRoutes(n netif.Net, j *job, args []string) error {
	if err := operands(args, 0, 0); err != nil {
		return err
	}
	routes, err := n.Routes()
	for i := range routes {
		j.printRoute(&routes[i])
	}
	return err
}

func (j *job) printRoute(r *netif.Route) {
	dst := r.Dst.String()
	if !r.Dst.IsValid() || r.Dst.Bits() == 0 {
		dst = "default"
	}
	j.printf("%s", dst)
	if r.Gateway.IsValid() {
		j.printf(" via %s", r.Gateway)
	}
	if r.Interface != "" {
		j.printf(" dev %s", r.Interface)
	}
	if r.Source.IsValid() {
		j.printf(" src %s", r.Source)
	}
	if r.Metric != 0 {
		j.printf(" metric %d", r.Metric)
	}
	j.printf("\n")
}

func changeRoute(change func(netif.Net, netif.Route) error) func(netif.Net, *job, []string) error {
	return func(n netif.Net, j *job, args []string) error {
		v, err := words(args[1:], "via", "dev", "metric")
		if err != nil {
			return err
		}
		r, err := parseRoute(args[0], v)
		if err != nil {
			return usageError{err}
		}
		if r.Interface != "" {
			if _, err := interfaceNamed(n, r.Interface); err != nil {
				return err
			}
		}
		return change(n, r)
	}
}

func parseRoute(dst string, v map[string]string) (r netif.Route, err error) {
	r.Interface = v["dev"]
	if via := v["via"]; via != "" {
		if r.Gateway, err = netip.ParseAddr(via); err != nil {
			return r, fmt.Errorf("via: %q is no address", via)
		}
	}
	if metric := v["metric"]; metric != "" {
		if r.Metric, err = strconv.Atoi(metric); err != nil {
			return r, fmt.Errorf("metric: %q is no number", metric)
		}
	}
	if r.Dst, err = routeTarget(dst, r.Gateway); err != nil {
		return r, err
	}
	if v["via"] == "" && v["dev"] == "" {
		return r, errors.New("where to is missing: via GATEWAY or dev NAME")
	}
	return r, nil
}

// routeTarget is a network, a single address, or with "default" everything
// that the gateway's protocol reaches.
func routeTarget(text string, gateway netip.Addr) (netip.Prefix, error) {
	if text == "default" {
		if gateway.Is6() {
			return netip.PrefixFrom(netip.IPv6Unspecified(), 0), nil
		}
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), nil
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%q is no network, such as 10.1.0.0/16, and not \"default\"", text)
	}
	return p.Masked(), nil
}
