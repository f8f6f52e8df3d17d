/*
 * The program's first stack (System V ABI, figure 3.9; auxiliary vector as in
 * getauxval(3)).
 *
 * Words of the command line go where Linux sends them (its
 * admin-guide/kernel-parameters): what has a dot in its name is a parameter of
 * ours or of a driver, other NAME=VALUE are the environment, and the rest, like
 * all behind "--", are arguments.
 */
#include "shim.h"

enum { MAX_STRINGS = 512, PROGRAM_STACK = 8 << 20 };
enum auxv {
	AT_NULL = 0,
	AT_PHDR = 3,
	AT_PHENT = 4,
	AT_PHNUM = 5,
	AT_PAGESZ = 6,
	AT_ENTRY = 9,
	AT_UID = 11,
	AT_EUID = 12,
	AT_GID = 13,
	AT_EGID = 14,
	AT_CLKTCK = 17,
	AT_SECURE = 23,
	AT_RANDOM = 25,
	AT_EXECFN = 31,
	AT_SYSINFO_EHDR = 33,
};

struct strings {
	u64 at[MAX_STRINGS];
	u32 count;
};

static struct strings arguments, environment;
static u64 sp;

static void push(const void *p, u64 n)
{
	sp -= n;
	if (to_user(sp, p, n))
		refuse("the program's arguments do not fit on its stack");
}

static void push_string(struct strings *list, const char *s)
{
	push(s, strlen(s) + 1);
	if (list->count == MAX_STRINGS)
		refuse("the command line has more than %d words", MAX_STRINGS);
	list->at[list->count++] = sp;
}

static bool is_parameter(const char *word, u64 name)
{
	for (u64 i = 0; i < name; i++)
		if (word[i] == '.')
			return true;
	return false;
}

static void push_word(const char *word)
{
	u64 name = 0;

	while (word[name] && word[name] != '=')
		name++;
	if (!word[name])
		push_string(&arguments, word);
	else if (!is_parameter(word, name))
		push_string(&environment, word);
}

static void push_command_line(void)
{
	static char word[MAX_COMMAND_LINE];
	const char *at = boot.command_line;
	bool literal = false;

	push_string(&arguments, "/init");
	while (params_next(&at, word, sizeof(word))) {
		if (literal)
			push_string(&arguments, word);
		else if (streq(word, "--"))
			literal = true;
		else
			push_word(word);
	}
}

static void push_list(const struct strings *list)
{
	const u64 end = 0;

	push(&end, sizeof(end));
	push(list->at, list->count * sizeof(u64));
}

u64 stack_build(const struct program *p)
{
	u8 random[16];
	u64 top = vm_find(PROGRAM_STACK, PAGE_SIZE) + PROGRAM_STACK, words, count;

	if (vm_map(top - PROGRAM_STACK, top, PROT_READ | PROT_WRITE, REGION_MEMORY))
		panic("no room for the program's stack");
	sp = top;
	push_command_line();
	random_bytes(random, sizeof(random));
	push(random, sizeof(random));

	const u64 auxv[] = {
		AT_PHDR, p->phdr, AT_PHENT, p->phdr_size, AT_PHNUM, p->phdr_count, AT_PAGESZ, PAGE_SIZE,
		AT_ENTRY, p->entry, AT_UID, 0, AT_EUID, 0, AT_GID, 0, AT_EGID, 0, AT_CLKTCK, 100, AT_SECURE, 0,
		AT_RANDOM, sp, AT_EXECFN, arguments.at[0], AT_SYSINFO_EHDR, vdso_base(), AT_NULL, 0,
	};

	sp &= ~15ul;
	words = COUNT(auxv) + environment.count + 1 + arguments.count + 1 + 1;
	sp -= words % 2 * sizeof(u64); /* so that it ends at a multiple of 16 */
	push(auxv, sizeof(auxv));
	push_list(&environment);
	push_list(&arguments);
	count = arguments.count;
	push(&count, sizeof(count));
	return sp;
}
