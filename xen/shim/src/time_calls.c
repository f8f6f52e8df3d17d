/* Clocks and sleeping (clock_gettime(2), nanosleep(2)). Clocks are mostly read in the vdso. */
#include "calls.h"
#include "thread.h"

#define SECOND 1000000000ul

enum clock { REALTIME = 0, MONOTONIC = 1, PROCESS_CPU = 2, THREAD_CPU = 3, MONOTONIC_RAW = 4, REALTIME_COARSE = 5,
	     MONOTONIC_COARSE = 6, BOOTTIME = 7, TAI = 11 };
enum { TIMER_ABSTIME = 1 };

struct timespec {
	s64 sec, nsec;
};

s64 deadline_from_user(u64 addr, bool absolute, bool realtime, u64 *deadline)
{
	struct timespec ts;
	u64 t, from = absolute ? 0 : clock_now();

	*deadline = NEVER;
	if (!addr)
		return 0;
	if (from_user(&ts, addr, sizeof(ts)))
		return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (s64)SECOND)
		return -EINVAL;
	if ((u64)ts.sec >= NEVER / SECOND / 2) /* centuries */
		return 0;
	t = (u64)ts.sec * SECOND + (u64)ts.nsec + from;
	if (realtime)
		t = t > clock_wall_offset() ? t - clock_wall_offset() : 0;
	*deadline = t;
	return 0;
}

static s64 put_timespec(u64 addr, u64 ns)
{
	struct timespec ts = {(s64)(ns / SECOND), (s64)(ns % SECOND)};

	return to_user(addr, &ts, sizeof(ts));
}

/* CPU time is not counted: the program has the processor to itself, so it is the time since boot. */
static s64 read_clock(u64 clock, u64 *ns)
{
	switch (clock) {
	case REALTIME:
	case REALTIME_COARSE:
	case TAI:
		*ns = clock_now() + clock_wall_offset();
		return 0;
	case MONOTONIC:
	case MONOTONIC_RAW:
	case MONOTONIC_COARSE:
	case BOOTTIME:
	case PROCESS_CPU:
	case THREAD_CPU:
		*ns = clock_now();
		return 0;
	}
	return -EINVAL;
}

s64 call_clock_gettime(const u64 *a)
{
	u64 ns;
	s64 r = read_clock(a[0], &ns);

	return r ? r : put_timespec(a[1], ns);
}

s64 call_clock_getres(const u64 *a)
{
	u64 ns;
	s64 r = read_clock(a[0], &ns);

	return r || !a[1] ? r : put_timespec(a[1], 1);
}

s64 call_gettimeofday(const u64 *a)
{
	u64 us = (clock_now() + clock_wall_offset()) / 1000;
	u64 tv[] = {us / 1000000, us % 1000000};

	return a[0] ? to_user(a[0], tv, sizeof(tv)) : 0;
}

s64 call_time(const u64 *a)
{
	u64 t = (clock_now() + clock_wall_offset()) / SECOND;

	return a[0] && to_user(a[0], &t, sizeof(t)) ? -EFAULT : (s64)t;
}

/* What is left of a relative sleep goes to the address that the call gave. */
static s64 finish(struct thread *t, enum wake why)
{
	u64 now = clock_now();

	if (why == TIMED_OUT)
		return 0;
	if (t->key)
		put_timespec(t->key, t->deadline > now ? t->deadline - now : 0);
	return -EINTR;
}

static void describe(const struct thread *t)
{
	(void)t;
	print("time to pass");
}

static const struct wait for_time = {finish, NULL, describe};

static s64 sleep(u64 deadline, u64 remaining)
{
	current->key = remaining;
	if (deadline > clock_now())
		thread_wait(NULL, deadline, &for_time);
	return 0;
}

s64 call_nanosleep(const u64 *a)
{
	u64 deadline;
	s64 r = a[0] ? deadline_from_user(a[0], false, false, &deadline) : -EFAULT;

	return r ? r : sleep(deadline, a[1]);
}

s64 call_clock_nanosleep(const u64 *a)
{
	bool absolute = a[1] & TIMER_ABSTIME;
	u64 ns, deadline;
	s64 r = read_clock(a[0], &ns);

	if (r)
		return r;
	r = a[2] ? deadline_from_user(a[2], absolute, absolute && a[0] == REALTIME, &deadline) : -EFAULT;
	return r ? r : sleep(deadline, absolute ? 0 : a[3]);
}
