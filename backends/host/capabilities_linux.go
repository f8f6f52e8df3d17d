//go:build amd64 || arm64

package host

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
)

// hostCapabilities asks the kernel once.
var hostCapabilities = sync.OnceValue(func() backends.Capabilities {
	c := backends.Capabilities{
		backends.Kqueue:   "Linux has no kqueue",
		backends.Hostname: "the host's name is not this program's to set; a process can have one of its own by unshare(CLONE_NEWUTS)",
		backends.Isolated: "the host is shared with every other program",
		backends.Mounts:   "the host's mounts are shared with every other program; a process can have its own by unshare(CLONE_NEWNS)",
		backends.Netlink:  "the host's network is shared with every other program; a process can have its own by unshare(CLONE_NEWNET)",
	}
	for _, always := range []backends.Capability{
		backends.Files, backends.Unix, backends.Epoll, backends.Inotify, backends.Memfd, backends.Splice,
	} {
		c[always] = ""
	}
	for name, probe := range map[backends.Capability]func() error{
		backends.Interrupts: installInterrupt,
		backends.Fork:       probeProcesses,
		backends.Processes:  probeProcesses,
		backends.Signals:    probeProcesses,
		backends.Namespaces: probeNamespaces,
		backends.Seccomp:    probeSeccomp,
		backends.Xattrs:     probeXattrs,
		backends.TCP:        func() error { return probeSocket(&unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}, unix.AF_INET) },
		backends.IPv6:       func() error { return probeSocket(&unix.SockaddrInet6{Addr: [16]byte{15: 1}}, unix.AF_INET6) },
		backends.RawSockets: probeRaw,
	} {
		c[name] = reason(probe())
	}
	return c
})

// probeProcesses looks for what Fork needs.
func probeProcesses() error {
	if err := installInterrupt(); err != nil {
		return err
	}
	// Before 5.16 a child that dumps core takes along every process that
	// shares its memory: this program. Before 5.17 its words are not cleared.
	if major, minor := release(); major < 5 || major == 5 && minor < 17 {
		return fmt.Errorf("processes that share memory need Linux 5.17, this is %d.%d", major, minor)
	}
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	return unix.Close(fd)
}

func release() (major, minor int) {
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		_, _ = fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor)
	}
	return major, minor
}

// probeNamespaces looks whether unshare is allowed, without doing it: it asks
// for the right that it needs.
func probeNamespaces() error {
	if err := probeProcesses(); err != nil {
		return err
	}
	const sysAdmin = 21
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	if data[0].Effective&(1<<sysAdmin) == 0 {
		return fmt.Errorf("namespaces need CAP_SYS_ADMIN, and this program does not have it")
	}
	return nil
}

func probeSeccomp() error {
	if err := probeProcesses(); err != nil {
		return err
	}
	if _, err := unix.PrctlRetInt(unix.PR_GET_SECCOMP, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("this kernel has no seccomp: %w", err)
	}
	return nil
}

func probeXattrs() error {
	f, err := os.CreateTemp("", "anykernel-probe-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := unix.Fsetxattr(int(f.Fd()), "user.probe", []byte("1"), 0); err != nil {
		return fmt.Errorf("the file system of %s takes no extended attributes: %w", os.TempDir(), err)
	}
	return nil
}

func probeSocket(a unix.Sockaddr, family int) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("no sockets of the family: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, a); err != nil {
		return fmt.Errorf("no address on the loopback interface: %w", err)
	}
	return nil
}

func probeRaw() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		return fmt.Errorf("raw sockets need CAP_NET_RAW: %w", err)
	}
	return unix.Close(fd)
}
