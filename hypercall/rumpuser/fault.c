/*
 * Bad addresses. A system call may be given one, and answers EFAULT. The
 * kernel may follow one of its own, and then this kernel ends and no other.
 */
#define _GNU_SOURCE
#include "rumpuser.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static struct sigaction before[NSIG];

static const int caught[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };

/* Called on the stack that the fault left, by hyp_fault_entry. */
_Noreturn void
hyp_fault_main(void)
{
	struct hyp_thread *t = hyp_current();

	hyp_end(t->kernel, HYP_FAULTED, 0);
	hyp_die(t);
}

static void
set_pc(ucontext_t *uc, uintptr_t pc)
{
#if defined(__x86_64__)
	uc->uc_mcontext.gregs[REG_RIP] = pc;
#elif defined(__aarch64__)
	uc->uc_mcontext.pc = pc;
#endif
}

static uintptr_t
get_pc(ucontext_t *uc)
{
#if defined(__x86_64__)
	return uc->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return uc->uc_mcontext.pc;
#endif
}

/* A fiber's stack may be used up: what it held is of no use any more. */
static void
set_stack(ucontext_t *uc, struct hyp_thread *t)
{
#if defined(__x86_64__)
	uintptr_t sp = uc->uc_mcontext.gregs[REG_RSP] - 256;
#elif defined(__aarch64__)
	uintptr_t sp = uc->uc_mcontext.sp - 256;
#endif

	if (t->fiber)
		sp = (uintptr_t)t->stack_top;
	sp &= ~(uintptr_t)15;
#if defined(__x86_64__)
	uc->uc_mcontext.gregs[REG_RSP] = sp;
#elif defined(__aarch64__)
	uc->uc_mcontext.sp = sp;
#endif
}

static void
handle(int sig, siginfo_t *info, void *ctx)
{
	struct hyp_thread *t = hyp_self;
	ucontext_t *uc = ctx;
	uintptr_t pc = get_pc(uc);
	struct sigaction *old = &before[sig];

	if (t != NULL && info->si_code > 0) {
		if (pc >= (uintptr_t)hyp_guarded_start && pc < (uintptr_t)hyp_guarded_end) {
			set_pc(uc, (uintptr_t)hyp_guarded_fault);
			return;
		}
		if (atomic_load(&t->kernel->end) == HYP_ALIVE) {
			t->kernel->fault_signal = sig;
			t->kernel->fault_addr = (uintptr_t)info->si_addr;
			t->kernel->fault_pc = pc;
		}
		set_stack(uc, t);
		set_pc(uc, (uintptr_t)hyp_fault_entry);
		return;
	}
	/* Not ours: Go's, or somebody else's in this process. */
	if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(sig, info, ctx);
	} else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
		old->sa_handler(sig);
	} else {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

static int catch_error;

static void
catch_once(void)
{
	struct sigaction sa = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };

	sigfillset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		if (sigaction(caught[i], &sa, &before[caught[i]]) != 0)
			catch_error = -1;
}

/* Puts the handler in front of Go's. */
int
hyp_catch_faults(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, catch_once);
	return catch_error;
}

/*
 * The kernel's copies between its own memory and a process's. A process of
 * this side has its memory in this address space, and the kernel would follow
 * any pointer into it.
 */

int
hyp_copyin(const void *uaddr, void *kaddr, size_t len)
{
	struct hyp_thread *t = hyp_current();

	if (!t->user)
		return t->kernel->orig.copyin(uaddr, kaddr, len);
	return hyp_guarded_copy(kaddr, uaddr, len);
}

int
hyp_copyout(const void *kaddr, void *uaddr, size_t len)
{
	struct hyp_thread *t = hyp_current();

	if (!t->user)
		return t->kernel->orig.copyout(kaddr, uaddr, len);
	return hyp_guarded_copy(uaddr, kaddr, len);
}

/* Copies a string piece by piece, none of which crosses a page of the
 * process: what lies behind the string's end may not be there. */
static int
copy_string(const char *from, char *to, size_t len, size_t *done, uintptr_t user)
{
	size_t copied = 0, n;
	char *nul;
	int error;

	while (copied < len) {
		n = 4096 - ((user + copied) & 4095);
		if (n > 256)
			n = 256;
		if (n > len - copied)
			n = len - copied;
		if ((error = hyp_guarded_copy(to + copied, from + copied, n)) != 0)
			return error;
		if ((nul = memchr(to + copied, 0, n)) != NULL) {
			if (done != NULL)
				*done = nul - to + 1;
			return 0;
		}
		copied += n;
	}
	return NB_ENAMETOOLONG;
}

int
hyp_copyinstr(const void *uaddr, void *kaddr, size_t len, size_t *done)
{
	struct hyp_thread *t = hyp_current();

	if (!t->user)
		return t->kernel->orig.copyinstr(uaddr, kaddr, len, done);
	return copy_string(uaddr, kaddr, len, done, (uintptr_t)uaddr);
}

int
hyp_copyoutstr(const void *kaddr, void *uaddr, size_t len, size_t *done)
{
	struct hyp_thread *t = hyp_current();
	size_t n;
	int error;

	if (!t->user)
		return t->kernel->orig.copyoutstr(kaddr, uaddr, len, done);
	if ((n = strnlen(kaddr, len)) == len)
		return NB_ENAMETOOLONG;
	if ((error = hyp_guarded_copy(uaddr, kaddr, n + 1)) == 0 && done != NULL)
		*done = n + 1;
	return error;
}
