/*
 * Interrupts of devices. A vector belongs to one eventfd, whose counter each
 * interrupt raises: so a driver in the program waits as it waits for anything.
 */
#include "descriptor.h"

static struct file *bound[VECTORS];
static u8 console_vector;

static u8 free_vector(void)
{
	for (u8 v = VECTOR_FIRST; v < VECTOR_SPURIOUS; v++)
		if (!bound[v] && v != console_vector)
			return v;
	return 0;
}

s64 irq_bind(s64 line, struct file *f, u8 *vector)
{
	u8 v = free_vector();
	s64 r = 0;

	if (!v)
		return -EMFILE;
	if (line >= 0)
		r = ioapic_route((u32)line, v);
	if (r)
		return r;
	bound[v] = f;
	f->event.vector = *vector = v;
	return 0;
}

/* Xen's event channels all arrive at one vector, whose first owner keeps it. */
s64 irq_bind_upcall(struct file *f)
{
	if (bound[VECTOR_UPCALL])
		return -EEXIST;
	bound[VECTOR_UPCALL] = f;
	f->event.vector = VECTOR_UPCALL;
	return 0;
}

bool irq_is_bound(u8 vector)
{
	return bound[vector] != NULL;
}

s64 irq_bind_console(u32 line)
{
	console_vector = free_vector();
	return ioapic_route(line, console_vector);
}

void irq_unbind(u8 vector)
{
	bound[vector] = NULL;
}

void irq_raise(u8 vector)
{
	struct file *f = bound[vector];

	if (vector == console_vector) {
		console_input();
		return;
	}
	if (!f)
		return;
	watchdog_progress();
	if (f->event.count < ~0u) /* nobody counts that far */
		f->event.count++;
	file_changed(f);
}
