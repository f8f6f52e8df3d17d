//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"slices"

	"github.com/anykernel/anykernel/backends"
)

// needs says which component a capability comes from.
var needs = map[backends.Capability]string{
	backends.Files:      "vfs",
	backends.Mounts:     "fs_tmpfs",
	backends.Unix:       "net_local",
	backends.TCP:        "net_netinet",
	backends.RawSockets: "net_netinet",
	backends.IPv6:       "net_netinet6",
}

// never are what NetBSD, or a rump kernel, has nothing of.
var never = map[backends.Capability]string{
	backends.Xattrs:     "the file systems in memory have no extended attributes; FFS has",
	backends.Processes:  "a rump kernel keeps no status of its processes: they have no exit, wait or exec",
	backends.Signals:    "a rump kernel delivers no signals",
	backends.Netlink:    "NetBSD has the route socket instead",
	backends.Epoll:      "NetBSD has kqueue instead",
	backends.Inotify:    "NetBSD has kqueue instead",
	backends.Memfd:      "NetBSD has no memfd_create",
	backends.Splice:     "NetBSD has no splice",
	backends.Namespaces: "NetBSD has no namespaces",
	backends.Seccomp:    "NetBSD has no seccomp",
}

// always are what every rump kernel has.
var always = []backends.Capability{
	backends.Fork, backends.Interrupts, backends.Kqueue, backends.Hostname, backends.Isolated,
}

func capabilities(components []string) backends.Capabilities {
	c := backends.Capabilities{}
	for name, reason := range never {
		c[name] = reason
	}
	for name, component := range needs {
		if !slices.Contains(components, component) {
			c[name] = "the kernel was opened without " + component
		} else {
			c[name] = ""
		}
	}
	for _, name := range always {
		c[name] = ""
	}
	return c
}
