/* Calls about files by name (open(2), stat(2), readlink(2), getdents(2) and their kin). */
#include "calls.h"
#include "descriptor.h"
#include "files.h"
#include "object.h"

enum at_flags { AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000 };
enum { W_OK = 2 };

/* ---- files and directories, opened */

s64 node_read(const struct node *n, u64 addr, u64 size, u64 offset)
{
	if (offset >= n->size)
		return 0;
	size = min(size, n->size - offset);
	return to_user(addr, n->data + offset, size) ? -EFAULT : (s64)size;
}

static s64 file_read(struct file *f, u64 addr, u64 n)
{
	s64 r = node_read(f->node, addr, n, f->position);

	if (r > 0)
		f->position += (u64)r;
	return r;
}

const struct file_type memory_file_type = {0, file_read, NULL, NULL, NULL};
const struct file_type directory_type = {0, NULL, NULL, NULL, NULL};

static const struct file_type *device(const struct node *n)
{
	static const struct {
		const char *path;
		const struct file_type *type;
	} devices[] = {
		{"dev/console", &console_type}, {"dev/null", &null_type},      {"dev/zero", &zero_type},
		{"dev/random", &random_type},   {"dev/urandom", &random_type},
	};

	for (u32 i = 0; i < COUNT(devices); i++)
		if (streq(n->path, devices[i].path))
			return devices[i].type;
	return NULL;
}

static s64 open_node(const struct node *n, u32 flags)
{
	u32 kind = n->mode & S_IFMT;
	bool writes = flags & (O_ACCMODE | O_TRUNC);
	const struct file_type *type = kind == S_IFDIR ? &directory_type : kind == S_IFCHR ? device(n) : &memory_file_type;
	struct file *f;
	s64 fd;

	if (kind == S_IFLNK)
		return -ELOOP;
	if (!type)
		return -ENODEV;
	if (kind == S_IFDIR && writes)
		return -EISDIR;
	if (kind == S_IFREG && writes)
		return -EROFS;
	if (flags & O_DIRECTORY && kind != S_IFDIR)
		return -ENOTDIR;
	fd = descriptor_open(type, flags, &f);
	if (fd >= 0 && kind != S_IFCHR)
		f->node = n;
	return fd;
}

s64 call_openat(const u64 *a)
{
	u32 flags = (u32)a[2];
	const struct node *n;
	s64 r = node_find(a[0], a[1], !(flags & O_NOFOLLOW), &n);

	if (r == -ENOENT && flags & O_CREAT)
		return -EROFS;
	return r ? r : open_node(n, flags);
}

s64 call_open(const u64 *a)
{
	const u64 at[] = {AT_FDCWD, a[0], a[1]};

	return call_openat(at);
}

/* ---- stat */

struct stat {
	u64 dev, ino, links;
	u32 mode, uid, gid, pad;
	u64 rdev, size, block_size, blocks;
	u64 atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
	u64 reserved[3];
};
_Static_assert(sizeof(struct stat) == 144, "struct stat");

s64 stat_to_user(u64 addr, const struct node *n, u32 mode)
{
	struct stat s = {.dev = 1, .ino = 1, .links = 1, .mode = mode, .block_size = PAGE_SIZE};

	if (n) {
		s.ino = (u64)(n - node_at(0)) + 2;
		s.mode = n->mode;
		s.size = n->size;
		s.blocks = (n->size + 511) / 512;
		s.atime = s.mtime = s.ctime = n->mtime;
	}
	return to_user(addr, &s, sizeof(s));
}

s64 stat_object_to_user(u64 addr, const struct object *o, u32 mode)
{
	struct stat s = {.dev = 2, .ino = (u64)o, .mode = mode, .size = o->size, .block_size = PAGE_SIZE,
			 .blocks = o->pages * (PAGE_SIZE / 512)};

	return to_user(addr, &s, sizeof(s));
}

static s64 stat_at(u64 dirfd, u64 path, u64 addr, bool follow)
{
	const struct node *n;
	s64 r = node_find(dirfd, path, follow, &n);

	return r ? r : stat_to_user(addr, n, 0);
}

