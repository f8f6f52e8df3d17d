/*
 * The lock of the shim: who answers a call, a fault or an interrupt has it. The
 * program's own code runs on all processors at once.
 *
 * Interrupts are off while a processor waits here, and the one that has the lock
 * may wait for all to forget pages: so who waits does that, too.
 */
#include "shim.h"

bool lock_taken = true; /* by the first processor, from the start on */

void lock_wait(void)
{
	struct cpu *c = this_cpu();

	__atomic_store_n(&c->waits, true, __ATOMIC_RELEASE);
	do {
		while (__atomic_load_n(&lock_taken, __ATOMIC_RELAXED)) {
			tlb_catch_up();
			asm volatile("pause");
		}
	} while (__atomic_exchange_n(&lock_taken, true, __ATOMIC_ACQUIRE));
	__atomic_store_n(&c->waits, false, __ATOMIC_RELEASE);
}
