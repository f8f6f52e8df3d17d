package sys

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// resolve is the addresses of "host:port", in the order to try them. Without a
// host it is one invalid address with the port, which stands for this kernel.
func (p *Process) resolve(ctx context.Context, network, address string) ([]netip.AddrPort, error) {
	return p.Dialer().lookup(ctx, network, address)
}

// Resolve is the addresses of "host:port" for a network such as "udp", in the
// order in which Dial tries them: what an IP address says, /etc/hosts, or the
// name server in /etc/resolv.conf. No host is this kernel's loopback.
func (p *Process) Resolve(ctx context.Context, network, address string) ([]netip.AddrPort, error) {
	return p.Dialer().resolve(ctx, network, address)
}

// resolve is lookup for connecting: no host is this kernel's loopback.
func (d *Dialer) resolve(ctx context.Context, network, address string) ([]netip.AddrPort, error) {
	addrs, err := d.lookup(ctx, network, address)
	if err != nil || addrs[0].Addr().IsValid() {
		return addrs, err
	}
	return withPort(loopbacks(netKinds[network]), addrs[0].Port()), nil
}

func (d *Dialer) lookup(ctx context.Context, network, address string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := lookupPort(ctx, network, service)
	if err != nil {
		return nil, err
	}
	if host == "" {
		return []netip.AddrPort{netip.AddrPortFrom(netip.Addr{}, port)}, nil
	}
	ips, err := d.lookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	var allowed []netip.Addr
	for _, ip := range ips {
		if netKinds[network].allows(ip) {
			allowed = append(allowed, ip.Unmap())
		}
	}
	if len(allowed) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found for " + network, Addr: host}
	}
	return withPort(allowed, port), nil
}

func lookupPort(ctx context.Context, network, service string) (uint16, error) {
	if n, err := strconv.ParseUint(service, 10, 16); err == nil {
		return uint16(n), nil
	}
	if service == "" {
		return 0, nil
	}
	// Names of services are the same everywhere: the host's will do.
	n, err := net.DefaultResolver.LookupPort(ctx, network, service)
	return uint16(n), err
}

func withPort(ips []netip.Addr, port uint16) []netip.AddrPort {
	addrs := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		addrs[i] = netip.AddrPortFrom(ip, port)
	}
	return addrs
}

func loopbacks(kind netKind) []netip.Addr {
	var ips []netip.Addr
	for _, ip := range []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()} {
		if kind.allows(ip) {
			ips = append(ips, ip)
		}
	}
	return ips
}

// LookupHost is the addresses of a name, or of an address in text: by the
// kernel's /etc/hosts, as "localhost", or by the [Process.Resolver].
func (p *Process) LookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	return p.Dialer().lookupHost(ctx, host)
}

func (d *Dialer) lookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	if b, err := d.p.ReadFile("/etc/hosts"); err == nil {
		if ips := findHost(b, host); len(ips) > 0 {
			return ips, nil
		}
	}
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return loopbacks(netKind{}), nil
	}
	r := d.Resolver
	if r == nil {
		r = d.p.Resolver()
	}
	return r.LookupNetIP(ctx, "ip", host)
}

// maxHostsLine bounds a line of /etc/hosts and /etc/resolv.conf.
const maxHostsLine = 4096

// findHost is the addresses of a name in hosts(5).
func findHost(file []byte, name string) []netip.Addr {
	name = strings.TrimSuffix(name, ".")
	var ips []netip.Addr
	for fields := range lines(file) {
		ip, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		for _, alias := range fields[1:] {
			if strings.EqualFold(alias, name) {
				ips = append(ips, ip)
				break
			}
		}
	}
	return ips
}

// lines is the words of each line that has any, without comments. Files with
// lines that are too long end there.
func lines(file []byte) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		in := bufio.NewScanner(bytes.NewReader(file))
		in.Buffer(make([]byte, 0, maxHostsLine), maxHostsLine)
		for in.Scan() {
			line, _, _ := strings.Cut(in.Text(), "#")
			if words := strings.Fields(line); len(words) > 0 && !yield(words) {
				return
			}
		}
	}
}

// Resolver asks the name servers of the kernel's /etc/resolv.conf, through the
// kernel. Its search list and options are not used. (Go's resolver looks into
// the host's /etc/hosts before it asks anybody; [Process.LookupHost] and
// [Process.Dial] ask the kernel's first.)
func (p *Process) Resolver() *net.Resolver {
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			servers, err := p.nameServers()
			if err != nil {
				return nil, err
			}
			var failed error
			for _, ip := range servers {
				addr := netip.AddrPortFrom(ip, 53)
				c, err := p.Dial(ctx, network, addr.String())
				if err == nil {
					return c, nil
				}
				failed = err
			}
			return nil, failed
		},
	}
}

// nameServers is those of resolv.conf(5).
func (p *Process) nameServers() ([]netip.Addr, error) {
	const path = "/etc/resolv.conf"
	file, err := p.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var ips []netip.Addr
	for words := range lines(file) {
		if len(words) > 1 && words[0] == "nameserver" {
			if ip, err := netip.ParseAddr(words[1]); err == nil {
				ips = append(ips, ip)
			}
		}
	}
	if len(ips) == 0 {
		return nil, fmt.Errorf("%s: %s names no name server", p.k.name, path)
	}
	return ips, nil
}
