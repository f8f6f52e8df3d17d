/*
 * Physical memory: a binary buddy allocator.
 *
 * A free block of 2^k pages is aligned to its size. Its first page holds the
 * links of its order's list; `order_of` has k at its first page and IN_USE at
 * all others, so that a block which is freed finds out whether its buddy is
 * free as a whole.
 *
 * Memory enters the lists by and by, as it is needed: what was never used is
 * never touched, and takes no memory of the host's.
 */
#include "shim.h"

struct block {
	struct block *next, *prev;
};

enum { IN_USE = 0xff };

static struct block lists[MAX_ORDER + 1];
static u8 *order_of;
static u64 page_limit; /* pages below it have an entry in order_of */
static u64 available;
static struct range untouched[MAX_RANGES];
static u32 untouched_count;

static void list_add(struct block *b, u32 order)
{
	struct block *head = &lists[order];

	b->next = head->next;
	b->prev = head;
	head->next->prev = b;
	head->next = b;
	order_of[physical(b) >> PAGE_SHIFT] = (u8)order;
}

static void list_remove(struct block *b)
{
	b->next->prev = b->prev;
	b->prev->next = b->next;
	order_of[physical(b) >> PAGE_SHIFT] = IN_USE;
}

void pages_free(void *p, u32 order)
{
	u64 page = physical(p) >> PAGE_SHIFT;

	available += 1ul << order;
	for (; order < MAX_ORDER; order++) {
		u64 buddy = page ^ (1ul << order);

		if (buddy >= page_limit || order_of[buddy] != order)
			break;
		list_remove(direct(buddy << PAGE_SHIFT));
		page = page & ~(1ul << order);
	}
	list_add(direct(page << PAGE_SHIFT), order);
}

/* As blocks of the greatest order that start and end allow. */
static void free_range(u64 start, u64 end)
{
	while (start < end) {
		u32 order = 0;

		while (order < MAX_ORDER && start % (PAGE_SIZE << (order + 1)) == 0 &&
		       start + (PAGE_SIZE << (order + 1)) <= end)
			order++;
		pages_free(direct(start), order);
		start += PAGE_SIZE << order;
	}
}

/* Takes untouched memory up to the next multiple of the greatest block. */
static bool grow(void)
{
	const u64 block = PAGE_SIZE << MAX_ORDER;
	struct range *r = &untouched[untouched_count - 1];
	u64 start, end;

	if (!untouched_count)
		return false;
	start = r->start;
	end = min(r->end, (start + block) & ~(block - 1));
	r->start = end;
	if (r->start == r->end)
		untouched_count--;
	available -= (end - start) >> PAGE_SHIFT;
	free_range(start, end);
	return true;
}

void *pages_alloc(u32 order)
{
	u32 k;
	struct block *b;

	do
		for (k = order; k <= MAX_ORDER && lists[k].next == &lists[k]; k++)
			;
	while (k > MAX_ORDER && grow());
	if (k > MAX_ORDER)
		return NULL;
	b = lists[k].next;
	list_remove(b);
	while (k-- > order) /* the upper half goes back */
		list_add((struct block *)((u8 *)b + (PAGE_SIZE << k)), k);
	available -= 1ul << order;
	return b;
}

void *page_alloc_zeroed(void)
{
	void *p = pages_alloc(0);

	return p ? memset(p, 0, PAGE_SIZE) : NULL;
}

u64 pages_available(void)
{
	return available;
}

/* Remembers [start, end) less what is reserved. */
static void add_untouched(u64 start, u64 end, const struct range *reserved, u32 count)
{
	if (start >= end)
		return;
	if (!count) {
		if (untouched_count < MAX_RANGES)
			untouched[untouched_count++] = (struct range){start, end};
		available += (end - start) >> PAGE_SHIFT;
		return;
	}
	add_untouched(start, min(end, reserved->start), reserved + 1, count - 1);
	add_untouched(max(start, reserved->end), end, reserved + 1, count - 1);
}

/* Memory for our own table: the first piece of that size behind and between what is reserved. */
static u64 find_table(u64 size, const struct range *reserved, u32 count)
{
	for (u32 i = 0; i < boot.ram_count; i++) {
		u64 at = boot.ram[i].start;

		for (u32 k = 0; k < count; k++) /* twice would do; as often as there are ranges does for sure */
			for (u32 j = 0; j < count; j++)
				if (at < reserved[j].end && at + size > reserved[j].start)
					at = page_up(reserved[j].end);
		if (at + size <= boot.ram[i].end)
			return at;
	}
	return 0;
}

void pages_init(const struct range *reserved, u32 count)
{
	struct range all[MAX_RESERVED + 1];
	u64 size;

	for (u32 k = 0; k <= MAX_ORDER; k++)
		lists[k].next = lists[k].prev = &lists[k];
	for (u32 i = 0; i < boot.ram_count; i++)
		page_limit = max(page_limit, boot.ram[i].end >> PAGE_SHIFT);

	size = page_up(page_limit);
	memcpy(all, reserved, count * sizeof(all[0]));
	all[count].start = find_table(size, reserved, count);
	all[count].end = all[count].start + size;
	if (!all[count].start)
		refuse("too little memory: no piece of %lu KiB for the table of pages", size >> 10);
	order_of = memset(direct(all[count].start), IN_USE, size);
	for (u32 i = 0; i < boot.ram_count; i++)
		add_untouched(boot.ram[i].start, boot.ram[i].end, all, count + 1);
}
