// Package rumpuser answers the hypercalls of NetBSD's kernel libraries, as
// rumpuser(3) describes them, revision 17, for any number of kernels in one
// process.
//
// # Threads
//
// A kernel has two kinds of threads. A caller ([Thread]) is an LWP that
// borrows a thread of the host for each entry: a system call, the end of a
// transfer, a packet. A fiber is a thread of the kernel's own (its clock, its
// soft interrupts), with a stack of its own and no thread of the host: it is
// run by a caller that waits in the same kernel or is about to leave it, as
// soft interrupts are by a processor that returns to user mode, and by a
// carrier, one host thread for each virtual CPU, when no caller comes by.
//
// Whoever is inside a kernel is found in one thread-local variable. So a
// hypercall knows its kernel without a look-up, and so does a fiber that goes
// on in another host thread than it stopped in.
//
// # Waiting
//
// All waiting is one function, hyp_park. Mutexes, reader/writer locks and
// condition variables are a word that one instruction changes while nobody
// waits, and a queue for when somebody does.
//
// # What ours take the place of
//
// A few functions of the kernel itself are replaced as it is linked; symbols.c
// has them all. Copies from and to user memory end with an error where there is
// no memory. Sleeps end when the caller is interrupted. An Ethernet interface
// takes an MTU of up to 32 KiB, and its driver frames of no more pieces than it can
// send. cprng_fast32 has a stream of the same kind that does not bind its
// thread to a processor for each number.
//
// # The end
//
// A kernel ends by reboot, by a panic, or by a bad address; only it ends. Its
// threads find out at their next wait: fibers stop where they are, callers
// leave by the way that they came, and everybody who waits is woken for it.
// What the kernel had is given back as a whole by [Kernel.Free].
//
// # What is Go's
//
// Locks, the current LWP, memory and time are C and enter Go only where a
// [hypercall.Host] wants to see them. Everything rare is Go.
//
// What may be in this room: C and cgo. What may not: the loading of libraries,
// and anything that knows which components a kernel has.
package rumpuser
