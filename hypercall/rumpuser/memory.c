/*
 * A kernel's memory: pages of one arena that cannot grow beyond what the
 * kernel was given, and cells for its locks.
 */
#define _GNU_SOURCE
#include "rumpuser.h"

#include <string.h>
#include <sys/mman.h>

#include "_cgo_export.h"

#define PAGE 4096u
#define NO_PAGE UINT32_MAX
/* A free run of so many pages is given back to the host. */
#define GIVE_BACK 64

/*
 * The arena is a range of addresses, with pages that were never touched
 * behind the frontier. A free run of pages in front of it is described in the
 * entries of its first and its last page, and listed by its length. Page 0 and
 * the pages that hold the table itself are never handed out. A base of 0 is
 * wherever there is room.
 */
int
hyp_arena_init(struct hyp_arena *a, size_t size, uintptr_t at)
{
	size_t npages = (size + PAGE - 1) / PAGE;
	size_t table = (npages * sizeof(struct hyp_page) + PAGE - 1) & ~(size_t)(PAGE - 1);
	char *base;

	if (npages >= NO_PAGE)
		return NB_EINVAL;
	a->mapped = table + (npages + 2) * PAGE;
	base = mmap((void *)at, a->mapped, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at != 0 ? MAP_FIXED_NOREPLACE : 0), -1, 0);
	if (base == MAP_FAILED)
		return NB_ENOMEM;
	/* One page that nothing is at, the pages, another one, the table. */
	if (mprotect(base + PAGE, npages * PAGE, PROT_READ | PROT_WRITE) != 0 ||
	    mprotect(base + (npages + 2) * PAGE, table, PROT_READ | PROT_WRITE) != 0) {
		munmap(base, a->mapped);
		return NB_ENOMEM;
	}
	a->base = base + PAGE;
	a->size = npages * PAGE;
	a->npages = npages;
	a->pages = (struct hyp_page *)(base + (npages + 2) * PAGE);
	for (int i = 0; i < HYP_BINS; i++)
		a->bins[i] = NO_PAGE;
	return 0;
}

void
hyp_arena_free(struct hyp_arena *a)
{
	if (a->base != NULL)
		munmap(a->base - PAGE, a->mapped);
	a->base = NULL;
}

static inline uint32_t
bin_of(uint32_t len)
{
	return len < HYP_BINS ? len : 0; /* bin 0: all longer ones */
}

static void
list_run(struct hyp_arena *a, uint32_t at, uint32_t len)
{
	struct hyp_page *p = &a->pages[at];
	uint32_t bin = bin_of(len);

	p->len = a->pages[at + len - 1].len = len;
	p->free = a->pages[at + len - 1].free = true;
	p->prev = NO_PAGE;
	p->next = a->bins[bin];
	if (p->next != NO_PAGE)
		a->pages[p->next].prev = at;
	a->bins[bin] = at;
}

static void
unlist_run(struct hyp_arena *a, uint32_t at)
{
	struct hyp_page *p = &a->pages[at];

	if (p->prev != NO_PAGE)
		a->pages[p->prev].next = p->next;
	else
		a->bins[bin_of(p->len)] = p->next;
	if (p->next != NO_PAGE)
		a->pages[p->next].prev = p->prev;
	p->free = a->pages[at + p->len - 1].free = false;
}

/* The first page at or behind at whose address is a multiple of align pages. */
static uint32_t
align_page(struct hyp_arena *a, uint32_t at, uint32_t align)
{
	uintptr_t addr = (uintptr_t)a->base / PAGE + at;

	return at + (uint32_t)(-addr & (align - 1));
}

/* Takes len pages from the free run at, which has them behind skip pages. */
static uint32_t
cut(struct hyp_arena *a, uint32_t at, uint32_t skip, uint32_t len)
{
	uint32_t total = a->pages[at].len;

	unlist_run(a, at);
	if (skip > 0)
		list_run(a, at, skip);
	if (total > skip + len)
		list_run(a, at + skip + len, total - skip - len);
	return at + skip;
}

static uint32_t
from_bins(struct hyp_arena *a, uint32_t len, uint32_t align)
{
	uint32_t at, skip, bin;

	for (bin = bin_of(len); ; bin = (bin + 1) % HYP_BINS) {
		for (at = a->bins[bin]; at != NO_PAGE; at = a->pages[at].next) {
			skip = align_page(a, at, align) - at;
			if (a->pages[at].len >= len && a->pages[at].len - len >= skip)
				return cut(a, at, skip, len);
		}
		if (bin == 0)
			return NO_PAGE;
	}
}

static uint32_t
from_frontier(struct hyp_arena *a, uint32_t len, uint32_t align)
{
	uint32_t at = align_page(a, a->frontier, align);

	if (at > a->npages || len > a->npages - at)
		return NO_PAGE;
	if (at > a->frontier)
		list_run(a, a->frontier, at - a->frontier);
	a->frontier = at + len;
	return at;
}

