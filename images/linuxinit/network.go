//go:build linux && amd64

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// An addressing is how an interface is set up.
type addressing struct {
	addr    netip.Prefix
	gateway netip.Addr   // not valid: none
	dns     []netip.Addr // name servers
}

// configureNetwork brings up the loopback and the first other interface, as the
// word ip= says (Linux: Documentation/admin-guide/nfs/nfsroot.rst); without
// that word, by DHCP.
func configureNetwork() error {
	if err := setUp("lo"); err != nil {
		return fmt.Errorf("network: lo: %w", err)
	}
	name, mac, err := firstInterface()
	if name == "" || err != nil {
		return err
	}
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return err
	}
	static, how, err := ipWord(string(line))
	if err != nil || how == "off" {
		return err
	}
	if err := setUp(name); err != nil {
		return fmt.Errorf("network: %s: %w", name, err)
	}
	if how == "dhcp" {
		if static, err = lease(name, mac); err != nil {
			return fmt.Errorf("network: %s: %w", name, err)
		}
	}
	if err := static.apply(name); err != nil {
		return fmt.Errorf("network: %s: %w", name, err)
	}
	return static.writeResolver()
}

// firstInterface is the first one that is not the loopback; "": there is none.
func firstInterface() (string, net.HardwareAddr, error) {
	all, err := net.Interfaces()
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 && len(i.HardwareAddr) == 6 {
			return i.Name, i.HardwareAddr, nil
		}
	}
	return "", nil, err
}

// ipWord reads the last word ip= of a command line, in front of the program's
// arguments: how is "dhcp", "off", or "static".
func ipWord(line string) (a addressing, how string, err error) {
	how = "dhcp"
	for _, w := range strings.Fields(line) {
		if w == "--" {
			break
		}
		value, ok := strings.CutPrefix(w, "ip=")
		if !ok {
			continue
		}
		switch value {
		case "off", "none":
			how = "off"
		case "", "on", "any", "dhcp":
			how = "dhcp"
		default:
			how = "static"
			if a, err = parseStatic(value); err != nil {
				return a, how, fmt.Errorf("the word %q: %w", w, err)
			}
		}
	}
	return a, how, nil
}

// parseStatic reads ADDRESS:SERVER:GATEWAY:NETMASK:HOST:DEVICE:AUTOCONF:DNS:DNS,
// where what is behind the address may be missing.
func parseStatic(value string) (addressing, error) {
	parts := append(strings.Split(value, ":"), make([]string, 9)...)
	var a addressing
	addr, err := netip.ParseAddr(parts[0])
	if err != nil || !addr.Is4() {
		return a, errors.New("want ip=ADDRESS::GATEWAY:NETMASK, ip=dhcp or ip=off")
	}
	mask := net.IPMask(net.ParseIP(parts[3]).To4())
	bits, size := mask.Size()
	if parts[3] == "" {
		bits, size = net.IP(addr.AsSlice()).DefaultMask().Size()
	}
	if size != 32 {
		return a, fmt.Errorf("%q is no netmask", parts[3])
	}
	a.addr = netip.PrefixFrom(addr, bits)
	if parts[2] != "" {
		if a.gateway, err = netip.ParseAddr(parts[2]); err != nil || !a.gateway.Is4() {
			return a, fmt.Errorf("%q is no gateway", parts[2])
		}
	}
	for _, s := range parts[7:9] {
		if d, err := netip.ParseAddr(s); err == nil {
			a.dns = append(a.dns, d)
		}
	}
	return a, nil
}

// apply sets addresses and the way out.
func (a addressing) apply(name string) error {
	mask := net.CIDRMask(a.addr.Bits(), 32)
	if err := interfaceCall(syscall.SIOCSIFADDR, name, sockaddr(a.addr.Addr())); err != nil {
		return fmt.Errorf("address %v: %w", a.addr, err)
	}
	if err := interfaceCall(syscall.SIOCSIFNETMASK, name, sockaddr(netip.AddrFrom4([4]byte(mask)))); err != nil {
		return fmt.Errorf("netmask of %v: %w", a.addr, err)
	}
	if !a.gateway.IsValid() {
		return nil
	}
	if err := addGateway(a.gateway); err != nil {
		return fmt.Errorf("gateway %v: %w", a.gateway, err)
	}
	return nil
}

// writeResolver writes the name servers, where the image has none.
func (a addressing) writeResolver() error {
	const file = "/etc/resolv.conf"
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) || len(a.dns) == 0 {
		return nil
	}
	var b strings.Builder
	for _, d := range a.dns {
		fmt.Fprintln(&b, "nameserver", d)
	}
	return errors.Join(os.MkdirAll("/etc", 0o755), os.WriteFile(file, []byte(b.String()), 0o644))
}

func setUp(name string) error {
	flags := binary.NativeEndian.AppendUint16(nil, syscall.IFF_UP|syscall.IFF_RUNNING)
	return interfaceCall(syscall.SIOCSIFFLAGS, name, flags)
}

// sockaddr is a struct sockaddr_in of an IPv4 address.
func sockaddr(a netip.Addr) []byte {
	b := make([]byte, 16)
	binary.NativeEndian.PutUint16(b, syscall.AF_INET)
	copy(b[4:8], a.AsSlice())
	return b
}

// interfaceCall makes a call with a struct ifreq.
func interfaceCall(request uintptr, name string, value []byte) error {
	var ifreq [40]byte
	copy(ifreq[:syscall.IFNAMSIZ-1], name)
	copy(ifreq[syscall.IFNAMSIZ:], value)
	return socketCall(request, unsafe.Pointer(&ifreq))
}

// addGateway adds a default route, a struct rtentry.
func addGateway(a netip.Addr) error {
	const (
		dst, gateway, mask, flags = 8, 24, 40, 56
		up, viaGateway            = 1, 2
	)
	var rtentry [120]byte
	any := sockaddr(netip.IPv4Unspecified())
	copy(rtentry[dst:], any)
	copy(rtentry[gateway:], sockaddr(a))
	copy(rtentry[mask:], any)
	binary.NativeEndian.PutUint16(rtentry[flags:], up|viaGateway)
	return socketCall(syscall.SIOCADDRT, unsafe.Pointer(&rtentry))
}

func socketCall(request uintptr, argument unsafe.Pointer) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(argument)); e != 0 {
		return e
	}
	return nil
}
