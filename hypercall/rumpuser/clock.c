/*
 * The clock, and sleeping.
 */
#include "rumpuser.h"

#include <errno.h>
#include <time.h>

#include "_cgo_export.h"

enum { CLOCK_RELWALL, CLOCK_ABSMONO };

struct clock_request { struct hyp_kernel *k; int which; int64_t now; };

static void
ask_clock(void *arg)
{
	struct clock_request *r = arg;

	r->now = goClock(r->k->handle, r->which);
}

int
rumpuser_clock_gettime(int which, int64_t *sec, long *nsec)
{
	struct hyp_kernel *k = hyp_current()->kernel;
	struct timespec ts;

	if (k->hooks & HYP_HOOK_CLOCK) {
		struct clock_request r = { k, which, 0 };

		hyp_host_call(ask_clock, &r);
		*sec = r.now / 1000000000;
		*nsec = r.now % 1000000000;
		return 0;
	}
	if (k->turns.on) {
		int64_t now = k->turns.now + (which == CLOCK_RELWALL ? k->turns.epoch : 0);

		*sec = now / 1000000000;
		*nsec = now % 1000000000;
		return 0;
	}
	clock_gettime(which == CLOCK_RELWALL ? CLOCK_REALTIME : CLOCK_MONOTONIC, &ts);
	*sec = ts.tv_sec;
	*nsec = ts.tv_nsec;
	return 0;
}

/* Ticks of a kernel in which nobody is come in bunches: its clock sleeps this
 * much longer, and then catches up. */
#define IDLE_SLEEP 100000000
/* So many ticks without a call make a kernel idle. */
#define IDLE_TICKS 5

/* How late a tick of the kernel's clock may be. */
static int64_t
lateness(struct hyp_kernel *k)
{
	uint64_t calls = atomic_load_explicit(&k->calls, memory_order_relaxed);

	if (calls != k->calls_seen || k->parked != NULL) {
		k->calls_seen = calls;
		k->idle_ticks = 0;
		return 0;
	}
	return ++k->idle_ticks > IDLE_TICKS ? IDLE_SLEEP : 0;
}

/* How far the clock that the kernel is told is behind the one it sleeps by. */
static int64_t
behind(struct hyp_kernel *k, int64_t now)
{
	int64_t sec;
	long nsec;

	if (!(k->hooks & HYP_HOOK_CLOCK))
		return 0;
	rumpuser_clock_gettime(CLOCK_ABSMONO, &sec, &nsec);
	return now - (sec * 1000000000 + nsec);
}

int
rumpuser_clock_sleep(int which, int64_t sec, long nsec)
{
	struct hyp_thread *t = hyp_current();
	struct hyp_kernel *k = t->kernel;
	int64_t deadline = HYP_NEVER, now = hyp_now(k);
	int nlocks;

	if (sec < 1000000000)
		deadline = sec * 1000000000 + nsec + (which == CLOCK_RELWALL ? now : behind(k, now));
	nlocks = hyp_leave_cpu(k);
	if (deadline > now) {
		if (which == CLOCK_ABSMONO && !k->turns.on)
			deadline += lateness(k);
		atomic_store(&t->wait, HYP_WAITING);
		t->wait_for = "time";
		hyp_park(NULL, deadline, t->interruptible);
	}
	hyp_enter_cpu(k, nlocks);
	return 0;
}
