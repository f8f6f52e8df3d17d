package applets

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/sys/linux/nl"
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
	run                 func(r *nl.Route, j *job, args []string) error
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
		{"addr", "add", "ADDRESS/BITS dev NAME", 3, changeAddress((*nl.Route).AddAddress)},
		{"addr", "del", "ADDRESS/BITS dev NAME", 3, changeAddress((*nl.Route).DeleteAddress)},
		{"route", "show", "", 0, showRoutes},
		{"route", "add", "NETWORK | default [via GATEWAY] [dev NAME] [metric N]", 1, changeRoute((*nl.Route).AddRoute)},
		{"route", "del", "NETWORK | default [via GATEWAY] [dev NAME] [metric N]", 1, changeRoute((*nl.Route).DeleteRoute)},
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
	r, err := nl.DialRoute(j.p)
	if err != nil {
		return fmt.Errorf("no netlink on this kernel: %s", message(err))
	}
	defer r.Close()
	return c.run(r, j, args)
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

// linksNamed is the interface that args name, or all.
func linksNamed(r *nl.Route, args []string) ([]nl.Link, error) {
	args = device(args)
	if len(args) == 0 {
		return r.Links()
	}
	if err := operands(args, 0, 1); err != nil {
		return nil, err
	}
	l, err := linkNamed(r, args[0])
	return []nl.Link{l}, err
}

func linkNamed(r *nl.Route, name string) (nl.Link, error) {
	l, err := r.Link(name)
	if err != nil {
		return l, fmt.Errorf("interface %q: %s", name, message(err))
	}
	return l, nil
}

func showLinks(r *nl.Route, j *job, args []string) error {
	links, err := linksNamed(r, args)
	if err != nil {
		return err
	}
	for i := range links {
		j.printLink(&links[i])
	}
	return nil
}

func (j *job) printLink(l *nl.Link) {
	j.printf("%d: %s: <%s> mtu %d state %s\n", l.Index, l.Name, l.Flags, l.MTU, l.State)
	kind := "ether"
	if l.Flags&nl.IFF_LOOPBACK != 0 {
		kind = "loopback"
	}
	j.printf("    link/%s", kind)
	if len(l.HardwareAddr) > 0 {
		j.printf(" %s", l.HardwareAddr)
	}
	j.printf("\n")
}

func setLink(r *nl.Route, j *job, args []string) error {
	args = device(args)
	l, err := linkNamed(r, args[0])
	if err != nil {
		return err
	}
	for args = args[1:]; len(args) > 0; args = args[1:] {
		switch args[0] {
		case "up", "down":
			err = r.SetUp(l.Index, args[0] == "up")
		case "mtu", "name":
			if len(args) == 1 {
				return usagef("the value behind %q is missing", args[0])
			}
			err = setLinkValue(r, &l, args[0], args[1])
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

func setLinkValue(r *nl.Route, l *nl.Link, key, value string) error {
	if key == "name" {
		return r.Rename(l.Index, value)
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return usagef("mtu %q is no number of bytes", value)
	}
	return r.SetMTU(l.Index, int(n))
}

func addLink(r *nl.Route, j *job, args []string) error {
	v, err := words(args[1:], "type")
	if err != nil {
		return err
	}
	return r.AddLink(args[0], v["type"])
}

func deleteLink(r *nl.Route, j *job, args []string) error {
	args = device(args)
	l, err := linkNamed(r, args[0])
	if err != nil {
		return err
	}
	return r.DeleteLink(l.Index)
}

func showAddresses(r *nl.Route, j *job, args []string) error {
	links, err := linksNamed(r, args)
	if err != nil {
		return err
	}
	addrs, err := r.Addresses()
	if err != nil {
		return err
	}
	for i := range links {
		j.printLink(&links[i])
		for _, a := range addrs {
			if a.Index == links[i].Index {
				j.printAddress(&a)
			}
		}
	}
	return nil
}

func (j *job) printAddress(a *nl.Address) {
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

func changeAddress(change func(*nl.Route, int, netip.Prefix) error) func(*nl.Route, *job, []string) error {
	return func(r *nl.Route, j *job, args []string) error {
		p, err := netip.ParsePrefix(args[0])
		if err != nil {
			return usagef("%q is no address with the length of its network, such as 10.0.0.1/24", args[0])
		}
		v, err := words(args[1:], "dev")
		if err != nil {
			return err
		}
		l, err := linkNamed(r, v["dev"])
		if err != nil {
			return err
		}
		return change(r, l.Index, p)
	}
}

func showRoutes(r *nl.Route, j *job, args []string) error {
	if err := operands(args, 0, 0); err != nil {
		return err
	}
	routes, err := r.Routes()
	if err != nil {
		return err
	}
	links, err := r.Links()
	if err != nil {
		return err
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Index] = l.Name
	}
	for _, e := range routes {
		if e.Table == nl.RT_TABLE_MAIN {
			j.printRoute(&e, names)
		}
	}
	return nil
}

func (j *job) printRoute(e *nl.RouteEntry, names map[int]string) {
	dst := e.Dst.String()
	if !e.Dst.IsValid() || e.Dst.Bits() == 0 {
		dst = "default"
	}
	j.printf("%s", dst)
	if e.Gateway.IsValid() {
		j.printf(" via %s", e.Gateway)
	}
	if name := names[e.Index]; name != "" {
		j.printf(" dev %s", name)
	}
	if e.Source.IsValid() {
		j.printf(" src %s", e.Source)
	}
	if e.Priority != 0 {
		j.printf(" metric %d", e.Priority)
	}
	j.printf("\n")
}

func changeRoute(change func(*nl.Route, nl.RouteEntry) error) func(*nl.Route, *job, []string) error {
	return func(r *nl.Route, j *job, args []string) error {
		v, err := words(args[1:], "via", "dev", "metric")
		if err != nil {
			return err
		}
		e, err := routeEntry(args[0], v)
		if err != nil {
			return usageError{err}
		}
		if v["dev"] != "" {
			l, err := linkNamed(r, v["dev"])
			if err != nil {
				return err
			}
			e.Index = l.Index
		}
		return change(r, e)
	}
}

func routeEntry(dst string, v map[string]string) (e nl.RouteEntry, err error) {
	if via := v["via"]; via != "" {
		if e.Gateway, err = netip.ParseAddr(via); err != nil {
			return e, fmt.Errorf("via: %q is no address", via)
		}
	}
	if metric := v["metric"]; metric != "" {
		if e.Priority, err = strconv.Atoi(metric); err != nil {
			return e, fmt.Errorf("metric: %q is no number", metric)
		}
	}
	if e.Dst, err = routeTarget(dst, e.Gateway); err != nil {
		return e, err
	}
	if v["via"] == "" && v["dev"] == "" {
		return e, errors.New("where to is missing: via GATEWAY or dev NAME")
	}
	return e, nil
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
