/* The table of descriptors, and the calls that work on any of them. */
#include "descriptor.h"
#include "calls.h"
#include "files.h"
#include "object.h"
#include "thread.h"

enum fcntl {
	F_DUPFD = 0,
	F_GETFD = 1,
	F_SETFD = 2,
	F_GETFL = 3,
	F_SETFL = 4,
	F_DUPFD_CLOEXEC = 1030,
};
enum { FD_CLOEXEC = 1, MAX_IOV = 1024 };
enum { SEEK_SET, SEEK_CUR, SEEK_END };

static struct file files[MAX_FILES];
static struct {
	struct file *file;
	bool close_on_exec;
} table[MAX_DESCRIPTORS];

/* ---- the table */

struct file *descriptor_file(u64 fd)
{
	return fd < MAX_DESCRIPTORS ? table[fd].file : NULL;
}

static s64 lowest_free(u64 from)
{
	for (u64 fd = from; fd < MAX_DESCRIPTORS; fd++)
		if (!table[fd].file)
			return (s64)fd;
	return -EMFILE;
}

s64 descriptor_open(const struct file_type *type, u32 flags, struct file **f)
{
	s64 fd = lowest_free(0);

	for (u32 i = 0; fd >= 0 && i < MAX_FILES; i++) {
		if (files[i].type)
			continue;
		files[i] = (struct file){.type = type, .references = 1, .flags = flags & (O_ACCMODE | O_NONBLOCK)};
		table[fd].file = *f = &files[i];
		table[fd].close_on_exec = flags & O_CLOEXEC;
		return fd;
	}
	return -EMFILE;
}

void descriptor_close(u64 fd)
{
	struct file *f = table[fd].file;

	epoll_forget(fd);
	table[fd].file = NULL;
	if (--f->references)
		return;
	if (f->type->close)
		f->type->close(f);
	f->type = NULL;
}

static s64 duplicate(struct file *f, s64 fd, bool close_on_exec)
{
	if (fd < 0)
		return fd;
	f->references++;
	table[fd].file = f;
	table[fd].close_on_exec = close_on_exec;
	return fd;
}

void descriptors_init(void)
{
	struct file *f;

	descriptor_open(&console_type, O_RDWR, &f);
	duplicate(f, lowest_free(0), false);
	duplicate(f, lowest_free(0), false);
}

void file_changed(struct file *f)
{
	f->changes++;
	thread_wake_all(&descriptor_waiters);
}

/* ---- reading and writing */

static s64 finish_read(struct thread *t, enum wake why)
{
	struct file *f = descriptor_file(t->regs.rdi);
	s64 r;

	if (why == INTERRUPTED)
		return RESTART;
	if (!f || !f->type->read)
		return -EBADF;
	r = f->type->read(f, t->regs.rsi, t->regs.rdx);
	return r == -EAGAIN ? WAIT_ON : r;
}

/* Writes what is left of n bytes; -EAGAIN where the rest has to wait. */
static s64 write_all(struct file *f, u64 addr, u64 n, u64 *done)
{
	do {
		s64 r = f->type->write(f, addr + *done, n - *done);

		if (r == -EAGAIN)
			return r;
		if (r <= 0)
			return *done ? (s64)*done : r;
		*done += (u64)r;
	} while (*done < n);
	return (s64)n;
}

static s64 finish_write(struct thread *t, enum wake why)
{
	struct file *f = descriptor_file(t->regs.rdi);
	s64 r;

	if (why == INTERRUPTED)
		return t->progress ? (s64)t->progress : RESTART;
	if (!f || !f->type->write)
		return -EBADF;
	r = write_all(f, t->regs.rsi, t->regs.rdx, &t->progress);
	return r == -EAGAIN ? WAIT_ON : r;
}

bool file_from_outside(const struct file *f, u32 events)
{
	if (!f || !(events & EVENT_IN))
		return false;
	return f->type == &console_type ? console_has_input() : f->type == &eventfd_type && f->event.vector;
}

