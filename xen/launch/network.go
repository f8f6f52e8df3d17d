package launch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// A Network is what a guest's network interface is attached to: one of User,
// Tap and Stream under QEMU, Vif under Xen.
type Network struct {
	// MAC is the interface's address. nil: QEMU chooses 52:54:00:12:34:56 and
	// following.
	MAC net.HardwareAddr
	// User is QEMU's own network: the guest is 10.0.2.15 of 10.0.2.0/24, its
	// gateway 10.0.2.2 leads outside, and 10.0.2.3 is a name server. Needs no
	// privilege.
	User bool
	// Forwards lead from ports of this machine into a User network.
	Forwards []Forward
	// Tap is the name of a tap interface that exists.
	Tap string
	// Stream is the path of a Unix socket that carries frames, each behind
	// its length as 4 bytes, big-endian; the guest's side connects.
	Stream string
	// Vif is an interface as xl-network-configuration(5) has it, such as
	// "bridge=xenbr0".
	Vif string
}

// A Forward leads connections to an address of this machine to a port of the
// guest.
type Forward struct {
	Protocol string         // "tcp" or "udp"
	Host     netip.AddrPort // where this machine listens
	Guest    uint16
}

// ParseNetwork reads the text form of a network: user[,tcp:[HOST:]PORT:GUESTPORT]...,
// tap:NAME, stream:PATH, and for Xen bridge:NAME or vif:SPEC.
func ParseNetwork(s string) (Network, error) {
	kind, value, _ := strings.Cut(s, ":")
	switch {
	case kind == "tap" && value != "":
		return Network{Tap: value}, nil
	case kind == "stream" && value != "":
		return Network{Stream: value}, nil
	case kind == "bridge" && value != "":
		return Network{Vif: "bridge=" + value}, nil
	case kind == "vif" && value != "":
		return Network{Vif: value}, nil
	}
	parts := strings.Split(s, ",")
	if parts[0] != "user" {
		return Network{}, fmt.Errorf("network %q: want user[,tcp:PORT:GUESTPORT]..., tap:NAME or stream:PATH; under Xen bridge:NAME or vif:SPEC", s)
	}
	n := Network{User: true}
	for _, p := range parts[1:] {
		f, err := parseForward(p)
		if err != nil {
			return Network{}, fmt.Errorf("network %q: %w", s, err)
		}
		n.Forwards = append(n.Forwards, f)
	}
	return n, nil
}

func parseForward(s string) (Forward, error) {
	bad := fmt.Errorf("forward %q: want tcp:PORT:GUESTPORT or tcp:HOST:PORT:GUESTPORT", s)
	protocol, rest, _ := strings.Cut(s, ":")
	i := strings.LastIndexByte(rest, ':')
	if i < 0 || (protocol != "tcp" && protocol != "udp") {
		return Forward{}, bad
	}
	host, guest := rest[:i], rest[i+1:]
	if !strings.Contains(host, ":") {
		host = "127.0.0.1:" + host
	}
	at, err := netip.ParseAddrPort(host)
	port, err2 := strconv.ParseUint(guest, 10, 16)
	if err != nil || err2 != nil || port == 0 {
		return Forward{}, bad
	}
	return Forward{protocol, at, uint16(port)}, nil
}

// netdev is the value of QEMU's option -netdev.
func (n Network) netdev(id string) (string, error) {
	if n.Vif != "" {
		return "", fmt.Errorf("the network %q is one of Xen's; QEMU has user, tap:NAME and stream:PATH", n.Vif)
	}
	kinds := 0
	for _, set := range []bool{n.User, n.Tap != "", n.Stream != ""} {
		if set {
			kinds++
		}
	}
	if kinds != 1 || (len(n.Forwards) > 0 && !n.User) {
		return "", errors.New("a network is one of user, tap and stream, and user alone has forwards")
	}
	switch {
	case n.Tap != "":
		return "tap,id=" + id + ",script=no,downscript=no,ifname=" + escape(n.Tap), nil
	case n.Stream != "":
		return "stream,id=" + id + ",server=off,addr.type=unix,addr.path=" + escape(n.Stream), nil
	}
	var b strings.Builder
	b.WriteString("user,id=" + id)
	for _, f := range n.Forwards {
		if f.Protocol != "tcp" && f.Protocol != "udp" {
			return "", fmt.Errorf("a forward of %q: want tcp or udp", f.Protocol)
		}
		if !f.Host.Addr().Is4() {
			return "", fmt.Errorf("a forward from %v: QEMU forwards from IPv4 addresses", f.Host)
		}
		fmt.Fprintf(&b, ",hostfwd=%s:%s:%d-:%d", f.Protocol, f.Host.Addr(), f.Host.Port(), f.Guest)
	}
	return b.String(), nil
}

// escape writes a value for QEMU's options, where a comma is doubled.
func escape(s string) string { return strings.ReplaceAll(s, ",", ",,") }
