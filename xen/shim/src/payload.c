/*
 * What runs on the shim: a payload joined to it, which begins with the header
 * below, or a module (ramdisk) that is such a payload, a cpio archive or an
 * ELF file. Package images writes payloads.
 */
#include "shim.h"

static const u8 magic[8] = "ANYKPAY1";

struct header {
	u8 magic[8];
	u64 size;     /* of all, with this header; a multiple of 8 */
	u64 checksum; /* of what follows this header */
	u64 archive, archive_size;
	u64 command_line, command_line_size;
	u64 reserved;
};

struct payload payload;

/* By words, so that it takes a millisecond: x = rotate(x ^ word, 23) * prime. */
static u64 checksum(const u64 *words, u64 n)
{
	u64 x = n;

	for (u64 i = 0; i < n / 8; i++) {
		x ^= words[i];
		x = (x << 23 | x >> 41) * 0x9e3779b97f4a7c15ul;
	}
	return x;
}

static bool in_ram(u64 start, u64 size)
{
	for (u32 i = 0; i < boot.ram_count; i++)
		if (start >= boot.ram[i].start && start < boot.ram[i].end)
			return size <= boot.ram[i].end - start;
	return false;
}

static bool inside(u64 offset, u64 size, u64 total)
{
	return offset <= total && size <= total - offset;
}

static void take_joined(u64 pa, u64 limit)
{
	const u8 *start = direct(pa);
	const struct header *h = (const struct header *)start;

	if (h->size < sizeof(*h) || h->size % 8 || h->size > limit || !in_ram(pa, h->size))
		refuse("the image needs %lu KiB of memory in one piece at 0x%lx, and the guest has not got that", h->size >> 10, pa);
	if (checksum((const u64 *)(h + 1), h->size - sizeof(*h)) != h->checksum)
		refuse("the image is damaged: its checksum is wrong");
	if (!inside(h->archive, h->archive_size, h->size) || !inside(h->command_line, h->command_line_size, h->size))
		refuse("the image is damaged: its parts lie outside of it");
	payload = (struct payload){
		.memory = {pa, pa + h->size},
		.archive = start + h->archive,
		.archive_size = h->archive_size,
		.command_line = (const char *)start + h->command_line,
		.command_line_size = h->command_line_size,
	};
}

static void take_module(u64 pa, u64 size)
{
	const u8 *start = direct(pa);

	if (!in_ram(pa, size) || size < sizeof(struct header))
		refuse("the ramdisk of %lu bytes at 0x%lx is too small or outside of memory", size, pa);
	if (!memcmp(start, magic, sizeof(magic))) {
		take_joined(pa, size);
		return;
	}
	payload.memory = (struct range){pa, pa + size};
	if (!memcmp(start, "07070", 5)) {
		payload.archive = start;
		payload.archive_size = size;
	} else {
		payload.program = start;
		payload.program_size = size;
	}
}

static bool is_joined(void)
{
	return in_ram(PAYLOAD_LOAD, PAGE_SIZE) && !memcmp(direct(PAYLOAD_LOAD), magic, sizeof(magic));
}

struct range payload_memory(void)
{
	const struct header *h = direct(PAYLOAD_LOAD);

	if (boot.module.end)
		return (struct range){page_down(boot.module.start), page_up(boot.module.end)};
	if (is_joined() && in_ram(PAYLOAD_LOAD, h->size))
		return (struct range){PAYLOAD_LOAD, page_up(PAYLOAD_LOAD + h->size)};
	return (struct range){0, 0};
}

void payload_init(void)
{
	u64 module_size = boot.module.end - boot.module.start;

	if (module_size)
		take_module(boot.module.start, module_size);
	else if (is_joined())
		take_joined(PAYLOAD_LOAD, ~0ul);
	else
		refuse("there is no program: join one to the shim or pass one as ramdisk; an image larger than the guest's memory is not loaded, either");
	params_prepend(payload.command_line, payload.command_line_size);
}
