/*
 * Turns. A kernel whose host has a scheduler has no threads of the host: its
 * threads run one at a time, when the scheduler says so, each until it waits.
 * A call goes on where it begins, as if its caller were the processor, until it
 * waits for the first time.
 * Which one is next is drawn from the ready ones by a generator that the
 * scheduler seeded, and time is what the scheduler says. Callers are fibers
 * as well: their system calls have stacks of their own, so that one that waits
 * holds no thread, and which call goes on first is drawn like the rest.
 *
 * So a kernel does the same with the same seed, as long as what it is given is
 * the same. The trace is a hash over what it did: whose turn it was, what
 * threads waited for and until when, what the host answered.
 *
 * One thread of the host is in here at a time; the scheduler sees to that.
 */
#include "rumpuser.h"

#include <stdio.h>
#include <string.h>

/* splitmix64, by Vigna's public domain description. */
static uint64_t
next_random(struct hyp_kernel *k)
{
	uint64_t z = (k->turns.random += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* A number below n. */
uint32_t
hyp_draw(struct hyp_kernel *k, uint32_t n)
{
	return (uint32_t)(((next_random(k) >> 32) * n) >> 32);
}

/* Turns are on before the kernel has threads. */
void
hyp_turns_init(struct hyp_kernel *k, uint64_t seed, uint32_t preempt, int64_t epoch, char *stacks, char *stacks_end)
{
	k->turns.on = true;
	k->turns.random = seed;
	k->turns.preempt = preempt;
	k->turns.epoch = epoch;
	k->turns.stacks = stacks;
	k->turns.stacks_end = stacks_end;
}

void
hyp_note_bytes(struct hyp_kernel *k, const void *data, size_t n)
{
	const char *p = data;
	uint64_t word;

	for (hyp_note(k, n); n > 0; ) {
		size_t some = n < sizeof word ? n : sizeof word;

		word = 0;
		memcpy(&word, p, some);
		hyp_note(k, word);
		p += some;
		n -= some;
	}
}

void
hyp_pause_slowly(struct hyp_thread *t)
{
	if (next_random(t->kernel) >> 32 < t->kernel->turns.preempt)
		hyp_yield(t);
}

/* Lets at most n ready threads have a turn. It stops early, and returns the
 * caller, when a call has ended. */
struct hyp_thread *
hyp_take_turns(struct hyp_kernel *k, int n)
{
	struct hyp_thread *t;

	while (n-- > 0 && atomic_load(&k->end) == HYP_ALIVE && (t = hyp_draw_ready(k)) != NULL) {
		k->turns.count++;
		hyp_note(k, (uint64_t)t->number << 1 | t->call);
		hyp_run_fiber(t);
		if (t->finished && t->call)
			return t;
	}
	return NULL;
}

/* Calls. */

static void *
call(void *arg)
{
	struct hyp_thread *t = arg;

	t->result = hyp_call(t, t->entry);
	return NULL;
}

static void *
system_call(void *arg)
{
	struct hyp_thread *t = arg;

	t->result = t->kernel->syscall(t->entry, t->args, sizeof t->args, t->ret);
	hyp_note(t->kernel, t->result);
	hyp_note(t->kernel, t->ret[0]);
	return NULL;
}

static void
begin(struct hyp_thread *t, void *(*start)(void *), uintptr_t entry)
{
	t->fiber = true;
	t->finished = false;
	t->result = HYP_DEAD;
	t->entry = entry;
	t->start = start;
	t->start_arg = t;
	atomic_store(&t->run, HYP_RUNNING);
	if (atomic_load(&t->kernel->end) != HYP_ALIVE || hyp_stack_init(t) != 0)
		t->finished = true;
}

/* Lets a call that has begun go on at once, until it waits. */
void
hyp_go_on(struct hyp_thread *t)
{
	if (t->finished)
		return;
	hyp_note(t->kernel, (uint64_t)t->number << 1 | t->call);
	hyp_run_fiber(t);
}

/* Begins a call of a function of the kernel; see hyp_invoke. The result is in
 * the thread when it has finished. */
void
hyp_begin(struct hyp_thread *t, uintptr_t fn)
{
	begin(t, call, fn);
}

/* Begins a system call; see hyp_syscall. */
void
hyp_begin_syscall(struct hyp_thread *t, uintptr_t num)
{
	t->user = t->guest == 0;
	hyp_note(t->kernel, num);
	begin(t, system_call, num);
}

/* Writes what the kernel's own threads wait for to buf, a line for each. */
size_t
hyp_describe(struct hyp_kernel *k, char *buf, size_t len)
{
	size_t at = 0;

	for (struct hyp_thread *f = k->fibers; f != NULL && at < len; f = f->all_next)
		if (!f->finished)
			at += snprintf(buf + at, len - at, "%s: %s\n", f->name, f->wait_for != NULL ? f->wait_for : "runs");
	return at < len ? at : len;
}
