// Package linux is what Linux alone has: calls on files that carry events
// ([Eventfd], [Timerfd], [Signalfd], [Inotify], [Epoll]), memory files and
// their seals, moving data between descriptors inside the kernel, and the
// further calls on files and paths.
//
// It works over every kernel that speaks Linux's ABI, whatever the program
// runs on; over others its calls fail with [sys.ErrNotSupported]. Flags have
// the values of Linux on x86-64 and text forms both ways, as in package sys.
//
// A read from a descriptor that was made with its NONBLOCK flag waits by the
// kernel's poller, as everywhere in package sys, and costs no thread. One
// made without it blocks in the kernel.
//
// What may be in this room: the types and calls of Linux, made of the raw
// calls by name of package sys. What may not: what another OS has as well,
// which is package sys's, and anything that a library does well, such as
// netlink messages.
package linux
