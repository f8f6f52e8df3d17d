/*
 * The rare hypercalls, which Go answers. Each leaves its virtual CPU first,
 * because the answer may take its time.
 */
#define _GNU_SOURCE
#include "rumpuser.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "_cgo_export.h"

/* Calls Go off the CPU, for an answer that may take its time. */
static void
ask(void (*fn)(void *), void *arg)
{
	struct hyp_kernel *k = hyp_current()->kernel;
	int nlocks = hyp_leave_cpu(k);

	hyp_host_wait(fn, arg);
	hyp_enter_cpu(k, nlocks);
}

void rumpuser_dprintf(const char *, ...);

int
rumpuser_init(int revision, const struct hyp_upcalls *up)
{
	struct hyp_kernel *k = hyp_current()->kernel;

	if (revision != HYP_REVISION) {
		rumpuser_dprintf("this kernel wants revision %d of rumpuser(3), this host answers %d\n", revision, HYP_REVISION);
		return NB_EOPNOTSUPP;
	}
	k->up = *up;
	return 0;
}

/* Parameters are asked for during boot, partly before there is a CPU to
 * leave. */
struct param_request { struct hyp_kernel *k; const char *name; void *buf; size_t len; int error; };

static void
ask_param(void *arg)
{
	struct param_request *r = arg;

	r->error = goParam(r->k->handle, (char *)r->name, r->buf, r->len);
}

int
rumpuser_getparam(const char *name, void *buf, size_t len)
{
	struct param_request r = { hyp_current()->kernel, name, buf, len, 0 };

	hyp_host_call(ask_param, &r);
	return r.error;
}

/* Files and block devices. */

struct open_request { struct hyp_kernel *k; const char *path; int flags, fd, host; uint64_t size; int type, error; };

static void
ask_open(void *arg)
{
	struct open_request *r = arg;

	r->error = goOpen(r->k->handle, (char *)r->path, r->flags, &r->fd, &r->host);
}

int
rumpuser_open(const char *path, int flags, int *fdp)
{
	struct open_request r = { .k = hyp_current()->kernel, .path = path, .flags = flags, .fd = -1, .host = -1 };

	ask(ask_open, &r);
	if (r.error == 0) {
		*fdp = r.fd;
		if (r.fd < HYP_DIRECT)
			r.k->direct[r.fd] = r.host + 1;
	}
	return r.error;
}

static void
ask_stat(void *arg)
{
	struct open_request *r = arg;

	r->error = goStat(r->k->handle, (char *)r->path, &r->size, &r->type);
}

int
rumpuser_getfileinfo(const char *path, uint64_t *sizep, int *typep)
{
	struct open_request r = { .k = hyp_current()->kernel, .path = path };

	ask(ask_stat, &r);
	if (r.error != 0)
		return r.error;
	if (sizep != NULL)
		*sizep = r.size;
	if (typep != NULL)
		*typep = r.type;
	return 0;
}

static void
ask_close(void *arg)
{
	struct open_request *r = arg;

	r->error = goClose(r->k->handle, r->fd);
}

int
rumpuser_close(int fd)
{
	struct open_request r = { .k = hyp_current()->kernel, .fd = fd };

	if (fd >= 0 && fd < HYP_DIRECT)
		r.k->direct[fd] = 0;
	ask(ask_close, &r);
	return r.error;
}

struct io_request {
	struct hyp_kernel *k;
	int fd, op;
	void *iov;
	size_t n;
	int64_t off;
	void *done, *arg;
	size_t got;
	int error;
};

static void
ask_bio(void *arg)
{
	struct io_request *r = arg;

	goBio(r->k->handle, r->fd, r->op, r->iov, r->n, r->off, (uintptr_t)r->done, (uintptr_t)r->arg);
}

/*
 * Reads what the host has in memory, there and then: neither Go nor another
 * thread has to be woken for it. False where it would wait, or the file is not
 * the host's own.
 */
static bool
read_at_once(struct hyp_kernel *k, int fd, void *data, size_t len, int64_t off)
{
	struct iovec v = { data, len };
	ssize_t n;
	int nlocks;

	if (fd < 0 || fd >= HYP_DIRECT || k->direct[fd] == 0 || k->turns.on)
		return false;
	nlocks = hyp_leave_cpu(k);
	n = preadv2(k->direct[fd] - 1, &v, 1, off, RWF_NOWAIT);
	hyp_enter_cpu(k, nlocks);
	return n == (ssize_t)len;
}

