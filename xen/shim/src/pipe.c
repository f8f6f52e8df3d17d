/* pipe(2): a ring of bytes between two files. */
#include "calls.h"
#include "descriptor.h"
#include "signal.h"
#include "thread.h"

/* Linux's sizes: what a pipe holds, and what is written as a whole or not at all. */
enum { PIPE_ORDER = 4, PIPE_SIZE = PAGE_SIZE << PIPE_ORDER, PIPE_BUF = 4096 };

struct pipe {
	u8 *ring; /* NULL: unused */
	u64 read, written; /* bytes so far */
	struct file *reader, *writer; /* NULL: closed */
};

static struct pipe pipes[MAX_FILES / 2];

static u64 held(const struct pipe *p)
{
	return p->written - p->read;
}

/* Moves n bytes between the ring, from position `at` on, and the program. */
static s64 transfer(const struct pipe *p, u64 at, u64 addr, u64 n, bool out)
{
	for (u64 done = 0, size; done < n; done += size) {
		u8 *ring = p->ring + (at + done) % PIPE_SIZE;

		size = min(n - done, PIPE_SIZE - (at + done) % PIPE_SIZE);
		if (out ? to_user(addr + done, ring, size) : from_user(ring, addr + done, size))
			return done ? (s64)done : -EFAULT;
	}
	return (s64)n;
}

static s64 pipe_read(struct file *f, u64 addr, u64 n)
{
	struct pipe *p = f->pipe;
	s64 r;

	if (n && !held(p))
		return p->writer ? -EAGAIN : 0;
	r = transfer(p, p->read, addr, min(n, held(p)), true);
	if (r > 0) {
		p->read += (u64)r;
		if (p->writer)
			file_changed(p->writer);
	}
	return r;
}

static s64 pipe_write(struct file *f, u64 addr, u64 n)
{
	struct pipe *p = f->pipe;
	u64 room = PIPE_SIZE - held(p);
	s64 r;

	if (!p->reader) {
		signal_send(current, SIGPIPE);
		return -EPIPE;
	}
	if (n && (!room || (n <= PIPE_BUF && room < n)))
		return -EAGAIN;
	r = transfer(p, p->written, addr, min(n, room), false);
	if (r > 0) {
		p->written += (u64)r;
		file_changed(p->reader);
	}
	return r;
}

static u32 reader_ready(const struct file *f)
{
	return (held(f->pipe) ? EVENT_IN : 0) | (f->pipe->writer ? 0 : EVENT_HANGUP);
}

static u32 writer_ready(const struct file *f)
{
	return (PIPE_SIZE - held(f->pipe) >= PIPE_BUF ? EVENT_OUT : 0) | (f->pipe->reader ? 0 : EVENT_ERROR);
}

static void pipe_close(struct file *f)
{
	struct pipe *p = f->pipe;

	if (p->reader == f)
		p->reader = NULL;
	else
		p->writer = NULL;
	if (p->reader || p->writer) {
		file_changed(p->reader ? p->reader : p->writer);
		return;
	}
	pages_free(p->ring, PIPE_ORDER);
	p->ring = NULL;
}

static const struct file_type reader_type = {S_IFIFO | 0600, pipe_read, NULL, reader_ready, pipe_close};
static const struct file_type writer_type = {S_IFIFO | 0600, NULL, pipe_write, writer_ready, pipe_close};

static struct pipe *pipe_new(void)
{
	for (u32 i = 0; i < COUNT(pipes); i++) {
		if (pipes[i].ring)
			continue;
		pipes[i] = (struct pipe){.ring = pages_alloc(PIPE_ORDER)};
		return pipes[i].ring ? &pipes[i] : NULL;
	}
	return NULL;
}

s64 call_pipe2(const u64 *a)
{
	struct pipe *p;
	u32 flags = (u32)a[1];
	s32 fds[2];

	if (a[1] & ~(u64)(O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	p = pipe_new();
	if (!p)
		return -ENFILE;
	fds[0] = (s32)descriptor_open(&reader_type, flags, &p->reader);
	if (fds[0] < 0) {
		pages_free(p->ring, PIPE_ORDER);
		p->ring = NULL;
		return fds[0];
	}
	p->reader->pipe = p;
	fds[1] = (s32)descriptor_open(&writer_type, O_WRONLY | flags, &p->writer);
	if (fds[1] < 0) {
		descriptor_close((u64)fds[0]);
		return fds[1];
	}
	p->writer->pipe = p;
	if (!to_user(a[0], fds, sizeof(fds)))
		return 0;
	descriptor_close((u64)fds[0]);
	descriptor_close((u64)fds[1]);
	return -EFAULT;
}

s64 call_pipe(const u64 *a)
{
	const u64 without_flags[] = {a[0], 0};

	return call_pipe2(without_flags);
}
