//go:build linux && (amd64 || arm64)

package sentry

import "github.com/anykernel/anykernel/backends"

// Capabilities is what gVisor's Linux can do.
func (k *Kernel) Capabilities() backends.Capabilities {
	c := backends.Capabilities{
		backends.Kqueue: "Linux has epoll instead",
	}
	for _, has := range []backends.Capability{
		backends.Files, backends.Mounts, backends.Xattrs, backends.Fork, backends.Processes, backends.Signals, backends.Interrupts,
		backends.Unix, backends.TCP, backends.IPv6, backends.RawSockets, backends.Netlink, backends.Epoll,
		backends.Inotify, backends.Memfd, backends.Splice, backends.Namespaces, backends.Seccomp, backends.Hostname,
		backends.Isolated,
	} {
		c[has] = ""
	}
	return c
}
