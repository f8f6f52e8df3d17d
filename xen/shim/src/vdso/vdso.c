/*
 * The code that programs call instead of making a system call (vdso(7)): a
 * small shared object, mapped behind the page vdso_data. Its functions have
 * the names and the version that Linux gives them.
 */
#include "../layout.h"
#include "vdso.h"

#define VISIBLE __attribute__((visibility("default")))

struct timespec {
	long sec, nsec;
};

struct timeval {
	long sec, usec;
};

enum clock { REALTIME = 0, MONOTONIC = 1, MONOTONIC_RAW = 4, REALTIME_COARSE = 5, MONOTONIC_COARSE = 6, BOOTTIME = 7, TAI = 11 };
enum { CALL_CLOCK_GETTIME = 228, SECOND = 1000000000 };

static unsigned long now(void)
{
	unsigned int lo, hi;
	unsigned long tsc;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	tsc = lo | (unsigned long)hi << 32;
	return (unsigned long)((unsigned __int128)(tsc - vdso_data.tsc_base) * vdso_data.tsc_scale >> VDSO_SCALE_BITS);
}

static long call(long nr, long a, void *b)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return r;
}

VISIBLE int __vdso_clock_gettime(int clock, struct timespec *ts)
{
	unsigned long t;

	switch (clock) {
	case REALTIME:
	case REALTIME_COARSE:
	case TAI:
		t = now() + vdso_data.wall_offset;
		break;
	case MONOTONIC:
	case MONOTONIC_RAW:
	case MONOTONIC_COARSE:
	case BOOTTIME:
		t = now();
		break;
	default:
		return (int)call(CALL_CLOCK_GETTIME, clock, ts);
	}
	ts->sec = (long)(t / SECOND);
	ts->nsec = (long)(t % SECOND);
	return 0;
}

VISIBLE int __vdso_gettimeofday(struct timeval *tv, void *zone)
{
	unsigned long t = now() + vdso_data.wall_offset;

	(void)zone;
	if (tv) {
		tv->sec = (long)(t / SECOND);
		tv->usec = (long)(t % SECOND / 1000);
	}
	return 0;
}

VISIBLE long __vdso_time(long *t)
{
	long sec = (long)((now() + vdso_data.wall_offset) / SECOND);

	if (t)
		*t = sec;
	return sec;
}

/* The processor's number is the limit of a segment (NUMBER_SEL of layout.h). */
static unsigned processor(void)
{
	unsigned limit = 0;

	__asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"(NUMBER_SEL) : "cc");
	return limit;
}

VISIBLE long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	(void)unused;
	if (cpu)
		*cpu = processor();
	if (node)
		*node = 0;
	return 0;
}