/* Starts a transfer; hyp_biodone ends it, if it is not at its end at once. */
void
rumpuser_bio(int fd, int op, void *data, size_t len, int64_t off, void (*done)(void *, size_t, int), void *arg)
{
	enum { READ = 1 };
	struct io_request r = { hyp_current()->kernel, fd, op, data, len, off, done, arg, 0, 0 };

	if ((op & READ) && read_at_once(r.k, fd, data, len, off)) {
		done(arg, len, 0);
	} else {
		int nlocks = hyp_leave_cpu(r.k);

		hyp_host_call(ask_bio, &r);
		hyp_enter_cpu(r.k, nlocks);
	}
}

static void
ask_iov(void *arg)
{
	struct io_request *r = arg;

	r->error = goIov(r->k->handle, r->fd, r->op, r->iov, r->n, r->off, &r->got);
}

static int
iov(int fd, int op, void *iov, size_t n, int64_t off, size_t *got)
{
	struct io_request r = { hyp_current()->kernel, fd, op, iov, n, off, NULL, NULL, 0, 0 };

	ask(ask_iov, &r);
	*got = r.got;
	return r.error;
}

int
rumpuser_iovread(int fd, void *v, size_t n, int64_t off, size_t *got)
{
	return iov(fd, 0, v, n, off, got);
}

int
rumpuser_iovwrite(int fd, void *v, size_t n, int64_t off, size_t *got)
{
	return iov(fd, 1, v, n, off, got);
}

struct sync_request { struct hyp_kernel *k; int fd, flags; uint64_t start, len; int error; };

static void
ask_sync(void *arg)
{
	struct sync_request *r = arg;

	r->error = goSync(r->k->handle, r->fd, r->flags, r->start, r->len);
}

int
rumpuser_syncfd(int fd, int flags, uint64_t start, uint64_t len)
{
	struct sync_request r = { hyp_current()->kernel, fd, flags, start, len, 0 };

	ask(ask_sync, &r);
	return r.error;
}

/* Randomness. */

struct random_request { struct hyp_kernel *k; void *buf; size_t len; int flags; size_t got; int error; };

static void
ask_random(void *arg)
{
	struct random_request *r = arg;

	r->error = goRandom(r->k->handle, r->buf, r->len, r->flags, &r->got);
}

int
rumpuser_getrandom(void *buf, size_t len, int flags, size_t *got)
{
	struct random_request r = { hyp_current()->kernel, buf, len, flags, 0, 0 };

	hyp_host_call(ask_random, &r);
	*got = r.got;
	if (r.k->turns.on && r.error == 0)
		hyp_note_bytes(r.k, buf, r.got);
	return r.error;
}

/* The console, line by line. */

struct print_request { struct hyp_kernel *k; char text[sizeof ((struct hyp_kernel *)0)->line]; size_t len; };

static void
do_print(void *arg)
{
	struct print_request *r = arg;

	goPrint(r->k->handle, r->text, r->len);
}

/* Takes what the console has to print, once a line or the buffer is full. */
static void
put(struct hyp_kernel *k, const char *s, size_t n, bool flush)
{
	struct print_request r = { .k = k };

	while (n > 0 || flush) {
		hyp_lock(&k->console);
		while (n > 0 && k->line_len < sizeof k->line) {
			k->line[k->line_len++] = *s;
			n--;
			if (*s++ == '\n')
				break;
		}
		r.len = 0;
		if (flush || k->line_len == sizeof k->line || (k->line_len > 0 && k->line[k->line_len - 1] == '\n')) {
			r.len = k->line_len;
			memcpy(r.text, k->line, r.len);
			k->line_len = 0;
		}
		hyp_unlock(&k->console);
		if (k->turns.on)
			hyp_note_bytes(k, r.text, r.len);
		if (r.len > 0)
			hyp_host_call(do_print, &r);
		if (n == 0)
			flush = false;
	}
}

void
rumpuser_putchar(int c)
{
	char b = c;

	put(hyp_current()->kernel, &b, 1, false);
}

/*
 * A rump kernel never gives up: who wants memory that it has not waits until
 * there is some, which may be for ever, as where files in memory are as large
 * as all of it. Once a second its page daemon says so. After some seconds of
 * that the kernel ends.
 */
static void
starve(struct hyp_kernel *k)
{
	const int64_t pause = 2000000000;
	const int most = 3;
	int64_t now = hyp_now(k);

	k->starving = now - k->starved < pause ? k->starving + 1 : 1;
	k->starved = now;
	if (k->starving >= most) {
		hyp_end(k, HYP_EXHAUSTED, 0);
		hyp_die(hyp_current());
	}
}

