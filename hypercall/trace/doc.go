// Package trace prints what kernels do as strace(1) does: system calls with their
// arguments decoded by the kernel's own ABI, and what kernels ask of their host.
//
// What may be in this room: how an event looks as a line. What may not: which
// kernels there are.
package trace
