/*
 * Threads and the scheduler: round robin by slices of 10 ms, no priorities. One
 * queue of those that are ready serves all processors.
 *
 * The shim has no stack for a thread: a call that waits leaves nothing behind
 * but its registers and the function that will finish it.
 */
#include "signal.h"
#include "thread.h"

#define SLICE_NS 10000000ul

struct queue descriptor_waiters;

static struct thread *table[MAX_THREADS];
static u32 count;
static int last_tid;
static struct queue ready;
static struct thread *sleepers; /* by deadline, the earliest first */

/* ---- queues */

static void queue_add(struct queue *q, struct thread *t)
{
	t->queue = q;
	t->next = NULL;
	t->prev = q->last;
	if (q->last)
		q->last->next = t;
	else
		q->first = t;
	q->last = t;
}

static void queue_remove(struct thread *t)
{
	struct queue *q = t->queue;

	if (!q)
		return;
	*(t->prev ? &t->prev->next : &q->first) = t->next;
	*(t->next ? &t->next->prev : &q->last) = t->prev;
	t->queue = NULL;
}

/* An idle processor takes it. This one does, if it is idle itself and has nothing else. */
static void make_ready(struct thread *t)
{
	queue_add(&ready, t);
	if (cpu_count > 1 && !(this_cpu()->idle && ready.first == t))
		smp_kick_idle();
}

static void sleep_until(struct thread *t, u64 deadline)
{
	struct thread *before = NULL, *after = sleepers;

	for (; after && after->deadline <= deadline; after = after->later)
		before = after;
	t->deadline = deadline;
	t->sleeping = true;
	t->earlier = before;
	t->later = after;
	*(before ? &before->later : &sleepers) = t;
	if (after)
		after->earlier = t;
	clock_interrupt_at(deadline);
}

static void stop_sleeping(struct thread *t)
{
	if (!t->sleeping)
		return;
	*(t->earlier ? &t->earlier->later : &sleepers) = t->later;
	if (t->later)
		t->later->earlier = t->earlier;
	t->sleeping = false;
}

/* ---- the table */

u32 thread_count(void)
{
	return count;
}

struct thread *thread_at(u32 slot)
{
	return table[slot];
}

struct thread *thread_find(int tid)
{
	for (u32 i = 0; i < MAX_THREADS; i++)
		if (table[i] && table[i]->tid == tid)
			return table[i];
	return NULL;
}

static struct thread *thread_alloc(void)
{
	struct thread *t;

	for (u32 i = 0; i < MAX_THREADS; i++) {
		if (table[i])
			continue;
		t = page_alloc_zeroed();
		if (!t)
			return NULL;
		t->tid = ++last_tid;
		table[i] = t;
		count++;
		return t;
	}
	return NULL;
}

void threads_init(void)
{
	xstate_init();
}

struct thread *thread_first(void)
{
	struct thread *t = thread_alloc();

	if (!t)
		panic("no memory for a thread");
	t->regs.cs = USER_CS;
	t->regs.ss = USER_DS;
	t->regs.rflags = FLAG_FIXED | FLAG_INTERRUPT;
	xstate_reset(t->xstate);
	return t;
}

struct thread *thread_clone(void)
{
	struct thread *t = thread_alloc();

	if (!t)
		return NULL;
	t->regs = current->regs;
	t->regs.rax = 0;
	t->fs_base = current->fs_base;
	t->signals.mask = current->signals.mask;
	xstate_save(t->xstate);
	make_ready(t);
	return t;
}

/* Its page goes when another thread runs: the shim may still use it in this call. */
void thread_exit(void)
{
	for (u32 i = 0; i < MAX_THREADS; i++)
		if (table[i] == current)
			table[i] = NULL;
	count--;
	pages_free(current, 0);
	current = NULL;
}

void thread_set_fs(struct thread *t, u64 base)
{
	t->fs_base = base;
	if (t == current)
		wrmsr(MSR_FS_BASE, base);
}

/* ---- waiting */

