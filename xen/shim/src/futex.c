/*
 * Futexes (futex(2)): waiting by the address of a word. The program is one
 * address space, so private and shared futexes are the same.
 */
#include "calls.h"
#include "thread.h"

enum futex_op {
	FUTEX_WAIT = 0,
	FUTEX_WAKE = 1,
	FUTEX_REQUEUE = 3,
	FUTEX_CMP_REQUEUE = 4,
	FUTEX_WAIT_BITSET = 9,
	FUTEX_WAKE_BITSET = 10,
	FUTEX_PRIVATE = 128,
	FUTEX_REALTIME = 256,
};
enum { BUCKETS = 256, ANY_BITS = 0xffffffff };

static struct queue buckets[BUCKETS];

static struct queue *bucket(u64 addr)
{
	return &buckets[(addr * 0x9e3779b97f4a7c15ul) >> 56];
}

static s64 finish(struct thread *t, enum wake why)
{
	(void)t;
	return why == WOKEN ? 0 : why == TIMED_OUT ? -ETIMEDOUT : -EINTR;
}

static void describe(const struct thread *t)
{
	print("a futex at 0x%lx", t->key);
}

static const struct wait for_futex = {finish, NULL, describe};

static s64 wait(u64 addr, u32 expected, u64 deadline, u32 bits)
{
	u32 value;

	if (!bits)
		return -EINVAL;
	if (from_user(&value, addr, sizeof(value)))
		return -EFAULT;
	if (value != expected)
		return -EAGAIN;
	current->key = addr;
	current->bits = bits;
	thread_wait(bucket(addr), deadline, &for_futex);
	return 0;
}

u32 futex_wake(u64 addr, u32 limit, u32 bits)
{
	u32 woken = 0;

	for (struct thread *t = bucket(addr)->first, *next; t && woken < limit; t = next) {
		next = t->next;
		if (t->key == addr && t->bits & bits) {
			thread_wake(t, WOKEN);
			woken++;
		}
	}
	return woken;
}

static s64 requeue(u64 addr, u32 wake, u32 move, u64 to)
{
	u32 done = futex_wake(addr, wake, ANY_BITS), moved = 0;

	for (struct thread *t = bucket(addr)->first, *next; t && moved < move; t = next) {
		next = t->next;
		if (t->key == addr) {
			t->key = to;
			thread_requeue(t, bucket(to));
			moved++;
		}
	}
	return done + moved;
}

static s64 compare(u64 addr, u32 expected)
{
	u32 value;

	if (from_user(&value, addr, sizeof(value)))
		return -EFAULT;
	return value == expected ? 0 : -EAGAIN;
}

s64 call_futex(const u64 *a)
{
	u64 addr = a[0], deadline;
	u32 op = (u32)a[1] & ~(u32)(FUTEX_PRIVATE | FUTEX_REALTIME), value = (u32)a[2];
	bool absolute = op == FUTEX_WAIT_BITSET;
	s64 r;

	if (addr % sizeof(u32))
		return -EINVAL;
	switch (op) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		r = deadline_from_user(a[3], absolute, absolute && a[1] & FUTEX_REALTIME, &deadline);
		return r ? r : wait(addr, value, deadline, absolute ? (u32)a[5] : ANY_BITS);
	case FUTEX_WAKE:
		return futex_wake(addr, value, ANY_BITS);
	case FUTEX_WAKE_BITSET:
		return futex_wake(addr, value, (u32)a[5]);
	case FUTEX_CMP_REQUEUE:
		r = compare(addr, (u32)a[5]);
		return r ? r : requeue(addr, value, (u32)a[3], a[4]);
	case FUTEX_REQUEUE:
		return requeue(addr, value, (u32)a[3], a[4]);
	}
	return -ENOSYS;
}
