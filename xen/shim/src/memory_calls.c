/* mmap(2) and its kin. */
#include "calls.h"
#include "descriptor.h"
#include "files.h"
#include "object.h"

enum mmap_flags {
	MAP_SHARED = 0x01,
	MAP_FIXED = 0x10,
	MAP_ANONYMOUS = 0x20,
	MAP_FIXED_NOREPLACE = 0x100000,
};
enum advice {
	MADV_NORMAL = 0,
	MADV_WILLNEED = 3,
	MADV_DONTNEED = 4,
	MADV_FREE = 8,
	MADV_DONTFORK = 10,
	MADV_HUGEPAGE = 14,
	MADV_NOHUGEPAGE = 15,
	MADV_DONTDUMP = 16,
	MADV_DODUMP = 17,
	MADV_COLLAPSE = 25,
};
enum { PROT_ALL = PROT_READ | PROT_WRITE | PROT_EXEC };
#define LARGE 0x200000ul

static u64 brk_start, brk_end;

void brk_init(u64 end_of_program)
{
	brk_start = brk_end = page_up(end_of_program);
}

s64 call_brk(const u64 *a)
{
	u64 want = a[0], now = page_up(brk_end), to = page_up(want);

	if (want < brk_start || want > USER_TOP)
		return (s64)brk_end;
	if (to > now && (!vm_is_free(now, to) || vm_map(now, to, PROT_READ | PROT_WRITE, REGION_MEMORY)))
		return (s64)brk_end;
	if (to < now && vm_unmap(to, now))
		return (s64)brk_end;
	brk_end = want;
	return (s64)brk_end;
}

/* Where a mapping goes: where the program wants it, or where there is room. */
static s64 choose(u64 want, u64 size, u64 flags)
{
	u64 addr;

	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (want % PAGE_SIZE || !user_range(want, size))
			return -EINVAL;
		if (flags & MAP_FIXED_NOREPLACE && !vm_is_free(want, want + size))
			return -EEXIST;
		return (s64)want;
	}
	want = page_down(want);
	if (want && user_range(want, size) && vm_is_free(want, want + size))
		return (s64)want;
	addr = vm_find(size, size >= LARGE ? LARGE : PAGE_SIZE);
	return addr ? (s64)addr : -ENOMEM;
}

/* A private mapping of a file is a copy of it. */
static s64 fill(u64 addr, u64 size, const struct file *f, u64 offset)
{
	s64 r = f->type == &memfd_type ? object_read(f->object, addr, size, offset)
				       : node_read(f->node, addr, size, offset);

	return r < 0 ? r : 0;
}

s64 call_mmap(const u64 *a)
{
	u64 size = page_up(a[1]), flags = a[3];
	u8 prot = a[2] & PROT_ALL;
	struct file *f = NULL;
	s64 addr, r;

	if (!a[1] || size < a[1] || a[5] % PAGE_SIZE)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		f = descriptor_file(a[4]);
		if (!f)
			return -EBADF;
		if (f->type != &memory_file_type && f->type != &memfd_type)
			return -ENODEV;
		if (f->type == &memory_file_type && flags & MAP_SHARED && prot & PROT_WRITE)
			return -EACCES;
		if (a[5] + size < size || a[5] + size > MAX_OBJECT_SIZE)
			return -EOVERFLOW;
	}
	addr = choose(a[0], size, flags);
	if (addr < 0)
		return addr;
	if (f && f->type == &memfd_type && flags & MAP_SHARED) {
		r = vm_map_object((u64)addr, (u64)addr + size, prot, f->object, a[5]);
		return r ? r : addr;
	}
	r = vm_map((u64)addr, (u64)addr + size, f ? PROT_READ | PROT_WRITE : prot, REGION_MEMORY);
	if (r || !f)
		return r ? r : addr;
	r = fill((u64)addr, size, f, a[5]);
	if (!r)
		r = vm_protect((u64)addr, (u64)addr + size, prot);
	return r ? r : addr;
}

static s64 on_range(u64 addr, u64 length, s64 (*f)(u64 start, u64 end))
{
	u64 size = page_up(length);

	if (addr % PAGE_SIZE || size < length || !user_range(addr, size))
		return -EINVAL;
	return size ? f(addr, addr + size) : 0;
}

s64 call_munmap(const u64 *a)
{
	return a[1] ? on_range(a[0], a[1], vm_unmap) : -EINVAL;
}

s64 call_mprotect(const u64 *a)
{
	u64 size = page_up(a[1]);

	if (a[0] % PAGE_SIZE || a[2] & ~(u64)PROT_ALL || size < a[1] || !user_range(a[0], size))
		return -EINVAL;
	return size ? vm_protect(a[0], a[0] + size, (u8)a[2]) : 0;
}

s64 call_madvise(const u64 *a)
{
	switch (a[2]) {
	case MADV_DONTNEED:
	case MADV_FREE: /* may be freed at any time: now is as good */
		return on_range(a[0], a[1], vm_discard);
	case MADV_NORMAL:
	case MADV_WILLNEED:
	case MADV_DONTFORK:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
		return 0;
	}
	return -EINVAL; /* huge pages among them: there are none */
}

/* Whether pages are there; Go's runtime asks to learn the page size. */
s64 call_mincore(const u64 *a)
{
	u64 end = a[0] + page_up(a[1]);

	if (a[0] % PAGE_SIZE)
		return -EINVAL;
	if (!user_range(a[0], page_up(a[1])))
		return -ENOMEM;
	for (u64 va = a[0], i = 0; va < end; va += PAGE_SIZE, i++) {
		u64 at = va;
		u64 *pte = pte_next(&at, va + PAGE_SIZE);
		u8 in = pte && *pte & PTE_PRESENT;

		if (!vm_is_mapped(va))
			return -ENOMEM;
		if (to_user(a[2] + i, &in, 1))
			return -EFAULT;
	}
	return 0;
}
