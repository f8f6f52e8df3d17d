/*
 * The way into a kernel, and out of it.
 */
#include "rumpuser.h"

#include <stdlib.h>
#include <string.h>

struct hyp_kernel *
hyp_kernel_new(uintptr_t handle, size_t memory, int ncpu, uint32_t hooks, uintptr_t base)
{
	struct hyp_kernel *k = calloc(1, sizeof *k);

	if (k == NULL)
		return NULL;
	k->handle = handle;
	k->ncpu = ncpu;
	k->hooks = hooks;
	k->carrier_deadline = HYP_NEVER;
	if (hyp_catch_faults() != 0 || hyp_arena_init(&k->arena, memory, base) != 0) {
		free(k);
		return NULL;
	}
	hyp_errands_init(&k->errands);
	return k;
}

/* Has the threads of the host that are in a kernel leave it. It has ended, and
 * no caller is in it. */
void
hyp_kernel_leave(struct hyp_kernel *k)
{
	hyp_errands_end(&k->errands);
}

/* Frees a kernel that has ended, or that never began, and that all have left. */
void
hyp_kernel_free(struct hyp_kernel *k)
{
	hyp_threads_free(k);
	hyp_arena_free(&k->arena);
	free(k->components);
	free(k->modules);
	free(k);
}

struct hyp_thread *
hyp_thread_alloc(struct hyp_kernel *k)
{
	struct hyp_thread *t = calloc(1, sizeof *t);

	if (t != NULL) {
		t->kernel = k;
		t->number = k->turns.ncalls++;
		t->call = k->turns.on;
	}
	return t;
}

/* Frees a caller that is in no call, or whose kernel has ended. */
void
hyp_thread_free(struct hyp_thread *t)
{
	hyp_stack_free(t);
	free(t);
}

/* So many fibers are run by a caller on its way out; more are left to a
 * carrier. */
#define RUN_AT_EXIT 8

static inline void
leave(struct hyp_thread *t)
{
	struct hyp_kernel *k = t->kernel;

	if (__builtin_expect(atomic_load_explicit(&k->nready, memory_order_relaxed) > 0, 0)) {
		hyp_run_ready(k, RUN_AT_EXIT);
		if (atomic_load(&k->nready) > 0)
			hyp_kick(k);
	}
	hyp_self = t->outer;
}

static inline bool
enter(struct hyp_thread *t)
{
	struct hyp_kernel *k = t->kernel;

	if (__builtin_expect(atomic_load_explicit(&k->end, memory_order_relaxed) != HYP_ALIVE, 0))
		return false;
	atomic_store_explicit(&k->calls, atomic_load_explicit(&k->calls, memory_order_relaxed) + 1, memory_order_relaxed);
	t->outer = hyp_self;
	hyp_self = t;
	return true;
}

/* Calls a function of the kernel with the first six words of args. HYP_DEAD
 * where the kernel has ended, or does so meanwhile. */
__attribute__((noinline)) long
hyp_invoke(struct hyp_thread *t, uintptr_t fn)
{
	struct hyp_thread *volatile self = t;
	long r;

	if (!enter(t))
		return HYP_DEAD;
	if (__builtin_setjmp(t->exit) == 0)
		r = hyp_call(t, fn);
	else
		r = HYP_DEAD;
	leave(self);
	return r;
}

/* Makes a system call for the LWP of a thread, with the arguments in args. */
__attribute__((noinline)) int
hyp_syscall(uintptr_t thread, uintptr_t num)
{
	struct hyp_thread *t = (struct hyp_thread *)thread;
	struct hyp_thread *volatile self = t;
	int r;

	if (!enter(t))
		return HYP_DEAD;
	t->user = t->guest == 0;
	if (__builtin_setjmp(t->exit) == 0)
		r = t->kernel->syscall(num, t->args, sizeof t->args, t->ret);
	else
		r = HYP_DEAD;
	leave(self);
	return r;
}

/* Makes n system calls one after the other, in one crossing. HYP_DEAD where
 * the kernel has ended, or does so meanwhile. */
__attribute__((noinline)) int
hyp_syscalls(uintptr_t thread, struct hyp_batch *calls, uintptr_t n)
{
	struct hyp_thread *t = (struct hyp_thread *)thread;
	struct hyp_thread *volatile self = t;
	int r = 0;

	if (!enter(t))
		return HYP_DEAD;
	t->user = true;
	if (__builtin_setjmp(t->exit) == 0) {
		for (struct hyp_batch *c = calls; c < calls + n; c++)
			c->error = t->kernel->syscall(c->num, c->args, sizeof c->args, c->ret);
	} else {
		r = HYP_DEAD;
	}
	leave(self);
	return r;
}

long
hyp_call(struct hyp_thread *t, uintptr_t fn)
{
	long (*f)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t) = (void *)fn;
	uintptr_t *a = t->args;

	return f(a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* What callers call in a kernel by hyp_invoke. */

/* Gives the current thread an LWP of a process. */
long
hyp_newlwp(uintptr_t pid)
{
	struct hyp_kernel *k = hyp_current()->kernel;
	int error;

	k->up.schedule();
	error = k->up.lwproc_newlwp(pid);
	k->up.unschedule();
	return error;
}

/* Gives the current thread an LWP of process 0, if it has none. */
static bool
belong(void)
{
	return hyp_current()->lwp != NULL || hyp_newlwp(0) == 0;
}

/* Tells the kernel that a transfer has ended. */
long
hyp_biodone(uintptr_t done, uintptr_t arg, size_t n, int error)
{
	struct hyp_kernel *k = hyp_current()->kernel;

	if (!belong())
		return NB_ENOMEM;
	hyp_enter_cpu(k, 0);
	((void (*)(void *, size_t, int))done)((void *)arg, n, error);
	hyp_leave_cpu(k);
	return 0;
}

/* Gives the kernel a packet. */
long
hyp_deliver(uintptr_t fn, uintptr_t sc, uintptr_t iov, size_t n)
{
	struct hyp_kernel *k = hyp_current()->kernel;

	if (!belong())
		return NB_ENOMEM;
	hyp_enter_cpu(k, 0);
	((void (*)(void *, void *, size_t))fn)((void *)sc, (void *)iov, n);
	hyp_leave_cpu(k);
	return 0;
}

/* Ends a kernel from outside. */
void
hyp_kill(struct hyp_kernel *k, int end)
{
	hyp_end(k, end, 0);
}
