/* The table of files, and finding one by its path. */
#include "files.h"
#include "cpio.h"
#include "descriptor.h"

static const struct node builtin[] = {
	{"", NULL, 0, S_IFDIR | 0755, 0},
	{"dev", NULL, 0, S_IFDIR | 0755, 0},
	{"dev/console", NULL, 0, S_IFCHR | 0620, 0},
	{"dev/null", NULL, 0, S_IFCHR | 0666, 0},
	{"dev/random", NULL, 0, S_IFCHR | 0666, 0},
	{"dev/urandom", NULL, 0, S_IFCHR | 0666, 0},
	{"dev/zero", NULL, 0, S_IFCHR | 0666, 0},
	{"proc", NULL, 0, S_IFDIR | 0555, 0},
	{"proc/cmdline", (const u8 *)boot.command_line, 0, S_IFREG | 0444, 0}, /* its size is set below */
	{"proc/sys", NULL, 0, S_IFDIR | 0555, 0},
	{"proc/sys/vm", NULL, 0, S_IFDIR | 0555, 0},
	{"proc/sys/vm/mmap_min_addr", (const u8 *)"65536\n", 6, S_IFREG | 0444, 0}, /* USER_BOTTOM */
	{"proc/self", NULL, 0, S_IFDIR | 0555, 0},
	{"proc/self/exe", (const u8 *)"/init", 5, S_IFLNK | 0777, 0},
};

static struct node *nodes;
static u32 count;
static u32 *index; /* by hash of the path: number of the node + 1, or 0 */
static u32 index_mask;
static char directory[MAX_PATH]; /* the program's working directory, in the form of node.path */

static u32 hash(const char *s)
{
	u32 h = 2166136261; /* FNV-1a */

	while (*s)
		h = (h ^ (u8)*s++) * 16777619;
	return h;
}

/* The place of a path in the index: its own, or the free one where it would be. */
static u32 *place(const char *path)
{
	u32 i = hash(path);

	while (index[i & index_mask] && !streq(nodes[index[i & index_mask] - 1].path, path))
		i++;
	return &index[i & index_mask];
}

static const struct node *lookup(const char *path)
{
	u32 n = *place(path);

	return n ? &nodes[n - 1] : NULL;
}

u32 node_count(void)
{
	return count;
}

const struct node *node_at(u64 i)
{
	return i < count ? &nodes[i] : NULL;
}

/* A later entry of the archive replaces an earlier one of the same path. */
static void add(const struct node *n)
{
	u32 *at = place(n->path);

	if (!*at)
		*at = ++count;
	nodes[*at - 1] = *n;
}

static u32 count_archive(void)
{
	struct cpio c = {payload.archive, payload.archive_size, 0};
	struct node n;
	u32 entries = 0;
	enum cpio_result r;

	if (!c.size)
		return 0;
	while ((r = cpio_next(&c, &n)) == CPIO_ENTRY)
		entries++;
	if (r == CPIO_BAD)
		refuse("the image's files are damaged: no cpio entry at byte %lu of %lu", c.at, c.size);
	return entries;
}

static void add_archive(void)
{
	struct cpio c = {payload.archive, payload.archive_size, 0};
	struct node n;

	while (c.size && cpio_next(&c, &n) == CPIO_ENTRY)
		add(&n);
}

/* The image may not replace what the shim answers for. */
static void add_builtin(void)
{
	for (u32 i = 0; i < COUNT(builtin); i++) {
		struct node n = builtin[i];

		if (n.data == (const u8 *)boot.command_line)
			n.size = strlen(boot.command_line);
		add(&n);
	}
}

static void *table(u64 size)
{
	u32 order = 0;
	void *p;

	while (PAGE_SIZE << order < size)
		order++;
	p = order <= MAX_ORDER ? pages_alloc(order) : NULL;
	if (!p)
		refuse("no memory for a table of the image's files");
	return memset(p, 0, PAGE_SIZE << order);
}

void files_init(void)
{
	u32 room = count_archive() + COUNT(builtin) + 1, slots = 64;

	while (slots < 2 * room) /* so that there is always a free one */
		slots *= 2;
	index_mask = slots - 1;
	index = table(slots * sizeof(*index));
	nodes = table(room * sizeof(*nodes));
	add_archive();
	add_builtin();
	if (!payload.archive_size)
		add(&(struct node){"init", payload.program, payload.program_size, S_IFREG | 0755, 0});
}

const struct node *node_program(void)
{
	return lookup("init");
}

/* ---- paths */

/* Takes the last component off. */
static void go_up(char *path)
{
	u64 n = strlen(path);

	while (n && path[n - 1] != '/')
		n--;
	path[n ? n - 1 : 0] = 0;
}

/* Adds one component; false where the path gets too long. */
static bool go_down(char *path, const char *name, u64 n)
{
	u64 at = strlen(path);

	if (at + n + 2 > MAX_PATH)
		return false;
	if (at)
		path[at++] = '/';
	memcpy(path + at, name, n);
	path[at + n] = 0;
	return true;
}

/* Puts the target of a link in front of what is left of the path. */
static bool follow_link(char *rest, const struct node *link, const char *left)
{
	static char joined[MAX_PATH];
	u64 n = strlen(left);

	if (link->size + 1 + n + 1 > MAX_PATH)
		return false;
	memcpy(joined, link->data, link->size);
	joined[link->size] = '/';
	memcpy(joined + link->size + 1, left, n + 1);
	memcpy(rest, joined, MAX_PATH);
	return true;
}

/* Walks `rest` from the directory in `path`, which becomes where it leads. */
static s64 walk(char *path, char *rest, bool follow, const struct node **found)
{
	u32 links = 0;
	char *s = rest;

	if (*s == '/')
		path[0] = 0;
	for (;;) {
		const struct node *n = lookup(path);
		bool more;
		u64 size = 0;

		while (*s == '/')
			s++;
		more = *s != 0;
		if (n && (n->mode & S_IFMT) == S_IFLNK && (more || follow)) {
			if (++links > MAX_LINKS)
				return -ELOOP;
			if (!follow_link(rest, n, s))
				return -ENAMETOOLONG;
			go_up(path);
			s = rest;
			if (*s == '/')
				path[0] = 0;
			continue;
		}
		if (!n)
			return -ENOENT;
		if (!more) {
			*found = n;
			return 0;
		}
		if ((n->mode & S_IFMT) != S_IFDIR)
			return -ENOTDIR;
		while (s[size] && s[size] != '/')
			size++;
		if (size == 2 && s[0] == '.' && s[1] == '.')
			go_up(path);
		else if (!(size == 1 && s[0] == '.') && !go_down(path, s, size))
			return -ENAMETOOLONG;
		s += size;
	}
}

s64 node_find(u64 dirfd, u64 user_path, bool follow, const struct node **n)
{
	static char path[MAX_PATH], rest[MAX_PATH];
	struct file *f;
	s64 r = string_from_user(rest, user_path, MAX_PATH);

	if (r < 0)
		return r;
	if (!r)
		return -ENOENT;
	if (rest[r - 1] == '/')
		follow = true;
	if ((u32)dirfd == AT_FDCWD || rest[0] == '/') {
		strcopy(path, directory, MAX_PATH);
	} else {
		f = descriptor_file((u32)dirfd);
		if (!f)
			return -EBADF;
		if (f->type != &directory_type)
			return -ENOTDIR;
		strcopy(path, f->node->path, MAX_PATH);
	}
	return walk(path, rest, follow, n);
}

const char *working_directory(void)
{
	return directory;
}

void set_working_directory(const struct node *n)
{
	strcopy(directory, n->path, MAX_PATH);
}
