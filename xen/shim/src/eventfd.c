/* eventfd(2): a counter to wait for. Interrupts of devices arrive as these, too. */
#include "calls.h"
#include "descriptor.h"

enum { EFD_SEMAPHORE = 1 };
#define COUNT_MAX (~0ul - 1)

static s64 event_read(struct file *f, u64 addr, u64 n)
{
	u64 v = f->event.semaphore ? 1 : f->event.count;

	if (n < sizeof(v))
		return -EINVAL;
	if (!f->event.count)
		return -EAGAIN;
	if (to_user(addr, &v, sizeof(v)))
		return -EFAULT;
	if (f->event.count == COUNT_MAX)
		file_changed(f); /* there is room to write */
	f->event.count -= v;
	return sizeof(v);
}

static s64 event_write(struct file *f, u64 addr, u64 n)
{
	u64 v;

	if (n < sizeof(v))
		return -EINVAL;
	if (from_user(&v, addr, sizeof(v)))
		return -EFAULT;
	if (v == ~0ul)
		return -EINVAL;
	if (v > COUNT_MAX - f->event.count)
		return -EAGAIN;
	f->event.count += v;
	file_changed(f);
	return sizeof(v);
}

static u32 event_ready(const struct file *f)
{
	return (f->event.count ? EVENT_IN : 0) | (f->event.count < COUNT_MAX ? EVENT_OUT : 0);
}

static void event_close(struct file *f)
{
	if (f->event.vector)
		irq_unbind(f->event.vector);
}

const struct file_type eventfd_type = {S_IFREG | 0600, event_read, event_write, event_ready, event_close};

s64 call_eventfd2(const u64 *a)
{
	struct file *f;
	s64 fd;

	if (a[1] & ~(u64)(EFD_SEMAPHORE | O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	fd = descriptor_open(&eventfd_type, O_RDWR | (u32)a[1], &f);
	if (fd >= 0) {
		f->event.count = (u32)a[0];
		f->event.semaphore = a[1] & EFD_SEMAPHORE;
	}
	return fd;
}

s64 call_eventfd(const u64 *a)
{
	const u64 with_flags[] = {a[0], 0};

	return call_eventfd2(with_flags);
}
