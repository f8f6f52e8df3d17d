/*
 * Threads: waiting and waking, fibers and who runs them, and the end of a
 * kernel, which every thread in it meets at its next wait.
 */
#define _GNU_SOURCE
#include "rumpuser.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "_cgo_export.h"

_Thread_local struct hyp_thread *hyp_self;

/*
 * The thread that runs. A function that may switch fibers reads it once,
 * before: the compiler may keep the address of a thread-local variable, and
 * the fiber may go on in another thread of the host.
 */
__attribute__((noinline)) struct hyp_thread *
hyp_current(void)
{
	return hyp_self;
}

__attribute__((noinline)) static void
become(struct hyp_thread *t)
{
	hyp_self = t;
}

static long
futex(_Atomic uint32_t *word, int op, uint32_t val, const struct timespec *until)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, val, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void
futex_wait(_Atomic uint32_t *word, uint32_t val, int64_t deadline)
{
	struct timespec ts = { deadline / 1000000000, deadline % 1000000000 };

	futex(word, FUTEX_WAIT_BITSET, val, deadline == HYP_NEVER ? NULL : &ts);
}

int64_t
hyp_now(struct hyp_kernel *k)
{
	struct timespec ts;

	if (k->turns.on)
		return k->turns.now;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline void
relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

void
hyp_lock(struct hyp_lock *l)
{
	uint32_t free = 0;

	if (atomic_compare_exchange_strong_explicit(&l->word, &free, 1, memory_order_acquire, memory_order_relaxed))
		return;
	for (int i = 0; i < 64; i++) {
		free = 0;
		relax();
		if (atomic_load_explicit(&l->word, memory_order_relaxed) == 0 &&
		    atomic_compare_exchange_weak_explicit(&l->word, &free, 1, memory_order_acquire, memory_order_relaxed))
			return;
	}
	while (atomic_exchange_explicit(&l->word, 2, memory_order_acquire) != 0)
		futex_wait(&l->word, 2, HYP_NEVER);
}

void
hyp_unlock(struct hyp_lock *l)
{
	if (atomic_exchange_explicit(&l->word, 0, memory_order_release) == 2)
		futex(&l->word, FUTEX_WAKE, 1, NULL);
}

/* Queues. The caller holds the queue's lock. */

void
hyp_enqueue(struct hyp_queue *q, struct hyp_thread *t)
{
	atomic_store(&t->wait, HYP_WAITING);
	atomic_store(&t->queue, q);
	t->next = NULL;
	t->prev = q->tail;
	if (q->tail != NULL)
		q->tail->next = t;
	else
		q->head = t;
	q->tail = t;
}

static void
unlink_thread(struct hyp_queue *q, struct hyp_thread *t)
{
	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		q->head = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	else
		q->tail = t->prev;
	atomic_store(&t->queue, NULL);
}

/* The first thread that still waits, or NULL. It is to be unparked after the
 * queue's lock was released. */
struct hyp_thread *
hyp_dequeue(struct hyp_queue *q)
{
	struct hyp_thread *t;
	uint32_t waiting;

	while ((t = q->head) != NULL) {
		unlink_thread(q, t);
		waiting = HYP_WAITING;
		if (atomic_compare_exchange_strong(&t->wait, &waiting, HYP_WOKEN))
			return t;
	}
	return NULL;
}

/* Ready fibers. */

static void
push_ready(struct hyp_kernel *k, struct hyp_thread *f)
{
	hyp_lock(&k->lock);
	f->ready_next = NULL;
	if (k->ready != NULL)
		k->ready_last->ready_next = f;
	else
		k->ready = f;
	k->ready_last = f;
	atomic_fetch_add(&k->nready, 1);
	hyp_unlock(&k->lock);
}

static struct hyp_thread *
pop_ready(struct hyp_kernel *k)
{
	struct hyp_thread *f;

	if (atomic_load(&k->nready) == 0)
		return NULL;
	hyp_lock(&k->lock);
	if ((f = k->ready) != NULL) {
		k->ready = f->ready_next;
		atomic_fetch_sub(&k->nready, 1);
	}
	hyp_unlock(&k->lock);
	return f;
}

/* A ready fiber as drawn by the seed, or NULL. */
struct hyp_thread *
hyp_draw_ready(struct hyp_kernel *k)
{
	struct hyp_thread **p = &k->ready, *f, *before = NULL;
	int n = atomic_load(&k->nready);

	if (n == 0)
		return NULL;
	for (int i = n > 1 ? hyp_draw(k, n) : 0; i > 0; i--) {
		before = *p;
		p = &before->ready_next;
	}
	f = *p;
	*p = f->ready_next;
	if (k->ready_last == f)
		k->ready_last = before;
	atomic_fetch_sub(&k->nready, 1);
	return f;
}

/* Wakes a carrier that sleeps. */
void
hyp_kick(struct hyp_kernel *k)
{
	if (atomic_exchange(&k->carrier_futex, 0) == 1)
		futex(&k->carrier_futex, FUTEX_WAKE, 1, NULL);
}

/*
 * Makes a fiber ready. Who runs it? A thread of the same kernel that is here
 * will, as soon as it waits or leaves; with one virtual CPU nobody could
 * earlier. With several, a carrier may.
 */
void
hyp_ready(struct hyp_thread *f)
{
	struct hyp_kernel *k = f->kernel;
	struct hyp_thread *t = hyp_current();

	push_ready(k, f);
	if (k->turns.on)
		return;
	if (t == NULL || t->kernel != k || k->ncpu > 1)
		hyp_kick(k);
}

void
hyp_unpark(struct hyp_thread *t)
{
	uint32_t state;

	if (!t->fiber) {
		if (atomic_exchange(&t->futex, 0) == 1)
			futex(&t->futex, FUTEX_WAKE, 1, NULL);
		return;
	}
	state = HYP_PARKED;
	if (atomic_compare_exchange_strong(&t->run, &state, HYP_RUNNING)) {
		hyp_ready(t);
		return;
	}
	state = HYP_RUNNING;
	if (atomic_compare_exchange_strong(&t->run, &state, HYP_NOTIFIED))
		return;
	state = HYP_PARKED; /* it stopped meanwhile */
	if (atomic_compare_exchange_strong(&t->run, &state, HYP_RUNNING))
		hyp_ready(t);
}

#define STACK_SIZE (128 << 10) /* of addresses; memory as it is touched */
#define GUARD_SIZE (16 << 10)

void
hyp_stack_free(struct hyp_thread *f)
{
	if (f->stack != NULL)
		munmap(f->stack, STACK_SIZE);
	f->stack = NULL;
}

/* Runs a fiber from this stack until it stops. */
void
hyp_run_fiber(struct hyp_thread *f)
{
	struct hyp_context here;
	struct hyp_thread *outer = hyp_current();
	uint32_t running;

	for (;;) {
		f->runner = &here;
		become(f);
		hyp_switch(&here, &f->context);
		if (f->request == NULL)
			break;
		/* It wants a function of the host, which needs a stack that
		 * the host knows. */
		become(NULL);
		f->request(f->request_arg);
		f->request = NULL;
	}
	become(outer);
	if (f->finished) {
		if (!f->call) /* the next call has the same stack */
			hyp_stack_free(f);
		return;
	}
	running = HYP_RUNNING;
	if (!atomic_compare_exchange_strong(&f->run, &running, HYP_PARKED)) {
		atomic_store(&f->run, HYP_RUNNING); /* notified */
		push_ready(f->kernel, f);
	}
}

/* Runs ready fibers, at most n of them. */
void
hyp_run_ready(struct hyp_kernel *k, int n)
{
	struct hyp_thread *f;

	while (n-- > 0 && atomic_load(&k->end) == HYP_ALIVE && (f = pop_ready(k)) != NULL)
		hyp_run_fiber(f);
}

/* Timers, under kernel->lock. */

static void
add_timer(struct hyp_kernel *k, struct hyp_thread *f, int64_t deadline)
{
	struct hyp_thread **p;
	bool sooner;

	hyp_lock(&k->lock);
	f->deadline = deadline;
	f->timed = true;
	for (p = &k->timers; *p != NULL && (*p)->deadline <= deadline; p = &(*p)->timer_next)
		continue;
	f->timer_next = *p;
	*p = f;
	sooner = deadline < k->carrier_deadline;
	hyp_unlock(&k->lock);
	if (sooner)
		hyp_kick(k);
}

static void
remove_timer(struct hyp_kernel *k, struct hyp_thread *f)
{
	struct hyp_thread **p;

	hyp_lock(&k->lock);
	if (f->timed) {
		for (p = &k->timers; *p != f; p = &(*p)->timer_next)
			continue;
		*p = f->timer_next;
		f->timed = false;
	}
	hyp_unlock(&k->lock);
}

/* Unparks fibers whose time has come and returns the next deadline. */
int64_t
hyp_expire_timers(struct hyp_kernel *k)
{
	struct hyp_thread *f;
	int64_t next, now = hyp_now(k);

	for (;;) {
		hyp_lock(&k->lock);
		f = k->timers;
		if (f == NULL || f->deadline > now) {
			next = k->carrier_deadline = f != NULL ? f->deadline : HYP_NEVER;
			hyp_unlock(&k->lock);
			return next;
		}
		k->timers = f->timer_next;
		f->timed = false;
		hyp_unlock(&k->lock);
		hyp_unpark(f);
	}
}

/* Waiting. */

static bool
give_up(struct hyp_thread *t)
{
	uint32_t waiting = HYP_WAITING;

	return atomic_compare_exchange_strong(&t->wait, &waiting, HYP_GAVE_UP);
}

static int
park_fiber(struct hyp_thread *t, int64_t deadline)
{
	struct hyp_kernel *k = t->kernel;

	while (atomic_load(&t->wait) == HYP_WAITING) {
		if (atomic_load(&k->end) != HYP_ALIVE)
			hyp_die(t);
		if (t->catching && atomic_load(&t->interrupted)) {
			if (give_up(t))
				return EINTR;
			break;
		}
		if (deadline != HYP_NEVER) {
			if (hyp_now(k) >= deadline) {
				if (give_up(t))
					return ETIMEDOUT;
				break;
			}
			add_timer(k, t, deadline);
		}
		hyp_switch(&t->context, t->runner);
		if (deadline != HYP_NEVER)
			remove_timer(k, t);
	}
	return 0;
}

static void
note_parked(struct hyp_kernel *k, struct hyp_thread *t, bool parked)
{
	hyp_lock(&k->lock);
	if (parked) {
		t->parked_prev = NULL;
		t->parked_next = k->parked;
		if (k->parked != NULL)
			k->parked->parked_prev = t;
		k->parked = t;
	} else {
		if (t->parked_prev != NULL)
			t->parked_prev->parked_next = t->parked_next;
		else
			k->parked = t->parked_next;
		if (t->parked_next != NULL)
			t->parked_next->parked_prev = t->parked_prev;
	}
	t->parked = parked;
	hyp_unlock(&k->lock);
}

/* Why a caller may not wait any longer, -1 for no reason. */
static int
why_not(struct hyp_thread *t, int64_t deadline)
{
	if (atomic_load(&t->wait) != HYP_WAITING)
		return 0;
	if (atomic_load(&t->kernel->end) != HYP_ALIVE)
		return ECANCELED;
	if (t->catching && atomic_load(&t->interrupted))
		return give_up(t) ? EINTR : 0;
	if (deadline != HYP_NEVER && hyp_now(t->kernel) >= deadline)
		return give_up(t) ? ETIMEDOUT : 0;
	return -1;
}

static int
park_caller(struct hyp_thread *t, int64_t deadline)
{
	struct hyp_kernel *k = t->kernel;
	int why;

	note_parked(k, t, true);
	while ((why = why_not(t, deadline)) < 0) {
		if (atomic_load(&k->nready) > 0) {
			hyp_run_ready(k, 1);
			continue;
		}
		atomic_store(&t->futex, 1);
		if ((why = why_not(t, deadline)) >= 0)
			break;
		if (atomic_load(&k->nready) > 0)
			continue;
		futex_wait(&t->futex, 1, deadline);
	}
	atomic_store(&t->futex, 0);
	note_parked(k, t, false);
	if (why == ECANCELED)
		hyp_die(t);
	return why;
}

/*
 * Waits until the current thread, which was enqueued on q, is woken: 0. Or
 * until the deadline: ETIMEDOUT; or, with catch, until hyp_interrupt: EINTR. The thread is in no queue afterwards. It does not return
 * when the kernel ends.
 */
int
hyp_park(struct hyp_queue *q, int64_t deadline, bool catch)
{
	struct hyp_thread *t = hyp_current();
	int why;

	t->catching = catch;
	if (t->kernel->turns.on)
		hyp_note(t->kernel, (uintptr_t)deadline);
	why = t->fiber ? park_fiber(t, deadline) : park_caller(t, deadline);
	if (why != 0 && q != NULL) {
		hyp_lock(&q->lock);
		if (atomic_load(&t->queue) == q)
			unlink_thread(q, t);
		hyp_unlock(&q->lock);
	}
	t->wait_for = NULL;
	atomic_store(&t->wait, HYP_NOT_WAITING);
	if (why == EINTR)
		t->cut_short = true;
	return why;
}

/*
 * Calls a function of the host that may enter Go, and does not take long. The
 * thread has left its virtual CPU, or the function is very short.
 */
void
hyp_host_call(void (*fn)(void *), void *arg)
{
	struct hyp_thread *t = hyp_current();
	struct hyp_kernel *k = t->kernel;

	if (t->fiber) {
		t->request_arg = arg;
		t->request = fn;
		hyp_switch(&t->context, t->runner);
	} else {
		if (atomic_load(&k->nready) > 0)
			hyp_kick(k);
		become(NULL);
		fn(arg);
		become(t);
	}
	if (atomic_load(&k->end) != HYP_ALIVE)
		hyp_die(t);
}

/* The end. */

static void
wake_everybody(struct hyp_kernel *k)
{
	struct hyp_thread *t;

	hyp_lock(&k->lock);
	for (t = k->parked; t != NULL; t = t->parked_next)
		hyp_unpark(t);
	hyp_unlock(&k->lock);
	atomic_store(&k->carrier_futex, 0);
	futex(&k->carrier_futex, FUTEX_WAKE, INT32_MAX, NULL);
}

/* Ends a kernel: only the first end counts. Threads leave it at their next
 * wait. */
void
hyp_end(struct hyp_kernel *k, enum hyp_end how, int status)
{
	int alive = HYP_ALIVE;

	if (atomic_compare_exchange_strong(&k->end, &alive, how)) {
		k->status = status;
		wake_everybody(k);
	}
}

/* Takes a thread out of a kernel that has ended. */
_Noreturn void
hyp_die(struct hyp_thread *t)
{
	if (t->fiber) {
		t->finished = true;
		hyp_switch(&t->context, t->runner);
		abort();
	}
	__builtin_longjmp(t->exit, 1);
}

/* Ends the turn of a fiber that does not wait. */
void
hyp_yield(struct hyp_thread *t)
{
	atomic_store(&t->run, HYP_NOTIFIED); /* hyp_run_fiber makes it ready again */
	hyp_switch(&t->context, t->runner);
	if (atomic_load(&t->kernel->end) != HYP_ALIVE)
		hyp_die(t);
}

/* Fibers. */

_Noreturn void
hyp_fiber_main(struct hyp_thread *f)
{
	f->start(f->start_arg);
	rumpuser_thread_exit();
}

/* Gives a fiber a stack from which hyp_fiber_main starts. One that it has is
 * used again. */
int
hyp_stack_init(struct hyp_thread *f)
{
	struct hyp_turns *turns = &f->kernel->turns;
	uintptr_t *sp;
	char *stack, *at = NULL;

	if (f->stack == NULL) {
		if (turns->stacks < turns->stacks_end) {
			at = turns->stacks;
			turns->stacks += STACK_SIZE;
		}
		stack = mmap(at, STACK_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK | (at != NULL ? MAP_FIXED_NOREPLACE : 0), -1, 0);
		if (stack == MAP_FAILED)
			return NB_ENOMEM;
		if (mprotect(stack, GUARD_SIZE, PROT_NONE) != 0) {
			munmap(stack, STACK_SIZE);
			return NB_ENOMEM;
		}
		f->stack = stack;
		f->stack_top = stack + STACK_SIZE;
	}
	sp = (uintptr_t *)f->stack_top;
#if defined(__x86_64__)
	/* As hyp_switch leaves a stack: r15 r14 r13 r12 rbx rbp, return. The
	 * call in hyp_fiber_entry expects it aligned. */
	*--sp = 0;
	*--sp = 0;
	*--sp = (uintptr_t)hyp_fiber_entry;
	*--sp = 0;
	*--sp = (uintptr_t)f;
	sp -= 4;
#elif defined(__aarch64__)
	sp -= 20;
	sp[0] = (uintptr_t)f;              /* x19 */
	sp[11] = (uintptr_t)hyp_fiber_entry; /* x30 */
#endif
	f->context.sp = sp;
	return 0;
}

static struct hyp_thread *
new_fiber(struct hyp_kernel *k)
{
	struct hyp_thread *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->kernel = k;
	f->fiber = true;
	if (hyp_stack_init(f) != 0) {
		free(f);
		return NULL;
	}
	hyp_lock(&k->lock);
	f->all_next = k->fibers;
	k->fibers = f;
	f->number = k->nthreads++;
	hyp_unlock(&k->lock);
	return f;
}

static void
carrier(struct hyp_kernel *k)
{
	int64_t next;

	while (atomic_load(&k->end) == HYP_ALIVE) {
		hyp_run_ready(k, INT32_MAX);
		/* From here on who brings work, or a nearer deadline, sets
		 * the word back. */
		atomic_store(&k->carrier_futex, 1);
		next = hyp_expire_timers(k);
		if (atomic_load(&k->nready) == 0 && atomic_load(&k->end) == HYP_ALIVE)
			futex_wait(&k->carrier_futex, 1, next);
	}
	goEnded(k->handle);
}

/* Threads of the host. They are Go's, not C's: a thread of C's would wait in
 * its first call of Go until all packages of the program are initialised, and
 * a kernel may boot before. */

struct host_thread { struct hyp_kernel *k; const char *name; void (*fn)(struct hyp_kernel *); };

static void
start_host_thread(void *arg)
{
	struct host_thread *h = arg;

	goThread(h->k->handle, (char *)h->name, (uintptr_t)h->fn);
}

/* Starts a thread that runs fn, which ends when the kernel does. */
void
hyp_host_thread(struct hyp_kernel *k, const char *name, void (*fn)(struct hyp_kernel *))
{
	struct host_thread h = { k, name, fn };

	hyp_host_call(start_host_thread, &h);
}

/* Is such a thread. One that is the process's first has its name already. */
void
hyp_host_thread_run(struct hyp_kernel *k, const char *name, uintptr_t fn)
{
	if (gettid() != getpid())
		prctl(PR_SET_NAME, name);
	((void (*)(struct hyp_kernel *))fn)(k);
}

/* Starts the carriers: as many as can be in the kernel at a time. */
static void
start_carriers(struct hyp_kernel *k)
{
	k->ncarriers = k->ncpu < 8 ? k->ncpu : 8;
	for (int i = 0; i < k->ncarriers; i++)
		hyp_host_thread(k, "rump", carrier);
}

struct start_request { struct hyp_kernel *k; const char *name; int error; };

static void
ask_start(void *arg)
{
	struct start_request *r = arg;

	r->error = goStartThread(r->k->handle, (char *)r->name);
}

int
rumpuser_thread_create(void *(*fn)(void *), void *arg, const char *name, int joinable, int priority, int cpu, void **cookie)
{
	struct hyp_kernel *k = hyp_current()->kernel;
	struct start_request r = { k, name != NULL ? name : "", 0 };
	struct hyp_thread *f;

	if (k->hooks & HYP_HOOK_THREADS) {
		hyp_host_call(ask_start, &r);
		if (r.error != 0)
			return r.error;
	}
	(void)priority, (void)cpu; /* the kernel's scheduler has the last word */
	if (k->ncarriers == 0 && !k->turns.on)
		start_carriers(k);
	if ((f = new_fiber(k)) == NULL)
		return NB_ENOMEM;
	f->start = fn;
	f->start_arg = arg;
	f->joinable = joinable;
	if (name != NULL)
		strncpy(f->name, name, sizeof f->name - 1);
	if (joinable)
		*cookie = f;
	hyp_ready(f);
	return 0;
}

_Noreturn void
rumpuser_thread_exit(void)
{
	struct hyp_thread *f = hyp_current(), *t;

	if (!f->fiber || f->call) /* a caller: the kernel ended its process under it */
		hyp_die(f);
	hyp_lock(&f->joiners.lock);
	f->finished = true;
	t = hyp_dequeue(&f->joiners);
	hyp_unlock(&f->joiners.lock);
	if (t != NULL)
		hyp_unpark(t);
	hyp_switch(&f->context, f->runner);
	abort();
}

int
rumpuser_thread_join(void *cookie)
{
	struct hyp_thread *t = hyp_current(), *f = cookie;
	int nlocks = hyp_leave_cpu(t->kernel);

	hyp_lock(&f->joiners.lock);
	if (f->finished) {
		hyp_unlock(&f->joiners.lock);
	} else {
		hyp_enqueue(&f->joiners, t);
		hyp_unlock(&f->joiners.lock);
		hyp_park(&f->joiners, HYP_NEVER, false);
	}
	hyp_enter_cpu(t->kernel, nlocks);
	return 0;
}

/* Takes away what is left of the threads of a kernel that has ended. No caller
 * and no thread of the host is in it. */
void
hyp_threads_free(struct hyp_kernel *k)
{
	struct hyp_thread *f;

	hyp_errands_free(&k->errands);
	while ((f = k->fibers) != NULL) {
		k->fibers = f->all_next;
		hyp_stack_free(f);
		free(f);
	}
}
