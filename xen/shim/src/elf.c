/*
 * Loading the program: a static ELF file for x86-64 (System V ABI, chapters 4
 * and 5). The file is in memory already: whole pages of segments that are not
 * writable are mapped where they are.
 */
#include "shim.h"

enum {
	CLASS_64 = 2,
	LITTLE_ENDIAN_DATA = 1,
	EXECUTABLE = 2,
	SHARED_OBJECT = 3, /* also: position-independent executable */
	X86_64 = 62,
	SEGMENT_LOAD = 1,
	SEGMENT_INTERPRETER = 3,
	SEGMENT_TABLE = 6,
	FLAG_X = 1,
	FLAG_W = 2,
	FLAG_R = 4,
	MAX_SEGMENTS = 64,
};
#define PIE_BASE 0x555555554000ul /* where Linux puts them, too */

struct header {
	u8 magic[4], class, data, version, abi, pad[8];
	u16 type, machine;
	u32 version2;
	u64 entry, segments, sections;
	u32 flags;
	u16 size, segment_size, segment_count, section_size, section_count, names;
};

struct segment {
	u32 type, flags;
	u64 offset, address, physical, file_size, memory_size, align;
};

static void check_header(const struct header *h, u64 size)
{
	if (size < sizeof(*h) || memcmp(h->magic, "\177ELF", 4))
		refuse("the program is not an ELF file");
	if (h->class != CLASS_64 || h->data != LITTLE_ENDIAN_DATA || h->machine != X86_64)
		refuse("the program is for another architecture (ELF machine %d): build it with GOARCH=amd64", h->machine);
	if (h->type != EXECUTABLE && h->type != SHARED_OBJECT)
		refuse("the program is not executable (ELF type %d)", h->type);
	if (h->segment_size != sizeof(struct segment) || h->segment_count > MAX_SEGMENTS ||
	    h->segments > size || h->segment_count * sizeof(struct segment) > size - h->segments)
		refuse("the program's ELF headers are damaged");
}

static void check_segment(const struct segment *s, u64 size, u64 base)
{
	if (s->type == SEGMENT_INTERPRETER)
		refuse("the program is dynamically linked: build it static, with CGO_ENABLED=0 or -extldflags=-static");
	if (s->type != SEGMENT_LOAD)
		return;
	if (s->offset > size || s->file_size > size - s->offset || s->file_size > s->memory_size)
		refuse("the program is cut short: a segment lies outside of the file");
	if (s->offset % PAGE_SIZE != s->address % PAGE_SIZE)
		refuse("the program has a segment that is not aligned to pages");
	if (s->address > USER_TOP || base + s->address < USER_BOTTOM || !user_range(base + s->address, s->memory_size))
		refuse("the program wants to be at 0x%lx, where programs may not be", base + s->address);
}

/* One page: borrowed from the file, or a copy with zeros around. */
static void load_page(u64 va, const u8 *from, u64 skip, u64 n, bool borrow)
{
	u8 *page;

	if (borrow && n == PAGE_SIZE && physical(from) % PAGE_SIZE == 0) {
		if (vm_place(va, physical(from), PTE_BORROWED))
			die_out_of_memory();
		return;
	}
	page = page_alloc_zeroed();
	if (!page)
		die_out_of_memory();
	memcpy(page + skip, from, n);
	if (vm_place(va, physical(page), 0))
		die_out_of_memory();
}

static void load_segment(const u8 *image, const struct segment *s, u64 base)
{
	u64 start = base + s->address, file_end = start + s->file_size, end = page_up(start + s->memory_size);
	u8 prot = (u8)((s->flags & FLAG_R ? PROT_READ : 0) | (s->flags & FLAG_W ? PROT_WRITE : 0) |
		       (s->flags & FLAG_X ? PROT_EXEC : 0));

	if (!s->memory_size)
		return;
	if (vm_map(page_down(start), end, prot, REGION_MEMORY))
		refuse("no room for the program's segment at 0x%lx", start);
	for (u64 va = page_down(start); va < file_end; va += PAGE_SIZE) {
		u64 from = max(va, start), to = min(va + PAGE_SIZE, file_end);

		load_page(va, image + s->offset + (from - start), from - va, to - from, !(s->flags & FLAG_W));
	}
}

/* Where the program finds its own segment table (AT_PHDR). */
static u64 table_address(const struct header *h, const struct segment *s, u32 count, u64 base)
{
	for (u32 i = 0; i < count; i++)
		if (s[i].type == SEGMENT_TABLE)
			return base + s[i].address;
	for (u32 i = 0; i < count; i++)
		if (s[i].type == SEGMENT_LOAD && h->segments >= s[i].offset && h->segments < s[i].offset + s[i].file_size)
			return base + s[i].address + (h->segments - s[i].offset);
	return 0;
}

struct program elf_load(const u8 *image, u64 size)
{
	const struct header *h = (const struct header *)image;
	const struct segment *s;
	struct program p = {0};
	u64 base;

	check_header(h, size);
	base = h->type == SHARED_OBJECT ? PIE_BASE : 0;
	s = (const struct segment *)(image + h->segments);
	for (u32 i = 0; i < h->segment_count; i++)
		check_segment(&s[i], size, base);
	for (u32 i = 0; i < h->segment_count; i++)
		if (s[i].type == SEGMENT_LOAD) {
			load_segment(image, &s[i], base);
			p.end = max(p.end, base + s[i].address + s[i].memory_size);
		}
	p.entry = base + h->entry;
	p.phdr = table_address(h, s, h->segment_count, base);
	p.phdr_size = sizeof(struct segment);
	p.phdr_count = h->segment_count;
	if (!vm_is_mapped(p.entry))
		refuse("the program has no entry point");
	return p;
}
