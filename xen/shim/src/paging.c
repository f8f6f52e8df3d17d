/*
 * Page tables (Intel SDM 3A, chapter 4: 4-level paging). The shim's half is
 * made once; the program's half is filled page by page by vm.c.
 *
 * W^X: of the shim, only its text is executable, and nothing that is
 * executable or constant is writable, neither where it is linked nor in the
 * direct map.
 */
#include "shim.h"

enum { LEVEL_BITS = 9, ENTRIES = 512, ROOT_SHIFT = 39 };
#define HUGE_SIZE 0x200000ul
#define GIB 0x40000000ul

static u64 *root;
static struct range *early; /* until pages_init has run */
static bool has_gib_pages;

static u32 slot(u64 va, u32 shift)
{
	return (va >> shift) & (ENTRIES - 1);
}

static u64 *table_of(u64 entry)
{
	return direct(entry & PTE_ADDRESS);
}

static void *table_alloc(void)
{
	void *p;

	if (!early)
		return page_alloc_zeroed();
	if (early->start == early->end)
		refuse("too little memory for page tables");
	p = memset(direct(early->start), 0, PAGE_SIZE);
	early->start += PAGE_SIZE;
	return p;
}

/* The entry that maps va at the level of shift; tables above it are made. */
static u64 *walk(u64 va, u32 shift)
{
	u64 *table = root;

	for (u32 s = ROOT_SHIFT; s > shift; s -= LEVEL_BITS) {
		u64 *e = &table[slot(va, s)];

		if (!*e) {
			void *next = table_alloc();

			if (!next)
				return NULL;
			*e = physical(next) | PTE_PRESENT | PTE_WRITE | PTE_USER;
		}
		table = table_of(*e);
	}
	return &table[slot(va, shift)];
}

static void map(u64 va, u64 pa, u64 end, u64 bits)
{
	for (; pa < end; va += PAGE_SIZE, pa += PAGE_SIZE)
		*walk(va, PAGE_SHIFT) = pa | bits | PTE_PRESENT | PTE_GLOBAL;
}

/* The direct map of one range, by the largest pages that fit. */
static void map_ram(u64 pa, u64 end)
{
	while (pa < end) {
		u64 va = DIRECT_BASE + pa, bits = PTE_PRESENT | PTE_WRITE | PTE_GLOBAL | PTE_NX, size = PAGE_SIZE;
		u32 shift = PAGE_SHIFT;

		if (has_gib_pages && pa % GIB == 0 && end - pa >= GIB) {
			shift = 30;
			size = GIB;
		} else if (pa % HUGE_SIZE == 0 && end - pa >= HUGE_SIZE) {
			shift = 21;
			size = HUGE_SIZE;
		}
		*walk(va, shift) = pa | bits | (size > PAGE_SIZE ? PTE_HUGE : 0);
		pa += size;
	}
}

static u64 linked(const u8 *symbol)
{
	return (u64)symbol - SHIM_BASE;
}

static void map_shim(void)
{
	map((u64)shim_start, linked(shim_start), linked(shim_text_end), 0);
	map((u64)shim_text_end, linked(shim_text_end), linked(shim_rodata_end), PTE_NX);
	map((u64)shim_rodata_end, linked(shim_rodata_end), linked(shim_end), PTE_WRITE | PTE_NX);
	for (u32 i = 0; i < MAX_CPUS; i++)
		*walk(stack_guard_of(i), PAGE_SHIFT) = 0;
}

/* All RAM except for the shim's text and constants. */
static void map_all_ram(void)
{
	u64 start = linked(shim_start), end = linked(shim_rodata_end);

	for (u32 i = 0; i < boot.ram_count; i++) {
		map_ram(boot.ram[i].start, max(boot.ram[i].start, min(boot.ram[i].end, start)));
		map_ram(max(boot.ram[i].start, end), boot.ram[i].end);
	}
}

void paging_init(struct range *room)
{
	early = room;
	has_gib_pages = cpuid(0x80000000, 0).eax >= 0x80000001 && cpuid(0x80000001, 0).edx & 1 << 26;
	root = table_alloc();
	map_all_ram();
	map_shim();
	write_cr3(physical(root));
	early = NULL;
}

u64 paging_root(void)
{
	return physical(root);
}

void *map_physical(u64 pa, u64 size, u64 pte_bits)
{
	u64 start = page_down(pa), va = DEVICE_BASE + start;

	for (u64 p = start; p < page_up(pa + size); p += PAGE_SIZE) {
		u64 *pte = walk(DEVICE_BASE + p, PAGE_SHIFT);

		if (!pte)
			panic("no memory for page tables");
		*pte = p | PTE_PRESENT | PTE_WRITE | PTE_NX | pte_bits;
	}
	return (void *)(va + (pa - start));
}

u64 *pte_make(u64 va)
{
	return walk(va, PAGE_SHIFT);
}

/* Descends to the last level. Where that is missing, *shift is the size of the hole. */
static u64 *descend(u64 va, u32 *shift)
{
	u64 *table = root;

	for (*shift = ROOT_SHIFT; *shift > PAGE_SHIFT; *shift -= LEVEL_BITS) {
		u64 e = table[slot(va, *shift)];

		if (!e)
			return NULL;
		table = table_of(e);
	}
	return &table[slot(va, PAGE_SHIFT)];
}

static u64 behind(u64 va, u32 shift)
{
	return ((va >> shift) + 1) << shift;
}

u64 *pte_next(u64 *va, u64 end)
{
	while (*va < end) {
		u32 shift;
		u64 *pte = descend(*va, &shift);

		if (pte && *pte)
			return pte;
		*va = behind(*va, shift);
	}
	return NULL;
}

static bool is_empty(const u64 *table)
{
	for (u32 i = 0; i < ENTRIES; i++)
		if (table[i])
			return false;
	return true;
}

/*
 * Last-level tables alone: those above them map 1 GiB and more each, and a
 * program that touches many GiB has few of them.
 */
void paging_prune(u64 start, u64 end)
{
	u64 va = (start + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1);

	while (va < end && end - va >= HUGE_SIZE) {
		u32 shift;
		u64 *table = descend(va, &shift);

		if (table && is_empty(table)) {
			u64 *entry = walk(va, 21);

			*entry = 0;
			tlb_drop(va);
			tlb_free(table);
		}
		va = behind(va, table ? 21 : shift);
	}
}
