// Package rump runs NetBSD's kernel in this process: it links the components
// of a kit, loads a private copy of them, boots it on the hypercalls of
// package rumpuser, and gives out its processes and LWPs.
//
//	k, err := rump.Boot(rump.Config{Kit: kit.DefaultDir(), Components: []string{"vfs", "tmpfs"}})
//	defer k.Close()
//
// A [Process] makes system calls: each call is made by an LWP of the process
// that is bound for the call alone, so any goroutine may call for any process,
// and none is bound to a thread. Programs use the API of package sys instead
// of this one; backends/rump stands between them.
//
// With [Config].Debug (debug=1 in a specification), gdb shows the kernel's
// functions by name and unwinds them.
//
// What may be in this room: what NetBSD's kernel needs to run, and NetBSD's
// own interface to it. What may not: cgo, which is in hypercall/rumpuser, and
// anything that another kind of kernel has as well.
package rump
