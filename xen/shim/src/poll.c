/* poll(2) and ppoll(2), over the same queue as epoll. */
#include "calls.h"
#include "descriptor.h"
#include "signal.h"
#include "thread.h"

struct pollfd {
	s32 fd;
	u16 events, revents;
};

static u16 look(const struct pollfd *p)
{
	struct file *f = descriptor_file((u64)(s64)p->fd);
	u32 ready = EVENT_IN | EVENT_OUT; /* a file that cannot be waited for never blocks */

	if (p->fd < 0)
		return 0;
	if (!f)
		return EVENT_INVALID;
	if (f->type->ready)
		ready = f->type->ready(f);
	return (u16)(ready & (p->events | EVENT_ERROR | EVENT_HANGUP));
}

/* How many of the program's entries are ready, or -EFAULT. */
static s64 collect(u64 addr, u64 count)
{
	s64 n = 0;

	for (u64 i = 0; i < count; i++, addr += sizeof(struct pollfd)) {
		struct pollfd p;

		if (from_user(&p, addr, sizeof(p)))
			return -EFAULT;
		p.revents = look(&p);
		if (to_user(addr, &p, sizeof(p)))
			return -EFAULT;
		n += p.revents != 0;
	}
	return n;
}

static s64 finish(struct thread *t, enum wake why)
{
	s64 n = collect(t->regs.rdi, t->regs.rsi);

	if (n)
		return n;
	return why == WOKEN ? WAIT_ON : why == TIMED_OUT ? 0 : -EINTR;
}

static bool next_entry(u64 *addr, u64 *left, struct pollfd *p)
{
	if (!*left || from_user(p, *addr, sizeof(*p)))
		return false;
	*addr += sizeof(*p);
	--*left;
	return true;
}

static bool from_outside(const struct thread *t)
{
	u64 addr = t->regs.rdi, left = t->regs.rsi;
	struct pollfd p;

	while (next_entry(&addr, &left, &p))
		if (file_from_outside(descriptor_file((u64)(s64)p.fd), p.events))
			return true;
	return false;
}

static void describe(const struct thread *t)
{
	u64 addr = t->regs.rdi, left = t->regs.rsi;
	struct pollfd p;

	print("one of %lu descriptors", left);
	while (next_entry(&addr, &left, &p))
		print(" %d", p.fd);
}

static const struct wait for_poll = {finish, from_outside, describe};

static s64 wait(u64 addr, u64 count, u64 deadline)
{
	s64 n;

	if (count > MAX_DESCRIPTORS)
		return -EINVAL;
	n = collect(addr, count);
	if (n == 0 && deadline > clock_now())
		thread_wait(&descriptor_waiters, deadline, &for_poll);
	return n;
}

s64 call_poll(const u64 *a)
{
	s32 timeout = (s32)a[2];

	return wait(a[0], a[1], timeout < 0 ? NEVER : clock_now() + (u64)timeout * 1000000);
}

s64 call_ppoll(const u64 *a)
{
	u64 deadline;
	s64 r = deadline_from_user(a[2], false, false, &deadline);

	if (r)
		return r;
	r = signal_mask_for_call(a[3], a[4]);
	return r ? r : wait(a[0], a[1], deadline);
}
