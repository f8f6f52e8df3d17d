/*
 * The start info that the boot loader passes: memory map, module, command line
 * (Xen, public/arch-x86/hvm/start_info.h). It is copied before its memory is
 * used for anything else.
 */
#include "shim.h"

enum { START_MAGIC = 0x336ec578, MEMMAP_RAM = 1, MEMMAP_VERSION = 1 };
enum { FIRST_MIB = 0x100000 };

struct start_info {
	u32 magic, version, flags, module_count;
	u64 modules, command_line, rsdp;
	u64 memmap;
	u32 memmap_count, reserved;
};

struct module {
	u64 address, size, command_line, reserved;
};

struct memmap_entry {
	u64 address, size;
	u32 type, reserved;
};

struct boot boot;

static void add_ram(u64 start, u64 end)
{
	start = max(page_up(start), FIRST_MIB);
	end = page_down(end);
	if (start < end && boot.ram_count < MAX_RANGES)
		boot.ram[boot.ram_count++] = (struct range){start, end};
}

void params_init(void)
{
	const struct start_info *si = direct(start_info);
	const struct memmap_entry *map;
	const struct module *module;

	if (si->magic != START_MAGIC)
		refuse("not started by the PVH protocol: no start info at 0x%lx", start_info);
	if (si->version < MEMMAP_VERSION || !si->memmap)
		refuse("the boot loader passed no memory map; Xen does since 4.11, QEMU since 4.0");

	map = direct(si->memmap);
	for (u32 i = 0; i < si->memmap_count; i++)
		if (map[i].type == MEMMAP_RAM)
			add_ram(map[i].address, map[i].address + map[i].size);

	if (si->module_count) {
		module = direct(si->modules);
		boot.module = (struct range){module->address, module->address + module->size};
	}
	if (si->command_line && !strcopy(boot.command_line, direct(si->command_line), MAX_COMMAND_LINE))
		refuse("the command line is longer than %d bytes", MAX_COMMAND_LINE - 1);
}

bool overlaps_ram(u64 start, u64 end)
{
	for (u32 i = 0; i < boot.ram_count; i++)
		if (start < boot.ram[i].end && end > boot.ram[i].start)
			return true;
	return false;
}

void params_prepend(const char *command_line, u64 n)
{
	u64 old = strlen(boot.command_line);

	n = strnlen(command_line, n);
	if (!n)
		return;
	if (n + 1 + old >= MAX_COMMAND_LINE)
		refuse("the command lines of the image and of the boot loader are longer than %d bytes together",
		       MAX_COMMAND_LINE - 1);
	memmove(boot.command_line + n + 1, boot.command_line, old + 1);
	memcpy(boot.command_line, command_line, n);
	boot.command_line[n] = ' ';
}

bool params_next(const char **at, char *word, u64 size)
{
	const char *s = *at;
	bool quoted = false;
	u64 n = 0;

	while (*s == ' ')
		s++;
	if (!*s)
		return false;
	for (; *s && (quoted || *s != ' '); s++) {
		if (*s == '"')
			quoted = !quoted;
		else if (n + 1 < size)
			word[n++] = *s;
	}
	word[n] = 0;
	*at = s;
	return true;
}

const char *param(const char *name, char *value, u64 size)
{
	static char word[MAX_COMMAND_LINE];
	const char *at = boot.command_line, *found = NULL;
	u64 n = strlen(name);

	while (params_next(&at, word, sizeof(word)) && !streq(word, "--"))
		if (starts_with(word, name) && word[n] == '=') {
			strcopy(value, word + n + 1, size);
			found = value;
		}
	return found;
}
