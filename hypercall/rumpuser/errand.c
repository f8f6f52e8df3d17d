/*
 * Errands: what a fiber asks of the host that may take its time. A thread of
 * the host that is nobody's carrier goes and waits for the answer, so that the
 * other fibers run on.
 */
#define _GNU_SOURCE
#include "rumpuser.h"

struct hyp_errand {
	void (*fn)(void *);
	void *arg;
	struct hyp_thread *sender; /* on whose stack this lies */
	struct hyp_errand *next;
};

void
hyp_errands_init(struct hyp_errands *e)
{
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->come, NULL);
	e->last = &e->first;
}

/* Sends the runners home. No fiber runs any more. */
void
hyp_errands_end(struct hyp_errands *e)
{
	pthread_mutex_lock(&e->lock);
	e->over = true;
	pthread_cond_broadcast(&e->come);
	pthread_mutex_unlock(&e->lock);
}

void
hyp_errands_free(struct hyp_errands *e)
{
	pthread_cond_destroy(&e->come);
	pthread_mutex_destroy(&e->lock);
}

static struct hyp_errand *
next_errand(struct hyp_errands *e)
{
	struct hyp_errand *r;

	pthread_mutex_lock(&e->lock);
	e->idle++;
	while (e->first == NULL && !e->over)
		pthread_cond_wait(&e->come, &e->lock);
	e->idle--;
	if ((r = e->over ? NULL : e->first) != NULL && (e->first = r->next) == NULL)
		e->last = &e->first;
	pthread_mutex_unlock(&e->lock);
	return r;
}

static void
runner(struct hyp_kernel *k)
{
	struct hyp_errand *r;

	while ((r = next_errand(&k->errands)) != NULL) {
		struct hyp_thread *sender = r->sender;
		uint32_t waiting = HYP_WAITING;

		r->fn(r->arg);
		/* From here on the fiber may be gone from where r lies. */
		if (atomic_compare_exchange_strong(&sender->wait, &waiting, HYP_WOKEN))
			hyp_unpark(sender);
	}
}

/* Sees to it that somebody is there to run one more errand. */
static void
hire(struct hyp_kernel *k)
{
	struct hyp_errands *e = &k->errands;
	bool more;

	pthread_mutex_lock(&e->lock);
	if ((more = e->idle == 0 && e->nrunners < HYP_RUNNERS))
		e->nrunners++;
	pthread_mutex_unlock(&e->lock);
	if (more)
		hyp_host_thread(k, "rump errand", runner);
}

/*
 * Calls a function of the host that may take its time. The thread has left its
 * virtual CPU.
 */
void
hyp_host_wait(void (*fn)(void *), void *arg)
{
	struct hyp_thread *t = hyp_current();
	struct hyp_kernel *k = t->kernel;
	struct hyp_errand r = { fn, arg, t, NULL };

	if (!t->fiber || k->turns.on) {
		hyp_host_call(fn, arg);
		return;
	}
	hire(k);
	pthread_mutex_lock(&k->errands.lock);
	atomic_store(&t->wait, HYP_WAITING);
	*k->errands.last = &r;
	k->errands.last = &r.next;
	pthread_cond_signal(&k->errands.come);
	pthread_mutex_unlock(&k->errands.lock);
	/* The runner writes to this stack, so the fiber stays, whatever becomes
	 * of its kernel. Nobody runs it in one that has ended. */
	while (atomic_load(&t->wait) == HYP_WAITING)
		hyp_switch(&t->context, t->runner);
	atomic_store(&t->wait, HYP_NOT_WAITING);
	if (atomic_load(&k->end) != HYP_ALIVE)
		hyp_die(t);
}
