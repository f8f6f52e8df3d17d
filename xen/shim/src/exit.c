/*
 * The end of the guest, and its status to whoever started it.
 *
 * Xen: the shutdown reason, poweroff or crash. QEMU: the status as one byte to
 * STATUS_PORT, where our launcher has a "debug console" that leads to it, and
 * to isa-debug-exit, which ends QEMU with (status << 1 | 1).
 */
#include "shim.h"
#include "xen.h"

enum {
	STATUS_PORT = 0xf5,
	DEBUG_EXIT_PORT = 0xf4,
};

static void triple_fault(void)
{
	struct {
		u16 limit;
		u64 base;
	} PACKED none = {0, 0};

	asm volatile("lidt %0; int3" : : "m"(none));
}

static bool has_reason;
static u32 asked_reason;

/* The toolstack asked for this end: it is none of the program's failures. */
s64 power_off_as(u64 reason)
{
	if (reason != SHUTDOWN_POWEROFF && reason != SHUTDOWN_REBOOT)
		return -EINVAL;
	has_reason = true;
	asked_reason = (u32)reason;
	return 0;
}

NORETURN void power_off(int status)
{
	if (xen_present()) {
		u32 reason = has_reason ? asked_reason : status ? SHUTDOWN_CRASH : SHUTDOWN_POWEROFF;

		if (status)
			print("shim: exit status %d\n", status);
		hypercall(HYPERCALL_SCHED, SCHED_SHUTDOWN, (u64)&reason, 0, 0, 0);
	}
	outb(STATUS_PORT, (u8)status);
	outb(DEBUG_EXIT_PORT, (u8)status);
	triple_fault();
	for (;;)
		asm volatile("cli; hlt");
}
