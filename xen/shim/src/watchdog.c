/*
 * What becomes of a guest whose threads all wait. Where nothing can wake one of
 * them any more, it would hang without a word: the shim says what each waits
 * for, and ends.
 *
 * Go's runtime always has a thread that wakes once a minute, so a Go program is
 * never as quiet as that. With anykernel.watchdog=SECONDS a guest ends as well
 * when it has been idle for so long, in sum, since it was last seen to get on:
 * since it printed, read what was typed, or a device interrupted.
 */
#include "thread.h"

enum { MAX_SECONDS = 1000000, MAX_LISTED = 64 };
#define SECOND 1000000000ul

static u64 limit; /* of idle_time; 0: none */
static u64 idle_time;  /* of all processors at once */
static u64 idle_since; /* where all are idle */

void watchdog_init(void)
{
	char value[16];
	u64 seconds = 0;
	const char *s;

	if (!param("anykernel.watchdog", value, sizeof(value)))
		return;
	for (s = value; *s >= '0' && *s <= '9' && seconds < MAX_SECONDS; s++)
		seconds = seconds * 10 + (u64)(*s - '0');
	if (*s || !seconds || seconds > MAX_SECONDS)
		refuse("anykernel.watchdog=%s: want a number of seconds, up to %d", value, MAX_SECONDS);
	limit = seconds * SECOND;
}

void watchdog_progress(void)
{
	idle_time = 0;
	if (limit && smp_all_idle()) /* an interrupt */
		idle_since = clock_now();
}

static void list_thread(const struct thread *t)
{
	print("  thread %d waits for ", t->tid);
	t->wait->describe(t);
	if (t->sleeping)
		print(", for %lu ms at most", (t->deadline - min(t->deadline, clock_now())) / 1000000);
	print("\n");
}

static NORETURN void stuck(void)
{
	u32 left = MAX_LISTED;

	for (u32 i = 0; i < MAX_THREADS && left; i++)
		if (thread_at(i)) {
			list_thread(thread_at(i));
			left--;
		}
	if (thread_count() > MAX_LISTED)
		print("  and %u more\n", thread_count() - MAX_LISTED);
	power_off(EXIT_STUCK);
}

/* Whether the world outside can end a wait. Threads that wait for it are all in one queue. */
static bool is_open_to_outside(void)
{
	for (const struct thread *t = descriptor_waiters.first; t; t = t->next)
		if (t->wait->from_outside && t->wait->from_outside(t))
			return true;
	return false;
}

/* All processors are idle, and this one was the last. */
static void check(void)
{
	if (!threads_sleep() && !is_open_to_outside()) {
		print("\nshim: the program hangs: every thread waits, and nothing can wake one\n");
		stuck();
	}
	if (limit && idle_time >= limit) {
		print("\nshim: the program hangs: it was idle for %lu s, and neither read nor printed nor heard of a device\n",
		      idle_time / SECOND);
		stuck();
	}
	if (limit) {
		idle_since = clock_now();
		clock_interrupt_at(idle_since + limit - idle_time);
	}
}

void watchdog_idle(void)
{
	if (smp_all_idle())
		check();
	smp_wait();
	if (limit && smp_all_idle())
		idle_time += clock_now() - idle_since;
}
