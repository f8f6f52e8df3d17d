/*
 * Mutexes, reader/writer locks and condition variables: rumpuser(3)'s, each a
 * word that is changed by one instruction while nobody waits, and a queue for
 * when somebody does.
 */
#include "rumpuser.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { MTX_SPIN = 1, MTX_KMUTEX = 2 };

enum { LOCKED = 1, WAITED = 2 };

struct rumpuser_mtx {
	struct hyp_queue queue;
	_Atomic uint32_t word; /* LOCKED, WAITED; WAITED is set under the queue's lock */
	uint32_t flags;
	struct lwp *owner; /* of a kernel mutex */
};

_Static_assert(sizeof(struct rumpuser_mtx) <= HYP_CELL, "a mutex fits its cell");

void
rumpuser_mutex_init(struct rumpuser_mtx **mp, int flags)
{
	struct rumpuser_mtx *m = hyp_cell(hyp_current()->kernel);

	m->flags = flags;
	*mp = m;
}

void
rumpuser_mutex_destroy(struct rumpuser_mtx *m)
{
	hyp_cell_free(hyp_current()->kernel, m);
}

static inline bool
try_lock(struct rumpuser_mtx *m)
{
	uint32_t w = 0;

	return atomic_compare_exchange_strong_explicit(&m->word, &w, LOCKED, memory_order_acquire, memory_order_relaxed);
}