s64 call_newfstatat(const u64 *a)
{
	char first;
	const u64 fstat[] = {a[0], a[2]};

	if (a[3] & AT_EMPTY_PATH && !from_user(&first, a[1], 1) && !first && (u32)a[0] != AT_FDCWD)
		return call_fstat(fstat);
	return stat_at(a[0], a[1], a[2], !(a[3] & AT_SYMLINK_NOFOLLOW));
}

s64 call_stat(const u64 *a)
{
	return stat_at(AT_FDCWD, a[0], a[1], true);
}

s64 call_lstat(const u64 *a)
{
	return stat_at(AT_FDCWD, a[0], a[1], false);
}

static s64 access_at(u64 dirfd, u64 path, u64 mode)
{
	const struct node *n;
	s64 r = node_find(dirfd, path, true, &n);

	if (r)
		return r;
	if (mode & W_OK && (n->mode & S_IFMT) != S_IFCHR)
		return -EROFS;
	return (mode & 1 && !(n->mode & 0111)) ? -EACCES : 0;
}

s64 call_faccessat(const u64 *a)
{
	return access_at(a[0], a[1], a[2]);
}

s64 call_faccessat2(const u64 *a)
{
	return access_at(a[0], a[1], a[2]);
}

s64 call_access(const u64 *a)
{
	return access_at(AT_FDCWD, a[0], a[1]);
}

/* ---- links and directories */

s64 call_readlinkat(const u64 *a)
{
	const struct node *n;
	s64 r = node_find(a[0], a[1], false, &n);

	if (r)
		return r;
	if ((n->mode & S_IFMT) != S_IFLNK || !a[3])
		return -EINVAL;
	return node_read(n, a[2], a[3], 0);
}

s64 call_readlink(const u64 *a)
{
	const u64 at[] = {AT_FDCWD, a[0], a[1], a[2]};

	return call_readlinkat(at);
}

s64 call_getcwd(const u64 *a)
{
	const char *dir = working_directory();
	u64 n = strlen(dir) + 1;

	if (a[1] < n + 1)
		return -ERANGE;
	if (to_user(a[0], "/", 1) || to_user(a[0] + 1, dir, n))
		return -EFAULT;
	return (s64)n + 1;
}

s64 call_chdir(const u64 *a)
{
	const struct node *n;
	s64 r = node_find(AT_FDCWD, a[0], true, &n);

	if (r)
		return r;
	if ((n->mode & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	set_working_directory(n);
	return 0;
}

struct dirent {
	u64 ino, next;
	u16 size;
	u8 type;
} PACKED;

/* The name of n where it stands directly in dir; NULL otherwise. */
static const char *name_in(const struct node *dir, const struct node *n)
{
	u64 size = strlen(dir->path);
	const char *name = n->path;

	if (size) {
		if (!starts_with(name, dir->path) || name[size] != '/')
			return NULL;
		name += size + 1;
	}
	if (!*name)
		return NULL;
	for (const char *s = name; *s; s++)
		if (*s == '/')
			return NULL;
	return name;
}

/* The position of an open directory counts nodes, whether they are in it or not. */
s64 call_getdents64(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);
	u64 done = 0;

	if (!f)
		return -EBADF;
	if (f->type != &directory_type)
		return -ENOTDIR;
	for (; f->position < node_count(); f->position++) {
		const struct node *n = node_at(f->position);
		const char *name = name_in(f->node, n);
		u64 length = name ? strlen(name) + 1 : 0, size = (sizeof(struct dirent) + length + 7) & ~7ul;
		struct dirent d = {f->position + 2, f->position + 1, (u16)size, (u8)((n->mode & S_IFMT) >> 12)};

		if (!name)
			continue;
		if (size > a[2] - done)
			return done ? (s64)done : -EINVAL;
		if (to_user(a[1] + done, &d, sizeof(d)) || to_user(a[1] + done + sizeof(d), name, length))
			return done ? (s64)done : -EFAULT;
		done += size;
	}
	return (s64)done;
}