static bool read_from_outside(const struct thread *t)
{
	return file_from_outside(descriptor_file(t->regs.rdi), EVENT_IN);
}

static void describe_read(const struct thread *t)
{
	print("data from descriptor %d", (s32)t->regs.rdi);
}

static void describe_write(const struct thread *t)
{
	print("room in descriptor %d", (s32)t->regs.rdi);
}

static const struct wait for_data = {finish_read, read_from_outside, describe_read};
static const struct wait for_room = {finish_write, NULL, describe_write};

s64 call_read(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);
	s64 r;

	if (!f || (f->flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	if (!f->type->read)
		return f->type == &directory_type ? -EISDIR : -EINVAL;
	if (!user_range(a[1], a[2]))
		return -EFAULT;
	r = f->type->read(f, a[1], a[2]);
	if (r == -EAGAIN && !(f->flags & O_NONBLOCK))
		thread_wait(&descriptor_waiters, NEVER, &for_data);
	return r;
}

s64 call_write(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);
	s64 r;

	if (!f || !(f->flags & O_ACCMODE))
		return -EBADF;
	if (!f->type->write)
		return -EINVAL;
	if (!user_range(a[1], a[2]))
		return -EFAULT;
	current->progress = 0;
	r = write_all(f, a[1], a[2], &current->progress);
	if (r != -EAGAIN)
		return r;
	if (!(f->flags & O_NONBLOCK))
		thread_wait(&descriptor_waiters, NEVER, &for_room);
	return current->progress ? (s64)current->progress : r;
}

struct iovec {
	u64 base, size;
};

/* One vector after the other, until one is not filled. */
static s64 vectors(const u64 *a, s64 (*one)(struct file *, u64, u64), struct file *f)
{
	s64 done = 0;

	if (!one)
		return -EINVAL;
	if (a[2] > MAX_IOV)
		return -EINVAL;
	for (u64 i = 0; i < a[2]; i++) {
		struct iovec v;
		s64 r;

		if (from_user(&v, a[1] + i * sizeof(v), sizeof(v)) || !user_range(v.base, v.size))
			return done ? done : -EFAULT;
		if (!v.size)
			continue;
		r = one(f, v.base, v.size);
		if (r < 0)
			return done ? done : r;
		done += r;
		if ((u64)r < v.size)
			break;
	}
	return done;
}

s64 call_readv(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);

	return f ? vectors(a, f->type->read, f) : -EBADF;
}

s64 call_writev(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);

	return f ? vectors(a, f->type->write, f) : -EBADF;
}

s64 call_pread64(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);

	if (!f)
		return -EBADF;
	if (f->type == &memfd_type)
		return (s64)a[3] < 0 ? -EINVAL : object_read(f->object, a[1], a[2], a[3]);
	if (f->type != &memory_file_type)
		return -ESPIPE;
	return node_read(f->node, a[1], a[2], a[3]);
}

s64 call_lseek(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);
	s64 to = (s64)a[1];

	if (!f)
		return -EBADF;
	if (f->type != &memory_file_type && f->type != &directory_type && f->type != &memfd_type)
		return -ESPIPE;
	switch (a[2]) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		to += (s64)f->position;
		break;
	case SEEK_END:
		to += (s64)(f->type == &memfd_type ? f->object->size : f->node->size);
		break;
	default:
		return -EINVAL;
	}
	if (to < 0)
		return -EINVAL;
	f->position = (u64)to;
	return to;
}

/* ---- descriptors themselves */

s64 call_close(const u64 *a)
{
	if (!descriptor_file(a[0]))
		return -EBADF;
	descriptor_close(a[0]);
	return 0;
}

s64 call_dup(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);

	return f ? duplicate(f, lowest_free(0), false) : -EBADF;
}

