// Package shim holds the shim: the few thousand lines that stand between a
// virtual machine and one static linux/amd64 program, where an operating
// system would be.
//
// The shim is entered by the PVH protocol, which Xen, QEMU and Firecracker
// speak. It sets up long mode, page tables and a clock, loads the program in
// ring 3, and answers the Linux calls that Go's runtime and static C programs
// make: memory, threads, futexes, signals, epoll, eventfd, pipes, timers, files
// in memory (memfd_create), and the read-only files of the image. Random bytes
// come from a key that the processor (RDSEED, RDRAND), the host
// (anykernel.seed=<64 hexadecimal digits>) or a virtio-rng gives; without any it
// does not start. It has no other drivers except a console: those are in the
// program, in Go, on top of one more
// system call; see package xen/guest. What it does not answer is ENOSYS, and
// named once on the console.
//
// Up to 16 processors run the program; one of them at a time is in the shim. How
// many there are is what QEMU (-smp) or Xen (vcpus) gives.
//
// A guest that nothing can wake any more says what each of its threads waits
// for, and ends. anykernel.watchdog=SECONDS ends one as well that was idle for
// so long without a word, as a Go program is where the world has forgotten it.
//
// The sources are in src, freestanding C and assembly for gcc. What they
// build to is committed and embedded, so that nobody needs a C compiler:
// after a change, run go generate here. A test compares.
//
// What may be in this room: code that runs in ring 0, how it is built, and
// the result. What may not: anything that knows an image's layout beyond what
// the shim reads (package images), or how a guest is started.
package shim

//go:generate go run ./mkshim
