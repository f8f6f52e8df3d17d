// Package packetdrill runs packetdrill's scripts against the network stack of a
// kernel in this process:
//
//	err := packetdrill.Run(ctx, "close.pkt", text, packetdrill.Config{Kernel: "sentry"})
//
// The kernel has one network interface, and the runner is all that is behind it:
// it injects what the script says that comes in, and holds what goes out to the
// script. It runs in a world of its own (package hypercall/turns), in virtual
// time: an hour in a script takes no longer than a moment, and times are as exact
// as the kernel's clock.
//
// Commands for a shell are read for the settings that they make; nothing of the
// host runs. Code is Starlark, which is what scripts use of Python, with the
// kernel's tcp_info as variables.
//
// What may be in this room: what a script does to a kernel. What may not: the
// language, which is in package script.
package packetdrill
