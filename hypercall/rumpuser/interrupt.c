/*
 * Calls that end early. A kernel's sleep that a signal may end is one of few
 * functions with a name that has not changed in decades. The loader puts ours
 * in their place: they let the wait below know, and answer EINTR when it was
 * ended.
 */
#include "rumpuser.h"

#define PCATCH 0x100

/* Runs a sleep in a way that hyp_interrupt may end. */
#define INTERRUPTIBLY(t, sleep)						\
	({								\
		bool was_ = (t)->interruptible;				\
		int error_ = NB_EINTR;					\
									\
		(t)->interruptible = true;				\
		if (!atomic_load(&(t)->interrupted)) {			\
			(t)->cut_short = false;				\
			error_ = (sleep);				\
			if ((t)->cut_short)				\
				error_ = NB_EINTR;			\
		}							\
		(t)->interruptible = was_;				\
		error_;							\
	})

int
hyp_cv_wait_sig(void *cv, void *mtx)
{
	struct hyp_thread *t = hyp_current();

	return INTERRUPTIBLY(t, t->kernel->orig.cv_wait_sig(cv, mtx));
}

int
hyp_cv_timedwait_sig(void *cv, void *mtx, int ticks)
{
	struct hyp_thread *t = hyp_current();

	return INTERRUPTIBLY(t, t->kernel->orig.cv_timedwait_sig(cv, mtx, ticks));
}

/* select and poll sleep by sleepq_block, which sleeps by cv_timedwait. */
int
hyp_cv_timedwait(void *cv, void *mtx, int ticks)
{
	struct hyp_thread *t = hyp_current();

	if (!t->in_sleepq)
		return t->kernel->orig.cv_timedwait(cv, mtx, ticks);
	return INTERRUPTIBLY(t, t->kernel->orig.cv_timedwait(cv, mtx, ticks));
}

/* Newer kernels pass a third argument. */
int
hyp_sleepq_block(int ticks, bool catch, void *sync)
{
	struct hyp_thread *t = hyp_current();
	int error;

	t->in_sleepq = catch;
	error = t->kernel->orig.sleepq_block(ticks, catch, sync);
	t->in_sleepq = false;
	return error;
}

int
hyp_kpause(const char *why, bool catch, int ticks, void *mtx)
{
	struct hyp_thread *t = hyp_current();

	if (!catch)
		return t->kernel->orig.kpause(why, catch, ticks, mtx);
	return INTERRUPTIBLY(t, t->kernel->orig.kpause(why, catch, ticks, mtx));
}

int
hyp_tsleep(void *id, int prio, const char *why, int ticks)
{
	struct hyp_thread *t = hyp_current();

	if (!(prio & PCATCH))
		return t->kernel->orig.tsleep(id, prio, why, ticks);
	return INTERRUPTIBLY(t, t->kernel->orig.tsleep(id, prio, why, ticks));
}

int
hyp_mtsleep(void *id, int prio, const char *why, int ticks, void *mtx)
{
	struct hyp_thread *t = hyp_current();

	if (!(prio & PCATCH))
		return t->kernel->orig.mtsleep(id, prio, why, ticks, mtx);
	return INTERRUPTIBLY(t, t->kernel->orig.mtsleep(id, prio, why, ticks, mtx));
}

/* Ends the sleep that a caller is in, or the next one. */
void
hyp_interrupt(struct hyp_thread *t)
{
	atomic_store(&t->interrupted, true);
	hyp_unpark(t);
}
