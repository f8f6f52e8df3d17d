package backends

import (
	"maps"
	"slices"
)

// A Capability is something that not every kernel can do. The conformance
// suite runs the cases of a capability where a kernel claims it, and shows
// the kernel's reason where it does not.
type Capability string

const (
	Files      Capability = "files"      // a writable file system
	Mounts     Capability = "mounts"     // mount and umount, at least of a memory file system
	Xattrs     Capability = "xattrs"     // extended attributes in user.*
	Fork       Capability = "fork"       // Fork: processes with descriptors, users and limits of their own
	Processes  Capability = "processes"  // the life of a process: wait, kill, exec
	Signals    Capability = "signals"    // signals between processes
	Interrupts Capability = "interrupts" // blocked calls end when they are cancelled
	Unix       Capability = "unix"       // Unix domain sockets, with descriptor passing
	TCP        Capability = "tcp"        // TCP and UDP over IPv4 on a loopback interface
	IPv6       Capability = "ipv6"       // the same over IPv6
	RawSockets Capability = "rawsockets" // raw and packet sockets
	Netlink    Capability = "netlink"    // network configuration by rtnetlink
	Epoll      Capability = "epoll"      // epoll, eventfd, timerfd, signalfd
	Kqueue     Capability = "kqueue"     // kqueue
	Inotify    Capability = "inotify"    // inotify
	Memfd      Capability = "memfd"      // memfd_create and seals
	Splice     Capability = "splice"     // splice, tee, sendfile
	Namespaces Capability = "namespaces" // unshare, setns
	Seccomp    Capability = "seccomp"    // filters
	Hostname   Capability = "hostname"   // a host name of its own that may be set
	Isolated   Capability = "isolated"   // nothing done in it is seen outside
)

// Capabilities maps what a kernel can do to "", and what it cannot to the
// reason. A capability that is not there at all is one that the kernel never
// heard of, and counts as not supported.
type Capabilities map[Capability]string

// Has reports whether c is supported.
func (m Capabilities) Has(c Capability) bool {
	reason, known := m[c]
	return known && reason == ""
}

// Missing is the reason why c is not supported, "" where it is.
func (m Capabilities) Missing(c Capability) string {
	reason, known := m[c]
	if !known {
		return "this kernel does not know " + string(c)
	}
	return reason
}

// List is the supported capabilities in order of name.
func (m Capabilities) List() []Capability {
	var l []Capability
	for _, c := range slices.Sorted(maps.Keys(m)) {
		if m[c] == "" {
			l = append(l, c)
		}
	}
	return l
}
