//go:build darwin || freebsd || netbsd || openbsd

package host

import (
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
)

// hostCapabilities asks the kernel once.
var hostCapabilities = sync.OnceValue(func() backends.Capabilities {
	notHere := runtime.GOOS + " has nothing of the kind"
	shared := "the host is shared with every other program"
	c := backends.Capabilities{
		backends.Files:      "",
		backends.Unix:       "",
		backends.Kqueue:     "",
		backends.Fork:       noProcesses,
		backends.Processes:  noProcesses,
		backends.Signals:    noProcesses,
		backends.Interrupts: noInterrupts,
		backends.Mounts:     shared,
		backends.Hostname:   shared,
		backends.Isolated:   shared,
		backends.Netlink:    notHere,
		backends.Epoll:      notHere,
		backends.Inotify:    notHere,
		backends.Memfd:      notHere,
		backends.Splice:     notHere,
		backends.Namespaces: notHere,
		backends.Seccomp:    notHere,
		backends.TCP:        reason(probeSocket(&unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}, unix.AF_INET)),
		backends.IPv6:       reason(probeSocket(&unix.SockaddrInet6{Addr: [16]byte{15: 1}}, unix.AF_INET6)),
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	if c[backends.RawSockets] = reason(err); err == nil {
		_ = unix.Close(fd)
	}
	return c
})

func probeSocket(a unix.Sockaddr, family int) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err != nil {
		return fmt.Errorf("no sockets of the family: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, a); err != nil {
		return fmt.Errorf("no address on the loopback interface: %w", err)
	}
	return nil
}
