/*
 * Memory objects: sparse arrays of pages, as a tree of tables like the
 * processor's (512 entries of 8 bytes, the page at the fourth level).
 *
 * Invariant: a page that lies wholly behind the end of an object is not in its
 * tree, and the rest of its last page is zero, if no mapping wrote there.
 */
#include "object.h"
#include "descriptor.h"

enum { SLOT_BITS = 9, SLOTS = 512, TOP_SHIFT = PAGE_SHIFT + 3 * SLOT_BITS };

static struct object objects[MAX_FILES];

struct object *object_new(void)
{
	for (u32 i = 0; i < COUNT(objects); i++)
		if (!objects[i].references) {
			objects[i] = (struct object){.references = 1};
			return &objects[i];
		}
	return NULL;
}

void object_hold(struct object *o)
{
	o->references++;
}

static u64 slot(u64 offset, u32 shift)
{
	return (offset >> shift) & (SLOTS - 1);
}

/* The page that is there; NULL: a hole. */
static void *present(const struct object *o, u64 offset)
{
	void **table = o->root;

	for (u32 shift = TOP_SHIFT; table && shift >= PAGE_SHIFT; shift -= SLOT_BITS)
		table = table[slot(offset, shift)];
	return table;
}

void *object_page(struct object *o, u64 offset)
{
	void **at = (void **)&o->root;

	for (u32 shift = TOP_SHIFT + SLOT_BITS; shift > PAGE_SHIFT; shift -= SLOT_BITS) {
		if (!*at)
			*at = page_alloc_zeroed();
		if (!*at)
			return NULL;
		at = (void **)*at + slot(offset, shift - SLOT_BITS);
	}
	if (!*at && (*at = page_alloc_zeroed()))
		o->pages++;
	return *at;
}

static bool is_empty(void *const *table)
{
	for (u32 i = 0; i < SLOTS; i++)
		if (table[i])
			return false;
	return true;
}

/* Frees whole pages from start to before end, whose table is at *at and covers what lies below base. */
static void free_pages(struct object *o, void **at, u32 shift, u64 base, u64 start, u64 end)
{
	void **table = *at;
	u64 piece = 1ul << shift;

	for (u64 i = start > base ? (start - base) >> shift : 0; i < SLOTS && base + i * piece < end; i++) {
		if (!table[i])
			continue;
		if (shift > PAGE_SHIFT) {
			free_pages(o, (void **)&table[i], shift - SLOT_BITS, base + i * piece, start, end);
			continue;
		}
		pages_free(table[i], 0);
		table[i] = NULL;
		o->pages--;
	}
	if (is_empty(table)) {
		pages_free(table, 0);
		*at = NULL;
	}
}

static void drop(struct object *o, u64 start, u64 end)
{
	if (!o->root || start >= end)
		return;
	vm_forget(o, start, end); /* before the pages are anybody else's */
	free_pages(o, (void **)&o->root, TOP_SHIFT, 0, start, end);
}

void object_release(struct object *o)
{
	if (--o->references == 0)
		drop(o, 0, MAX_OBJECT_SIZE);
}

static void zero(const struct object *o, u64 start, u64 end)
{
	u8 *page = present(o, start);

	if (page && start < end)
		memset(page + start % PAGE_SIZE, 0, end - start);
}

void object_punch(struct object *o, u64 start, u64 end)
{
	u64 first = page_up(start), last = page_down(end);

	if (start >= end)
		return;
	if (first > last) { /* within one page */
		zero(o, start, end);
		return;
	}
	zero(o, start, first);
	zero(o, last, end);
	drop(o, first, last);
}

s64 object_resize(struct object *o, u64 size)
{
	if (size > MAX_OBJECT_SIZE)
		return -EFBIG;
	if (size < o->size)
		object_punch(o, size, page_up(o->size));
	o->size = size;
	return 0;
}

s64 object_reserve(struct object *o, u64 start, u64 end)
{
	for (u64 at = page_down(start); at < end; at += PAGE_SIZE)
		if (!object_page(o, at))
			return -ENOSPC;
	return 0;
}

static u64 piece_at(u64 offset, u64 left)
{
	return min(left, PAGE_SIZE - offset % PAGE_SIZE);
}

s64 object_read(const struct object *o, u64 addr, u64 n, u64 offset)
{
	static const u8 hole[PAGE_SIZE];

	if (offset >= o->size)
		return 0;
	n = min(n, o->size - offset);
	for (u64 done = 0, size; done < n; done += size) {
		const u8 *page = present(o, offset + done);

		size = piece_at(offset + done, n - done);
		if (to_user(addr + done, (page ? page : hole) + (offset + done) % PAGE_SIZE, size))
			return done ? (s64)done : -EFAULT;
	}
	return (s64)n;
}

s64 object_write(struct object *o, u64 addr, u64 n, u64 offset)
{
	if (n && offset >= MAX_OBJECT_SIZE)
		return -EFBIG;
	n = min(n, MAX_OBJECT_SIZE - min(offset, MAX_OBJECT_SIZE));
	for (u64 done = 0, size; done < n; done += size) {
		u8 *page = object_page(o, offset + done);
		s64 r = page ? 0 : -ENOSPC;

		size = piece_at(offset + done, n - done);
		if (page)
			r = from_user(page + (offset + done) % PAGE_SIZE, addr + done, size);
		if (r) { /* a piece of it may have been written */
			object_punch(o, o->size, page_up(offset + done + 1));
			return done ? (s64)done : r;
		}
		o->size = max(o->size, offset + done + size);
	}
	return (s64)n;
}
