/*
 * What the shim offers beyond Linux, for drivers in the program: one system
 * call, whose first argument says what is asked. The Go side is package
 * xen/guest; the numbers are part of the ABI between the two.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

enum { PLATFORM_CALL = 0x4b00 };

enum platform_op {
	PLATFORM_VERSION = 0,   /* () -> 1 */
	PLATFORM_KIND = 1,      /* () -> 0 plain, 1 Xen */
	PLATFORM_HYPERCALL = 2, /* (&{nr, a, b, c, d, e}) -> Xen's result */
	PLATFORM_MEMORY = 3,    /* (size, &physical) -> address: contiguous, zeroed, stays where it is */
	PLATFORM_MAP = 4,       /* (physical, size, cached) -> address: what is not RAM */
	PLATFORM_INTERRUPT = 5, /* (line, or -1 for a message, -2 for Xen's upcall, &vector) -> eventfd */
	PLATFORM_PORT_READ = 6, /* (port, width in bytes) -> value */
	PLATFORM_PORT_WRITE = 7, /* (port, width in bytes, value) -> 0 */
	PLATFORM_SHARED_INFO = 8, /* () -> address of Xen's shared info */
	PLATFORM_SUSPEND = 9,    /* () -> 0 in a new domain, 1 still in the old one */
	PLATFORM_END = 10,       /* (reason) -> 0: the shutdown reason that Xen will see, whatever the status */
};

#endif