static s64 dup_to(u64 from, u64 to, bool close_on_exec)
{
	struct file *f = descriptor_file(from);

	if (!f || to >= MAX_DESCRIPTORS)
		return -EBADF;
	if (from == to)
		return (s64)to;
	f->references++; /* before the close, which may be of the same file */
	if (table[to].file)
		descriptor_close(to);
	f->references--;
	return duplicate(f, (s64)to, close_on_exec);
}

s64 call_dup2(const u64 *a)
{
	return dup_to(a[0], a[1], false);
}

s64 call_dup3(const u64 *a)
{
	return a[0] == a[1] ? -EINVAL : dup_to(a[0], a[1], a[2] & O_CLOEXEC);
}

s64 call_fcntl(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);

	if (!f)
		return -EBADF;
	switch (a[1]) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (a[2] >= MAX_DESCRIPTORS)
			return -EINVAL;
		return duplicate(f, lowest_free(a[2]), a[1] == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return table[a[0]].close_on_exec ? FD_CLOEXEC : 0;
	case F_SETFD:
		table[a[0]].close_on_exec = a[2] & FD_CLOEXEC;
		return 0;
	case F_GETFL:
		return f->flags;
	case F_SETFL:
		f->flags = (f->flags & ~(u32)O_NONBLOCK) | (a[2] & O_NONBLOCK);
		return 0;
	}
	return -EINVAL;
}

/* No file of ours has controls: the console is a stream of bytes. */
s64 call_ioctl(const u64 *a)
{
	return descriptor_file(a[0]) ? -ENOTTY : -EBADF;
}

s64 call_fstat(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);

	if (!f)
		return -EBADF;
	if (f->type == &memfd_type)
		return stat_object_to_user(a[1], f->object, f->type->mode);
	return stat_to_user(a[1], f->type->mode ? NULL : f->node, f->type->mode);
}

/* ---- the files that hold nothing */

static s64 read_console(struct file *f, u64 addr, u64 n)
{
	char piece[256];
	u64 got = console_read(piece, min(n, sizeof(piece)));

	(void)f;
	if (!got)
		return n ? -EAGAIN : 0;
	return to_user(addr, piece, got) ? -EFAULT : (s64)got;
}

static s64 write_console(struct file *f, u64 addr, u64 n)
{
	char piece[256];

	(void)f;
	for (u64 done = 0, size; done < n; done += size) {
		size = min(n - done, sizeof(piece));
		if (from_user(piece, addr + done, size))
			return done ? (s64)done : -EFAULT;
		console_write(piece, size);
	}
	return (s64)n;
}

static u32 console_ready(const struct file *f)
{
	(void)f;
	return EVENT_OUT | (console_readable() ? EVENT_IN : 0);
}

static s64 read_end(struct file *f, u64 addr, u64 n)
{
	(void)f, (void)addr, (void)n;
	return 0;
}

static s64 write_nothing(struct file *f, u64 addr, u64 n)
{
	(void)f, (void)addr;
	return (s64)n;
}

static s64 read_pieces(u64 addr, u64 n, bool random)
{
	u8 piece[256] = {0};

	for (u64 done = 0, size; done < n; done += size) {
		size = min(n - done, sizeof(piece));
		if (random)
			random_bytes(piece, size);
		if (to_user(addr + done, piece, size))
			return done ? (s64)done : -EFAULT;
	}
	return (s64)n;
}

static s64 read_zeros(struct file *f, u64 addr, u64 n)
{
	(void)f;
	return read_pieces(addr, n, false);
}

static s64 read_random(struct file *f, u64 addr, u64 n)
{
	(void)f;
	return read_pieces(addr, n, true);
}

const struct file_type console_type = {S_IFCHR | 0620, read_console, write_console, console_ready, NULL};
const struct file_type null_type = {S_IFCHR | 0666, read_end, write_nothing, NULL, NULL};
const struct file_type zero_type = {S_IFCHR | 0666, read_zeros, write_nothing, NULL, NULL};
const struct file_type random_type = {S_IFCHR | 0666, read_random, write_nothing, NULL, NULL};
