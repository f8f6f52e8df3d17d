/*
 * epoll(7). An instance has a page with an entry for each descriptor. Waiting
 * is done on the queue of all descriptors: who wakes looks through its page.
 *
 * Edge-triggered: reported once for each change of the file (file.changes).
 */
#include "calls.h"
#include "descriptor.h"
#include "signal.h"
#include "thread.h"

struct interest {
	u32 events;  /* 0: not watched */
	u32 changes; /* of the file, when it was reported last */
	u64 data;
};
_Static_assert(sizeof(struct interest) * MAX_DESCRIPTORS == PAGE_SIZE, "one page");

struct epoll_event {
	u32 events;
	u64 data;
} PACKED;

enum { EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2, EPOLL_CTL_MOD = 3 };
enum { MAX_EVENTS = 1024 };

static struct interest *instances[MAX_FILES]; /* for epoll_forget */

static void epoll_close(struct file *f)
{
	for (u32 i = 0; i < COUNT(instances); i++)
		if (instances[i] == f->interests)
			instances[i] = NULL;
	pages_free(f->interests, 0);
}

const struct file_type epoll_type = {S_IFREG | 0600, NULL, NULL, NULL, epoll_close};

void epoll_forget(u64 fd)
{
	for (u32 i = 0; i < COUNT(instances); i++)
		if (instances[i])
			instances[i][fd].events = 0;
}

s64 call_epoll_create1(const u64 *a)
{
	struct interest *page;
	struct file *f;
	s64 fd;

	if (a[0] & ~(u64)O_CLOEXEC)
		return -EINVAL;
	page = page_alloc_zeroed();
	if (!page)
		return -ENOMEM;
	fd = descriptor_open(&epoll_type, O_RDWR | (u32)a[0], &f);
	if (fd < 0) {
		pages_free(page, 0);
		return fd;
	}
	f->interests = page;
	for (u32 i = 0; i < COUNT(instances); i++)
		if (!instances[i]) {
			instances[i] = page;
			break;
		}
	return fd;
}

s64 call_epoll_create(const u64 *a)
{
	const u64 flags[] = {0};

	return (s32)a[0] > 0 ? call_epoll_create1(flags) : -EINVAL;
}

static struct file *instance(u64 fd)
{
	struct file *f = descriptor_file(fd);

	return f && f->type == &epoll_type ? f : NULL;
}

s64 call_epoll_ctl(const u64 *a)
{
	struct file *ep = instance(a[0]), *f = descriptor_file(a[2]);
	struct epoll_event event = {0};
	struct interest *i;

	if (!descriptor_file(a[0]) || !f)
		return -EBADF;
	if (!ep || f == ep)
		return -EINVAL;
	if (!f->type->ready)
		return -EPERM;
	if (a[1] != EPOLL_CTL_DEL && from_user(&event, a[3], sizeof(event)))
		return -EFAULT;
	i = &ep->interests[a[2]];
	if (a[1] == EPOLL_CTL_ADD && i->events)
		return -EEXIST;
	if (a[1] != EPOLL_CTL_ADD && !i->events)
		return -ENOENT;
	switch (a[1]) {
	case EPOLL_CTL_ADD:
	case EPOLL_CTL_MOD:
		*i = (struct interest){event.events | EVENT_ERROR | EVENT_HANGUP, f->changes - 1, event.data};
		thread_wake_all(&descriptor_waiters);
		return 0;
	case EPOLL_CTL_DEL:
		i->events = 0;
		return 0;
	}
	return -EINVAL;
}

static u32 ready_events(const struct interest *i, const struct file *f)
{
	if (!f || !f->type->ready || (i->events & EVENT_EDGE && i->changes == f->changes))
		return 0;
	return f->type->ready(f) & i->events;
}

/* Reports what is ready; the number of events, or -EFAULT. */
static s64 collect(struct file *ep, u64 addr, u64 limit)
{
	u64 n = 0;

	for (u64 fd = 0; fd < MAX_DESCRIPTORS && n < limit; fd++) {
		struct interest *i = &ep->interests[fd];
		struct file *f = descriptor_file(fd);
		struct epoll_event event = {i->events ? ready_events(i, f) : 0, i->data};

		if (!event.events)
			continue;
		if (to_user(addr + n * sizeof(event), &event, sizeof(event)))
			return n ? (s64)n : -EFAULT;
		i->changes = f->changes;
		if (i->events & EVENT_ONE_SHOT)
			i->events = EVENT_ONE_SHOT;
		n++;
	}
	return (s64)n;
}

static s64 finish(struct thread *t, enum wake why)
{
	struct file *ep = instance(t->regs.rdi);
	s64 n;

	if (!ep)
		return -EBADF;
	n = collect(ep, t->regs.rsi, t->regs.rdx);
	if (n)
		return n;
	return why == WOKEN ? WAIT_ON : why == TIMED_OUT ? 0 : -EINTR;
}

static bool is_watched(const struct interest *i)
{
	return i->events & ~(u32)(EVENT_ONE_SHOT | EVENT_EDGE);
}

static bool from_outside(const struct thread *t)
{
	const struct file *ep = instance(t->regs.rdi);

	for (u64 fd = 0; ep && fd < MAX_DESCRIPTORS; fd++)
		if (is_watched(&ep->interests[fd]) && file_from_outside(descriptor_file(fd), ep->interests[fd].events))
			return true;
	return false;
}

static void describe(const struct thread *t)
{
	const struct file *ep = instance(t->regs.rdi);

	print("events of epoll %d, which watches", (s32)t->regs.rdi);
	for (u64 fd = 0; ep && fd < MAX_DESCRIPTORS; fd++)
		if (is_watched(&ep->interests[fd]))
			print(" %lu", fd);
}

static const struct wait for_events = {finish, from_outside, describe};

s64 call_epoll_wait(const u64 *a)
{
	struct file *ep = instance(a[0]);
	s32 timeout = (s32)a[3];
	s64 n;

	if (!descriptor_file(a[0]))
		return -EBADF;
	if (!ep || (s32)a[2] <= 0 || (s32)a[2] > MAX_EVENTS)
		return -EINVAL;
	n = collect(ep, a[1], a[2]);
	if (n == 0 && timeout != 0)
		thread_wait(&descriptor_waiters, timeout < 0 ? NEVER : clock_now() + (u64)timeout * 1000000, &for_events);
	return n;
}

s64 call_epoll_pwait(const u64 *a)
{
	s64 r = signal_mask_for_call(a[4], a[5]);

	return r ? r : call_epoll_wait(a);
}
