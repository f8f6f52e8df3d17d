/* Devices for the program's drivers; see platform.h. */
#include "platform.h"
#include "calls.h"
#include "descriptor.h"
#include "xen.h"

enum { LINE_MESSAGE = -1, LINE_UPCALL = -2 };

static s64 xen_call(u64 addr)
{
	u64 h[6];

	if (!xen_present())
		return -ENODEV;
	if (from_user(h, addr, sizeof(h)))
		return -EFAULT;
	if (h[0] >= PAGE_SIZE / 32)
		return -ENOSYS;
	return hypercall(h[0], h[1], h[2], h[3], h[4], h[5]);
}

/* Maps a run of physical pages where there is room. */
static s64 map(u64 pa, u64 size, u64 bits)
{
	u64 va = vm_find(size, PAGE_SIZE);
	s64 r = va ? vm_map(va, va + size, PROT_READ | PROT_WRITE, REGION_FIXED) : -ENOMEM;

	for (u64 at = 0; !r && at < size; at += PAGE_SIZE)
		r = vm_place(va + at, pa + at, bits | PTE_BORROWED);
	return r ? r : (s64)va;
}

static s64 memory(u64 size, u64 physical_addr)
{
	u32 order = 0;
	u64 pa;
	void *p;

	while (PAGE_SIZE << order < size)
		if (++order > MAX_ORDER)
			return -EINVAL;
	p = pages_alloc(order);
	if (!p)
		return -ENOMEM;
	memset(p, 0, PAGE_SIZE << order);
	pa = physical(p);
	if (to_user(physical_addr, &pa, sizeof(pa))) {
		pages_free(p, order);
		return -EFAULT;
	}
	return map(pa, PAGE_SIZE << order, 0);
}

/* RAM is refused: it is the shim's, or already the program's. */
static s64 map_device(u64 pa, u64 size, bool cached)
{
	u64 start = page_down(pa), end = page_up(pa + size);
	s64 va;

	if (!size || end <= start || end & ~PTE_ADDRESS)
		return -EINVAL;
	if (overlaps_ram(start, end))
		return -EPERM;
	va = map(start, end - start, cached ? 0 : PTE_UNCACHED);
	return va < 0 ? va : va + (s64)(pa - start);
}

static s64 interrupt(s64 line, u64 vector_addr)
{
	struct file *f;
	u8 vector = VECTOR_UPCALL;
	s64 fd = descriptor_open(&eventfd_type, O_RDWR | O_NONBLOCK | O_CLOEXEC, &f), r;
	const u64 opened[] = {(u64)fd};

	if (fd < 0)
		return fd;
	r = line == LINE_UPCALL ? irq_bind_upcall(f) : irq_bind(line, f, &vector);
	if (!r && vector_addr)
		r = to_user(vector_addr, &vector, sizeof(vector));
	if (!r)
		return fd;
	call_close(opened);
	return r;
}

static s64 port_read(u16 port, u64 width)
{
	switch (width) {
	case 1:
		return inb(port);
	case 2:
		return inw(port);
	case 4:
		return inl(port);
	}
	return -EINVAL;
}

static s64 port_write(u16 port, u64 width, u64 value)
{
	switch (width) {
	case 1:
		outb(port, (u8)value);
		return 0;
	case 2:
		outw(port, (u16)value);
		return 0;
	case 4:
		outl(port, (u32)value);
		return 0;
	}
	return -EINVAL;
}

s64 call_platform(const u64 *a)
{
	switch (a[0]) {
	case PLATFORM_VERSION:
		return 1;
	case PLATFORM_KIND:
		return xen_present();
	case PLATFORM_HYPERCALL:
		return xen_call(a[1]);
	case PLATFORM_MEMORY:
		return memory(a[1], a[2]);
	case PLATFORM_MAP:
		return map_device(a[1], a[2], a[3]);
	case PLATFORM_INTERRUPT:
		return interrupt((s64)a[1], a[2]);
	case PLATFORM_SHARED_INFO:
		return xen_shared ? map(physical((const void *)xen_shared), PAGE_SIZE, 0) : -ENODEV;
	case PLATFORM_SUSPEND:
		return xen_present() ? xen_suspend() : -ENODEV;
	case PLATFORM_END:
		return power_off_as(a[1]);
	case PLATFORM_PORT_READ:
		return port_read((u16)a[1], a[2]);
	case PLATFORM_PORT_WRITE:
		return port_write((u16)a[1], a[2], a[3]);
	}
	return -EINVAL;
}