void
rumpuser_dprintf(const char *format, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (n > (int)sizeof text - 1)
		n = sizeof text - 1;
	if (n > 0)
		put(hyp_current()->kernel, text, n, false);
	if (strstr(text, "failed to reclaim memory") != NULL)
		starve(hyp_current()->kernel);
}

/* The end. It is of this kernel only, and nobody returns from it. */

_Noreturn void
rumpuser_exit(int status)
{
	struct hyp_thread *t = hyp_current();

	put(t->kernel, NULL, 0, true);
	hyp_end(t->kernel, status == -1 ? HYP_PANICKED : HYP_EXITED, status);
	hyp_die(t);
}

/* A function was called that no library has. */
_Noreturn void
hyp_trap(const char *name)
{
	struct hyp_thread *t = hyp_current();

	strncpy(t->kernel->missing, name, sizeof t->kernel->missing - 1);
	hyp_end(t->kernel, HYP_FAULTED, 0);
	hyp_die(t);
}

struct kill_request { struct hyp_kernel *k; int64_t pid; int sig; };

static void
ask_kill(void *arg)
{
	struct kill_request *r = arg;

	goSignal(r->k->handle, r->pid, r->sig);
}

/* A process of the kernel was sent a signal. The kernel holds locks. */
int
rumpuser_kill(int64_t pid, int sig)
{
	struct kill_request r = { hyp_current()->kernel, pid, sig };

	hyp_host_call(ask_kill, &r);
	return 0;
}

/* errno is how the libraries' own rump_sys_* functions answer, and nobody here
 * calls these. */
void
rumpuser_seterrno(int error)
{
	(void)error;
}

void
rumpuser_curlwpop(int op, struct lwp *l)
{
	enum { CREATE, DESTROY, SET, CLEAR };

	if (op == SET)
		hyp_current()->lwp = l;
	else if (op == CLEAR)
		hyp_current()->lwp = NULL;
}

struct lwp *
rumpuser_curlwp(void)
{
	return hyp_self->lwp;
}

/* The thread-local variables of a kernel are one: the current LWP. It is
 * found in the thread of the kernel, so that a fiber has its own wherever it
 * runs. */
void *
hyp_tls_get_addr(void *index)
{
	return (char *)hyp_self + ((uintptr_t *)index)[1];
}

/* Registration, of libraries that have link sets instead of constructors. */
void
rumpuser_dl_bootstrap(void (*modules)(void **, size_t), int (*symbols)(void *, uint64_t, char *, uint64_t), void (*component)(void *))
{
	struct hyp_kernel *k = hyp_current()->kernel;

	(void)symbols;
	for (size_t i = 0; i < k->ncomponents; i++)
		for (void **c = k->components[i].start; c < k->components[i].end; c++)
			component(*c);
	for (size_t i = 0; i < k->nmodules; i++)
		modules(k->modules[i].start, k->modules[i].end - k->modules[i].start);
}

/* A kernel in a Go process cannot go into the background by itself. */
int
rumpuser_daemonize_begin(void)
{
	return NB_EOPNOTSUPP;
}

int
rumpuser_daemonize_done(int error)
{
	(void)error;
	return NB_EOPNOTSUPP;
}

/* What the host halves of components use, and ours as well. */

void *
rumpuser_component_unschedule(void)
{
	return (void *)(intptr_t)hyp_leave_cpu(hyp_current()->kernel);
}

void
rumpuser_component_schedule(void *cookie)
{
	hyp_enter_cpu(hyp_current()->kernel, (int)(intptr_t)cookie);
}

void
rumpuser_component_kthread(void)
{
	struct hyp_kernel *k = hyp_current()->kernel;

	k->up.schedule();
	k->up.lwproc_newlwp(0);
	k->up.unschedule();
}

void
rumpuser_component_kthread_release(void)
{
	struct hyp_kernel *k = hyp_current()->kernel;

	k->up.schedule();
	k->up.lwproc_release();
	k->up.unschedule();
}

struct lwp *
rumpuser_component_curlwp(void)
{
	struct hyp_kernel *k = hyp_current()->kernel;
	struct lwp *l;

	k->up.schedule();
	l = k->up.lwproc_curlwp();
	k->up.unschedule();
	return l;
}

void
rumpuser_component_switchlwp(struct lwp *l)
{
	struct hyp_kernel *k = hyp_current()->kernel;

	k->up.schedule();
	k->up.lwproc_switch(l);
	k->up.unschedule();
}

int
rumpuser_component_errtrans(int error)
{
	return goErrno(error);
}