void thread_wait(struct queue *q, u64 deadline, const struct wait *wait)
{
	struct thread *t = current;

	t->wait = wait;
	t->deadline = deadline;
	if (q)
		queue_add(q, t);
	if (deadline != NEVER)
		sleep_until(t, deadline);
	t->why = WOKEN;
}

void thread_interrupt(const struct thread *t)
{
	for (u32 i = 0; i < cpu_count; i++)
		if (&cpus[i] != this_cpu() && cpus[i].running == t)
			smp_interrupt(&cpus[i]);
}

bool thread_is_waiting(const struct thread *t)
{
	return t->wait && t->queue != &ready;
}

void thread_wake(struct thread *t, enum wake why)
{
	queue_remove(t);
	stop_sleeping(t);
	t->why = why;
	make_ready(t);
}

void thread_wake_all(struct queue *q)
{
	while (q->first)
		thread_wake(q->first, WOKEN);
}

void thread_requeue(struct thread *t, struct queue *q)
{
	queue_remove(t);
	queue_add(q, t);
}

void threads_timer(void)
{
	u64 now = clock_now();

	while (sleepers && sleepers->deadline <= now)
		thread_wake(sleepers, TIMED_OUT);
	if (sleepers)
		clock_interrupt_at(sleepers->deadline);
}

bool threads_sleep(void)
{
	return sleepers != NULL;
}

/* ---- choosing who runs */

void thread_yield(void)
{
	this_cpu()->slice_end = 0;
}

static void switch_to(struct thread *t)
{
	queue_remove(t);
	this_cpu()->slice_end = clock_now() + SLICE_NS;
	if (t == current)
		return;
	if (current)
		xstate_save(current->xstate);
	current = t;
	xstate_restore(t->xstate);
	wrmsr(MSR_FS_BASE, t->fs_base);
	percpu_set_frame(&t->regs);
}

/* Ends the call that the current thread waited in; false where it waits on. */
static bool finish_wait(void)
{
	struct thread *t = current;
	s64 r = t->wait->finish(t, t->why);

	if (r == WAIT_ON) {
		thread_wait(&descriptor_waiters, t->deadline, t->wait);
		return false;
	}
	t->wait = NULL;
	if (r != -EINTR) /* then a handler comes first */
		signal_end_mask_for_call();
	t->restart = r == RESTART;
	t->regs.rax = (u64)r;
	return true;
}

/*
 * A thread that waits may go on anywhere. Where there is one processor, its
 * extended state stays in that until another thread runs.
 */
static void leave_thread(void)
{
	if (!current || cpu_count == 1)
		return;
	xstate_save(current->xstate);
	current = NULL;
}

static void idle(void)
{
	struct cpu *c = this_cpu();

	c->idle = true;
	watchdog_idle();
	c->idle = false;
	c->kicked = false;
}

/* The current thread until its slice is over, then whoever waited longest for a turn. */
static struct thread *next_thread(void)
{
	bool running = current && !current->wait;

	if (running && (!ready.first || clock_now() < this_cpu()->slice_end))
		return current;
	if (running)
		queue_add(&ready, current);
	else
		leave_thread();
	while (!ready.first)
		idle();
	return ready.first;
}

/* A slice that is over without anybody who wants the processor begins anew. */
static void arm_slice(void)
{
	struct cpu *c = this_cpu();
	u64 now = clock_now();

	if (c->slice_end <= now)
		c->slice_end = now + SLICE_NS;
	clock_interrupt_at(c->slice_end);
}

struct regs *schedule(void)
{
	for (;;) {
		struct thread *t = next_thread();

		if (t->queue)
			switch_to(t);
		if (t->wait && !finish_wait())
			continue;
		signal_deliver();
		if (ready.first || cpu_count > 1) /* another may make a thread ready at any time */
			arm_slice();
		return &current->regs;
	}
}

NORETURN void thread_start(struct thread *t)
{
	struct regs *r;

	queue_add(&ready, t);
	r = schedule();
	lock_leave();
	resume(r);
}