static void *
take(struct hyp_arena *a, size_t size, size_t align)
{
	uint32_t len, at;

	if (size == 0 || size > a->size || align > a->size)
		return NULL;
	len = (size + PAGE - 1) / PAGE;
	align = align <= PAGE ? 1 : align / PAGE;
	hyp_lock(&a->lock);
	if ((at = from_bins(a, len, align)) == NO_PAGE)
		at = from_frontier(a, len, align);
	if (at != NO_PAGE && (a->used += len * PAGE) > a->peak)
		a->peak = a->used;
	hyp_unlock(&a->lock);
	return at == NO_PAGE ? NULL : a->base + (size_t)at * PAGE;
}

static void
give(struct hyp_arena *a, void *mem, size_t size)
{
	uint32_t at = ((char *)mem - a->base) / PAGE, len = (size + PAGE - 1) / PAGE;

	if ((char *)mem < a->base || at >= a->npages || len > a->npages - at || len == 0)
		return; /* not ours: the kernel is confused, and will be found out */
	hyp_lock(&a->lock);
	a->used -= len * PAGE;
	if (at > 0 && a->pages[at - 1].free) {
		uint32_t before = a->pages[at - 1].len;

		unlist_run(a, at - before);
		at -= before;
		len += before;
	}
	if (at + len < a->frontier && a->pages[at + len].free) {
		uint32_t behind = a->pages[at + len].len;

		unlist_run(a, at + len);
		len += behind;
	}
	if (len >= GIVE_BACK)
		madvise(a->base + (size_t)at * PAGE, (size_t)len * PAGE, MADV_DONTNEED);
	if (at + len == a->frontier)
		a->frontier = at;
	else
		list_run(a, at, len);
	hyp_unlock(&a->lock);
}

/*
 * Cells hold locks. The lock of a cell's queue comes first and stays valid
 * when the cell is free or used anew: a thread that gave up waiting may look
 * at it late. The list of free cells runs through the words behind it.
 */
struct cell { struct hyp_queue queue; struct cell *next; };

void *
hyp_cell(struct hyp_kernel *k)
{
	struct hyp_arena *a = &k->arena;
	struct cell *c;
	char *page;

	hyp_lock(&a->lock);
	c = a->cells;
	if (c != NULL) {
		a->cells = c->next;
		hyp_unlock(&a->lock);
	} else {
		hyp_unlock(&a->lock);
		if ((page = take(a, PAGE, PAGE)) == NULL) {
			/* A kernel without memory for a lock cannot go on:
			 * rumpuser(3) has no answer for it. */
			hyp_end(k, HYP_EXHAUSTED, 0);
			hyp_die(hyp_current());
		}
		memset(page, 0, PAGE);
		c = (struct cell *)page;
		hyp_lock(&a->lock);
		for (size_t off = HYP_CELL; off < PAGE; off += HYP_CELL) {
			((struct cell *)(page + off))->next = a->cells;
			a->cells = page + off;
		}
		hyp_unlock(&a->lock);
	}
	memset((char *)c + sizeof(struct hyp_lock), 0, HYP_CELL - sizeof(struct hyp_lock));
	return c;
}

void
hyp_cell_free(struct hyp_kernel *k, void *cell)
{
	struct cell *c = cell;

	hyp_lock(&k->arena.lock);
	c->next = k->arena.cells;
	k->arena.cells = c;
	hyp_unlock(&k->arena.lock);
}

struct memory_request { struct hyp_kernel *k; size_t size, align; int error; };

static void
ask_memory(void *arg)
{
	struct memory_request *r = arg;

	r->error = goAllocate(r->k->handle, r->size, r->align);
}

int
rumpuser_malloc(size_t size, int align, void **memp)
{
	struct hyp_kernel *k = hyp_current()->kernel;

	*memp = NULL; /* NetBSD looks at it even where this fails */
	if (k->hooks & HYP_HOOK_MEMORY) {
		struct memory_request r = { k, size, align, 0 };

		hyp_host_call(ask_memory, &r);
		if (r.error != 0)
			return r.error;
	}
	*memp = take(&k->arena, size, align <= 0 ? 1 : align);
	return *memp != NULL ? 0 : NB_ENOMEM;
}

void
rumpuser_free(void *mem, size_t size)
{
	give(&hyp_current()->kernel->arena, mem, size);
}

/* Memory is never executable, whatever is asked: code comes from libraries. */
int
rumpuser_anonmmap(void *want, size_t size, int alignbit, int exec, void **memp)
{
	struct hyp_kernel *k = hyp_current()->kernel;

	(void)want;
	if (exec)
		return NB_EOPNOTSUPP;
	*memp = take(&k->arena, size, alignbit > 12 && alignbit < 40 ? (size_t)1 << alignbit : 1);
	if (*memp == NULL)
		return NB_ENOMEM;
	memset(*memp, 0, size);
	return 0;
}

void
rumpuser_unmap(void *mem, size_t size)
{
	rumpuser_free(mem, size);
}
