/*
 * The program's address space: a sorted table of regions that do not overlap,
 * and the pages in them.
 *
 * A region says what is allowed. Its pages come at the first touch, and the
 * entry of a page that is there allows what its region does. A page without
 * any access is hidden: its entry keeps it, and is not present.
 */
#include "object.h"

enum { MAX_REGIONS = 4096 };

/* A region of an object counts among its references. */
struct region {
	u64 start, end;
	u8 prot, kind;
	struct object *object; /* NULL: none */
	u64 offset;            /* in the object, of start */
};

static struct region regions[MAX_REGIONS];
static u32 count;
static u64 search_top; /* where vm_find begins */

void vm_init(void)
{
	u64 r;

	random_bytes(&r, sizeof(r));
	search_top = USER_TOP - STACK_SIZE - (r & 0xffffff) * PAGE_SIZE; /* within 64 GiB */
}

/* The first region that ends behind addr. */
static u32 find(u64 addr)
{
	u32 lo = 0, hi = count;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (regions[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct region *at(u64 addr)
{
	u32 i = find(addr);

	return i < count && regions[i].start <= addr ? &regions[i] : NULL;
}

static void insert(u32 i, struct region r)
{
	memmove(&regions[i + 1], &regions[i], (count - i) * sizeof(r));
	regions[i] = r;
	count++;
}

static void remove(u32 from, u32 to)
{
	memmove(&regions[from], &regions[to], (count - to) * sizeof(regions[0]));
	count -= to - from;
}

/* Makes addr a boundary, so that no region lies across it. */
static void split(u64 addr)
{
	u32 i = find(addr);
	struct region r;

	if (i == count || regions[i].start >= addr)
		return;
	r = regions[i];
	r.start = addr;
	r.offset += addr - regions[i].start;
	if (r.object)
		object_hold(r.object);
	regions[i].end = addr;
	insert(i + 1, r);
}

/* Joins region i with the one before it, where they are alike. */
static void join(u32 i)
{
	struct region *a, *b;

	if (i == 0 || i >= count)
		return;
	a = &regions[i - 1];
	b = &regions[i];
	if (a->end != b->start || a->prot != b->prot || a->kind != b->kind || a->object != b->object)
		return;
	if (a->object) {
		if (a->offset + (a->end - a->start) != b->offset)
			return;
		object_release(b->object);
	}
	a->end = b->end;
	remove(i, i + 1);
}

static bool valid(u64 start, u64 end)
{
	return start >= USER_BOTTOM && start < end && end <= USER_TOP && !((start | end) & ~PAGE_MASK);
}

/* Cutting a range out of the table takes two more entries at most. */
static bool has_room(void)
{
	return count + 3 <= MAX_REGIONS;
}

static void drop_page(u64 *pte, u64 va)
{
	u64 old = *pte;

	*pte = 0;
	tlb_drop(va);
	if (!(old & PTE_BORROWED))
		tlb_free(direct(old & PTE_ADDRESS));
}

static void drop_pages(u64 start, u64 end)
{
	u64 *pte;

	for (u64 va = start; (pte = pte_next(&va, end)); va += PAGE_SIZE)
		drop_page(pte, va);
	paging_prune(start, end);
	tlb_flush();
}

static u64 pte_bits(u8 prot)
{
	if (!prot)
		return PTE_HIDDEN;
	return PTE_PRESENT | PTE_USER | (prot & PROT_WRITE ? PTE_WRITE : 0) | (prot & PROT_EXEC ? 0 : PTE_NX);
}

s64 vm_unmap(u64 start, u64 end)
{
	u32 first, behind;

	if (!valid(start, end))
		return -EINVAL;
	if (!has_room())
		return -ENOMEM;
	split(start);
	split(end);
	drop_pages(start, end);
	first = find(start);
	behind = find(end - 1) + (at(end - 1) != NULL);
	for (u32 i = first; i < behind; i++)
		if (regions[i].object)
			object_release(regions[i].object);
	remove(first, behind);
	return 0;
}

static s64 map(struct region new)
{
	s64 r = vm_unmap(new.start, new.end);
	u32 i;

	if (r)
		return r;
	if (new.object)
		object_hold(new.object);
	i = find(new.start);
	insert(i, new);
	join(i + 1);
	join(i);
	return 0;
}

s64 vm_map(u64 start, u64 end, u8 prot, u8 kind)
{
	return map((struct region){start, end, prot, kind, NULL, 0});
}

s64 vm_map_object(u64 start, u64 end, u8 prot, struct object *o, u64 offset)
{
	return map((struct region){start, end, prot, REGION_OBJECT, o, offset});
}

void vm_forget(const struct object *o, u64 start, u64 end)
{
	for (u32 i = 0; i < count; i++) {
		const struct region *r = &regions[i];
		u64 last = r->offset + (r->end - r->start);

		if (r->object == o && r->offset < end && last > start)
			drop_pages(r->start + (max(start, r->offset) - r->offset), r->start + (min(end, last) - r->offset));
	}
}

bool vm_is_free(u64 start, u64 end)
{
	u32 i = find(start);

	return valid(start, end) && (i == count || regions[i].start >= end);
}

static bool is_covered(u64 start, u64 end)
{
	for (u32 i = find(start); start < end; i++) {
		if (i == count || regions[i].start > start)
			return false;
		start = regions[i].end;
	}
	return true;
}

/* Who knows an entry that allows less faults, and vm_fault finds the new one. */
static bool allows_less(u64 new, u64 old)
{
	return old & PTE_PRESENT &&
	       (!(new & PTE_PRESENT) || (old & ~new & PTE_WRITE) || (new & ~old & PTE_NX));
}

static void protect_pages(u64 start, u64 end, u8 prot)
{
	u64 *pte;

	for (u64 va = start; (pte = pte_next(&va, end)); va += PAGE_SIZE) {
		u64 old = *pte;

		*pte = (old & (PTE_ADDRESS | PTE_BORROWED | PTE_UNCACHED)) | pte_bits(prot);
		if (allows_less(*pte, old))
			tlb_drop(va);
		else
			invlpg(va);
	}
	tlb_flush();
}

s64 vm_protect(u64 start, u64 end, u8 prot)
{
	u32 first;

	if (!valid(start, end))
		return -EINVAL;
	if (!is_covered(start, end) || !has_room())
		return -ENOMEM;
	split(start);
	split(end);
	for (u32 i = find(start); i < count && regions[i].start < end; i++)
		regions[i].prot = prot;
	protect_pages(start, end, prot);
	first = find(start);
	for (u32 i = find(end) + 1; i-- > first;)
		join(i);
	return 0;
}

s64 vm_discard(u64 start, u64 end)
{
	if (!valid(start, end))
		return -EINVAL;
	if (!is_covered(start, end))
		return -ENOMEM;
	for (u32 i = find(start); i < count && regions[i].start < end; i++)
		if (regions[i].kind != REGION_FIXED)
			drop_pages(max(start, regions[i].start), min(end, regions[i].end));
	return 0;
}

u64 vm_find(u64 size, u64 align)
{
	u64 top = search_top;

	for (u32 i = count;; i--) { /* the gap below `top`, above region i-1 */
		u64 bottom = i ? regions[i - 1].end : USER_BOTTOM;

		if (bottom < top && top - bottom >= size) {
			u64 start = (top - size) & ~(align - 1);

			if (start >= bottom)
				return start;
		}
		if (!i)
			return 0;
		top = min(top, regions[i - 1].start);
	}
}

s64 vm_place(u64 va, u64 pa, u64 bits)
{
	struct region *r = at(va);
	u64 *pte = pte_make(va);

	if (!r || !pte)
		return -ENOMEM;
	*pte = pa | bits | pte_bits(r->prot);
	return 0;
}

bool vm_is_mapped(u64 addr)
{
	return at(addr) != NULL;
}

static bool allows(const struct region *r, u64 error)
{
	if (error & FAULT_FETCH)
		return r->prot & PROT_EXEC;
	if (error & FAULT_WRITE)
		return r->prot & PROT_WRITE;
	return r->prot != 0;
}

static bool entry_allows(u64 pte, u64 error)
{
	if (error & FAULT_FETCH)
		return pte & PTE_PRESENT && !(pte & PTE_NX);
	if (error & FAULT_WRITE)
		return pte & PTE_PRESENT && pte & PTE_WRITE;
	return pte & PTE_PRESENT;
}

/* The page that is to be at addr, and whose it is; NULL: out of memory. */
static void *page_for(struct region *r, u64 va, u64 *owner)
{
	*owner = r->object ? PTE_BORROWED : 0;
	return r->object ? object_page(r->object, r->offset + (va - r->start)) : page_alloc_zeroed();
}

enum fault_answer vm_fault(u64 addr, u64 error)
{
	struct region *r = at(addr);
	u64 va = page_down(addr), owner;
	u64 *pte;
	void *page;

	if (!r)
		return FAULT_UNMAPPED;
	if (!allows(r, error))
		return FAULT_DENIED;
	if (r->object && r->offset + (va - r->start) >= r->object->size)
		return FAULT_BEYOND;
	pte = pte_make(va);
	if (!pte)
		die_out_of_memory();
	if (*pte) /* by now it is there, or allows it: another processor was faster */
		return entry_allows(*pte, error) ? FAULT_DONE : FAULT_DENIED;
	if (r->kind == REGION_FIXED)
		return FAULT_DENIED;
	page = page_for(r, va, &owner);
	if (!page)
		die_out_of_memory();
	*pte = physical(page) | owner | pte_bits(r->prot);
	return FAULT_DONE;
}
