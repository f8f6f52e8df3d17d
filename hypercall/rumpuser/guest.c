/*
 * Guests: processes of a kernel whose memory is not in this address space, as
 * that of a client of the system call proxy. The kernel asks for it here,
 * naming the process by what it was given when it made it: the handle of the
 * Go side.
 *
 * A call of a guest may come with its memory, which is then one area of this
 * process's. Or it has none, and what is asked for goes by Go to the client. A
 * call reaches the memory of its own process only, and nothing without a call.
 */
#include "rumpuser.h"

#include <string.h>

#include "_cgo_export.h"

/* Processes. */

/* Makes a guest, a child of the process of the current LWP, or of the first
 * one where there is none. Its LWP is the current one afterwards. */
long
hyp_rfork(uintptr_t guest, uintptr_t flags, uintptr_t name)
{
	struct hyp_kernel *k = hyp_current()->kernel;
	int error;

	k->up.schedule();
	error = k->up.lwproc_rfork((void *)guest, flags, (const char *)name);
	k->up.unschedule();
	return error;
}

/* Tells the kernel that the process of the current LWP, its only one, runs
 * another program. */
long
hyp_exec(uintptr_t name)
{
	struct hyp_kernel *k = hyp_current()->kernel;

	k->up.schedule();
	k->up.lwpexit();
	k->up.execnotify((const char *)name);
	k->up.unschedule();
	return 0;
}

/* Memory. */

enum what { COPYIN, COPYINSTR, COPYOUT, ANONMMAP, RAISE, HALT };

struct request { uintptr_t guest; enum what what; uintptr_t addr; void *buf; size_t len; int error; };

static void
ask_client(void *arg)
{
	struct request *r = arg;

	r->error = goGuest(r->guest, r->what, &r->addr, r->buf, &r->len);
}

static int
ask(struct request *r)
{
	struct hyp_kernel *k = hyp_current()->kernel;
	int nlocks = hyp_leave_cpu(k);

	hyp_host_call(ask_client, r);
	hyp_enter_cpu(k, nlocks);
	return r->error;
}

/* Where n bytes of the current call's memory are: in its area, or, NULL, with
 * its client. */
static int
find(void *guest, const void *addr, size_t n, char **where)
{
	struct hyp_thread *t = hyp_current();
	uintptr_t a = (uintptr_t)addr;

	*where = NULL;
	if (t->guest == 0 || t->guest != (uintptr_t)guest)
		return NB_EFAULT;
	if (t->area_end == 0)
		return 0;
	if (a < t->area || a > t->area_end || n > t->area_end - a)
		return NB_EFAULT;
	*where = (char *)a;
	return 0;
}

int
rumpuser_sp_copyin(void *guest, const void *uaddr, void *kaddr, size_t len)
{
	struct request r = { (uintptr_t)guest, COPYIN, (uintptr_t)uaddr, kaddr, len, 0 };
	char *mem;
	int error;

	if ((error = find(guest, uaddr, len, &mem)) != 0)
		return error;
	if (mem == NULL)
		return ask(&r);
	memcpy(kaddr, mem, len);
	return 0;
}

/* *len is the size of the buffer, and afterwards that of the string, if it has
 * an end. */
int
rumpuser_sp_copyinstr(void *guest, const void *uaddr, void *kaddr, size_t *len)
{
	struct request r = { (uintptr_t)guest, COPYINSTR, (uintptr_t)uaddr, kaddr, *len, 0 };
	struct hyp_thread *t = hyp_current();
	char *mem;
	size_t n;
	int error;

	if ((error = find(guest, uaddr, 1, &mem)) != 0)
		return error;
	if (mem == NULL) {
		error = ask(&r);
		*len = r.len;
		return error;
	}
	n = t->area_end - (uintptr_t)mem;
	if (n > *len)
		n = *len;
	n = strnlen(mem, n);
	if (n == *len) { /* the kernel finds no end */
		memcpy(kaddr, mem, n);
		return 0;
	}
	if ((uintptr_t)mem + n == t->area_end)
		return NB_EFAULT;
	memcpy(kaddr, mem, n + 1);
	*len = n + 1;
	return 0;
}

int
rumpuser_sp_copyout(void *guest, const void *kaddr, void *uaddr, size_t len)
{
	struct request r = { (uintptr_t)guest, COPYOUT, (uintptr_t)uaddr, (void *)kaddr, len, 0 };
	struct hyp_thread *t = hyp_current();
	char *mem;
	int error;

	if ((error = find(guest, uaddr, len, &mem)) != 0)
		return error;
	if (mem == NULL)
		return ask(&r);
	memcpy(mem, kaddr, len);
	if ((uintptr_t)mem + len > t->touched)
		t->touched = (uintptr_t)mem + len;
	return 0;
}

int
rumpuser_sp_copyoutstr(void *guest, const void *kaddr, void *uaddr, size_t *len)
{
	return rumpuser_sp_copyout(guest, kaddr, uaddr, *len);
}

int
rumpuser_sp_anonmmap(void *guest, size_t len, void **addr)
{
	struct request r = { (uintptr_t)guest, ANONMMAP, 0, NULL, len, 0 };
	char *mem;

	if (find(guest, NULL, 0, &mem) != 0)
		return NB_ENOMEM; /* memory that the call brought is all there is */
	if (ask(&r) == 0)
		*addr = (void *)r.addr;
	return r.error;
}

/* The kernel holds locks, and the answer does not wait. */
int
rumpuser_sp_raise(void *guest, int signal)
{
	struct request r = { (uintptr_t)guest, RAISE, 0, NULL, signal, 0 };

	hyp_host_call(ask_client, &r);
	return r.error;
}

/* The kernel halts, because a guest's call, or another one, said so. */
void
rumpuser_sp_fini(void *guest)
{
	struct request r = { (uintptr_t)guest, HALT, 0, NULL, 0, 0 };

	if (guest != NULL)
		hyp_host_call(ask_client, &r);
}

/* The kernel does not serve by itself: package rump does. */
int
rumpuser_sp_init(const char *url, const char *os, const char *release, const char *machine)
{
	(void)url, (void)os, (void)release, (void)machine;
	return NB_EOPNOTSUPP;
}