/* Takes a mutex that somebody has, or had a moment ago. */
static void
lock_slowly(struct rumpuser_mtx *m)
{
	struct hyp_thread *t = hyp_current();
	uint32_t w;

	for (int i = 0; i < 40; i++) {
		if (atomic_load_explicit(&m->word, memory_order_relaxed) == 0 && try_lock(m))
			return;
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	hyp_lock(&m->queue.lock);
	for (;;) {
		w = atomic_load(&m->word);
		if ((w & LOCKED) == 0) {
			if (atomic_compare_exchange_strong(&m->word, &w, LOCKED | (m->queue.head ? WAITED : 0)))
				break;
			continue;
		}
		if (!atomic_compare_exchange_strong(&m->word, &w, LOCKED | WAITED))
			continue;
		hyp_enqueue(&m->queue, t);
		hyp_unlock(&m->queue.lock);
		t->wait_for = "mutex";
		hyp_park(&m->queue, HYP_NEVER, false);
		hyp_lock(&m->queue.lock);
	}
	hyp_unlock(&m->queue.lock);
}

static void
unlock(struct rumpuser_mtx *m)
{
	struct hyp_thread *t;
	uint32_t w = LOCKED;

	if (atomic_compare_exchange_strong_explicit(&m->word, &w, 0, memory_order_release, memory_order_relaxed))
		return;
	hyp_lock(&m->queue.lock);
	t = hyp_dequeue(&m->queue);
	atomic_store(&m->word, m->queue.head != NULL ? WAITED : 0);
	hyp_unlock(&m->queue.lock);
	if (t != NULL)
		hyp_unpark(t);
}

static inline void
own(struct rumpuser_mtx *m, struct lwp *l)
{
	if (m->flags & MTX_KMUTEX)
		m->owner = l;
}

/*
 * Loops such as knote_detach's take a spin mutex, see that another thread is
 * not done yet, and try again. They expect that thread on another processor.
 * Where it waits for this one, they would go on for ever: so who takes the same
 * spin mutex again and again, and has no other, lets the others run. Nowhere
 * else does a thread leave its virtual CPU for a spin mutex.
 */
#define PATIENCE 10000

static inline bool
is_spin(const struct rumpuser_mtx *m)
{
	return m->flags == (MTX_SPIN | MTX_KMUTEX);
}

static void
give_way(struct hyp_thread *t)
{
	int nlocks = hyp_leave_cpu(t->kernel);

	t->in_a_row = 0;
	if (t->fiber)
		hyp_yield(t);
	else
		usleep(50);
	hyp_enter_cpu(t->kernel, nlocks);
}

static inline void
before_spin(struct hyp_thread *t, struct rumpuser_mtx *m)
{
	if (t->last_spin != m || t->nspins > 0) {
		t->last_spin = m;
		t->in_a_row = 0;
	} else if (++t->in_a_row == PATIENCE) {
		give_way(t);
	}
}

static inline void
take(struct rumpuser_mtx *m, struct hyp_thread *t)
{
	if (is_spin(m))
		t->nspins++;
	own(m, t->lwp);
}

static inline void
release(struct rumpuser_mtx *m)
{
	if (is_spin(m))
		hyp_current()->nspins--;
	own(m, NULL);
	unlock(m);
}

void
rumpuser_mutex_enter(struct rumpuser_mtx *m)
{
	struct hyp_thread *t = hyp_current();
	int nlocks;

	hyp_pause(t);
	if (!try_lock(m)) {
		if (m->flags & MTX_SPIN) {
			lock_slowly(m);
		} else {
			nlocks = hyp_leave_cpu(t->kernel);
			lock_slowly(m);
			hyp_enter_cpu(t->kernel, nlocks);
		}
	}
	take(m, t);
}

void
rumpuser_mutex_enter_nowrap(struct rumpuser_mtx *m)
{
	struct hyp_thread *t = hyp_current();

	if (is_spin(m))
		before_spin(t, m);
	if (!try_lock(m))
		lock_slowly(m);
	take(m, t);
}

int
rumpuser_mutex_tryenter(struct rumpuser_mtx *m)
{
	uint32_t w = atomic_load_explicit(&m->word, memory_order_relaxed);

	while ((w & LOCKED) == 0) {
		if (atomic_compare_exchange_weak_explicit(&m->word, &w, w | LOCKED, memory_order_acquire, memory_order_relaxed)) {
			take(m, hyp_current());
			return 0;
		}
	}
	return NB_EBUSY;
}

void
rumpuser_mutex_exit(struct rumpuser_mtx *m)
{
	release(m);
}

void
rumpuser_mutex_owner(struct rumpuser_mtx *m, struct lwp **lp)
{
	*lp = m->owner;
}

/* Reader/writer locks. */

#define RW_WRITER 0x80000000u
#define RW_WAITED 0x40000000u /* set under the queue's lock */
#define RW_READERS 0x3fffffffu

enum { READER, WRITER };

struct rumpuser_rw {
	struct hyp_queue queue;
	_Atomic uint32_t word;
	struct lwp *writer;
};

_Static_assert(sizeof(struct rumpuser_rw) <= HYP_CELL, "a reader/writer lock fits its cell");

void
rumpuser_rw_init(struct rumpuser_rw **rwp)
{
	*rwp = hyp_cell(hyp_current()->kernel);
}

void
rumpuser_rw_destroy(struct rumpuser_rw *rw)
{
	hyp_cell_free(hyp_current()->kernel, rw);
}

/* Takes the lock if it is free for that. Newcomers leave it to those who
 * wait. */
static bool
rw_try(struct rumpuser_rw *rw, int how, bool newcomer, struct lwp *l)
{
	uint32_t w = atomic_load_explicit(&rw->word, memory_order_relaxed), busy, next;

	for (;;) {
		busy = how == WRITER ? RW_WRITER | RW_READERS : RW_WRITER;
		if (newcomer)
			busy |= RW_WAITED;
		if (w & busy)
			return false;
		next = how == WRITER ? w | RW_WRITER : w + 1;
		if (atomic_compare_exchange_weak_explicit(&rw->word, &w, next, memory_order_acquire, memory_order_relaxed))
			break;
	}
	if (how == WRITER)
		rw->writer = l;
	return true;
}

static void
rw_slowly(struct rumpuser_rw *rw, int how, struct hyp_thread *t)
{
	bool behind;
	uint32_t w;

	hyp_lock(&rw->queue.lock);
	/* A reader does not overtake a writer that waits for readers. */
	behind = how == READER && rw->queue.head != NULL;
	for (;;) {
		/* Said before the look, so that who leaves looks here. */
		w = atomic_fetch_or(&rw->word, RW_WAITED);
		if (!(behind && (w & RW_READERS)) && rw_try(rw, how, false, t->lwp))
			break;
		behind = false;
		t->writer = how == WRITER;
		hyp_enqueue(&rw->queue, t);
		hyp_unlock(&rw->queue.lock);
		t->wait_for = "reader/writer lock";
		hyp_park(&rw->queue, HYP_NEVER, false);
		hyp_lock(&rw->queue.lock);
	}
	if (rw->queue.head == NULL)
		atomic_fetch_and(&rw->word, ~RW_WAITED);
	hyp_unlock(&rw->queue.lock);
}

/* Wakes those at the head of the queue: one writer, or readers. */
static void
rw_wake(struct rumpuser_rw *rw)
{
	struct hyp_thread *t;
	bool writer;

	hyp_lock(&rw->queue.lock);
	do {
		writer = rw->queue.head != NULL && rw->queue.head->writer;
		if ((t = hyp_dequeue(&rw->queue)) != NULL)
			hyp_unpark(t);
	} while (!writer && rw->queue.head != NULL && !rw->queue.head->writer);
	if (rw->queue.head == NULL)
		atomic_fetch_and(&rw->word, ~RW_WAITED);
	hyp_unlock(&rw->queue.lock);
}

void
rumpuser_rw_enter(int how, struct rumpuser_rw *rw)
{
	struct hyp_thread *t = hyp_current();
	int nlocks;

	hyp_pause(t);
	if (rw_try(rw, how, true, t->lwp))
		return;
	nlocks = hyp_leave_cpu(t->kernel);
	rw_slowly(rw, how, t);
	hyp_enter_cpu(t->kernel, nlocks);
}

int
rumpuser_rw_tryenter(int how, struct rumpuser_rw *rw)
{
	return rw_try(rw, how, true, hyp_current()->lwp) ? 0 : NB_EBUSY;
}

int
rumpuser_rw_tryupgrade(struct rumpuser_rw *rw)
{
	uint32_t w = atomic_load(&rw->word);

	while ((w & (RW_READERS | RW_WRITER)) == 1) {
		if (atomic_compare_exchange_weak(&rw->word, &w, (w & RW_WAITED) | RW_WRITER)) {
			rw->writer = hyp_current()->lwp;
			return 0;
		}
	}
	return NB_EBUSY;
}

void
rumpuser_rw_downgrade(struct rumpuser_rw *rw)
{
	uint32_t w = atomic_load(&rw->word);

	rw->writer = NULL;
	while (!atomic_compare_exchange_weak(&rw->word, &w, (w & RW_WAITED) | 1))
		continue;
	if (w & RW_WAITED)
		rw_wake(rw);
}

void
rumpuser_rw_exit(struct rumpuser_rw *rw)
{
	uint32_t w = atomic_load_explicit(&rw->word, memory_order_relaxed), next;

	if (w & RW_WRITER)
		rw->writer = NULL;
	do {
		next = w & RW_WRITER ? w & ~RW_WRITER : w - 1;
	} while (!atomic_compare_exchange_weak_explicit(&rw->word, &w, next, memory_order_acq_rel, memory_order_relaxed));
	if ((next & RW_WAITED) && (next & RW_READERS) == 0)
		rw_wake(rw);
}

void
rumpuser_rw_held(int how, struct rumpuser_rw *rw, int *held)
{
	uint32_t w = atomic_load_explicit(&rw->word, memory_order_relaxed);

	if (how == WRITER)
		*held = (w & RW_WRITER) && rw->writer == hyp_current()->lwp;
	else
		*held = w & RW_READERS;
}

/* Condition variables. */

struct rumpuser_cv {
	struct hyp_queue queue;
	_Atomic int waiters;
};

_Static_assert(sizeof(struct rumpuser_cv) <= HYP_CELL, "a condition variable fits its cell");

void
rumpuser_cv_init(struct rumpuser_cv **cvp)
{
	*cvp = hyp_cell(hyp_current()->kernel);
}

void
rumpuser_cv_destroy(struct rumpuser_cv *cv)
{
	hyp_cell_free(hyp_current()->kernel, cv);
}

static int
wait(struct rumpuser_cv *cv, struct rumpuser_mtx *m, struct hyp_thread *t, int64_t deadline)
{
	int why;

	atomic_fetch_add_explicit(&cv->waiters, 1, memory_order_relaxed);
	hyp_lock(&cv->queue.lock);
	hyp_enqueue(&cv->queue, t);
	hyp_unlock(&cv->queue.lock);
	release(m);
	t->wait_for = "condition variable";
	why = hyp_park(&cv->queue, deadline, t->interruptible);
	atomic_fetch_sub_explicit(&cv->waiters, 1, memory_order_relaxed);
	return why;
}

static int
wait_off_cpu(struct rumpuser_cv *cv, struct rumpuser_mtx *m, int64_t deadline)
{
	struct hyp_thread *t = hyp_current();
	struct hyp_kernel *k = t->kernel;
	int why, nlocks;

	/* The kernel's scheduler locks the mutex itself here if it is the one
	 * of its virtual CPU, and unlocks it there. */
	k->up.backend_unschedule(0, &nlocks, m);
	why = wait(cv, m, t, deadline);
	if (m->flags & MTX_KMUTEX) {
		/* First the CPU, then the mutex: who has the CPU may want a
		 * spin mutex, and who waits for the CPU would hold it. */
		hyp_enter_cpu(k, nlocks);
		rumpuser_mutex_enter(m);
	} else {
		rumpuser_mutex_enter_nowrap(m);
		k->up.backend_schedule(nlocks, m);
	}
	return why;
}

void
rumpuser_cv_wait(struct rumpuser_cv *cv, struct rumpuser_mtx *m)
{
	wait_off_cpu(cv, m, HYP_NEVER);
}

void
rumpuser_cv_wait_nowrap(struct rumpuser_cv *cv, struct rumpuser_mtx *m)
{
	struct hyp_thread *t = hyp_current();

	wait(cv, m, t, HYP_NEVER);
	rumpuser_mutex_enter_nowrap(m);
}

int
rumpuser_cv_timedwait(struct rumpuser_cv *cv, struct rumpuser_mtx *m, int64_t sec, int64_t nsec)
{
	int64_t deadline = HYP_NEVER;

	if (sec < 1000000000)
		deadline = hyp_now(hyp_current()->kernel) + sec * 1000000000 + nsec;
	return wait_off_cpu(cv, m, deadline) == ETIMEDOUT ? NB_ETIMEDOUT : 0;
}

void
rumpuser_cv_signal(struct rumpuser_cv *cv)
{
	struct hyp_thread *t;

	if (atomic_load(&cv->waiters) == 0)
		return;
	hyp_lock(&cv->queue.lock);
	t = hyp_dequeue(&cv->queue);
	hyp_unlock(&cv->queue.lock);
	if (t != NULL)
		hyp_unpark(t);
}

void
rumpuser_cv_broadcast(struct rumpuser_cv *cv)
{
	struct hyp_thread *t;

	if (atomic_load(&cv->waiters) == 0)
		return;
	/* A thread that was dequeued may go on at once, wherever it is: it is
	 * in no list any more. */
	hyp_lock(&cv->queue.lock);
	while ((t = hyp_dequeue(&cv->queue)) != NULL)
		hyp_unpark(t);
	hyp_unlock(&cv->queue.lock);
}

void
rumpuser_cv_has_waiters(struct rumpuser_cv *cv, int *waiters)
{
	*waiters = atomic_load_explicit(&cv->waiters, memory_order_relaxed);
}
