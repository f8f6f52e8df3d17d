/*
 * A program that uses a NetBSD kernel in another process by librumpclient. It
 * says what goes wrong, and exits with 1.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Of librumpclient, with NetBSD's numbers for flags. */
int rumpclient_init(void);
int rumpclient_syscall(int, const void *, size_t, long *);
pid_t rumpclient_fork(void);
int rumpclient_exec(const char *, char *const[], char *const[]);
pid_t rump___sysimpl_getpid(void);
int rump___sysimpl_open(const char *, int, ...);
ssize_t rump___sysimpl_read(int, void *, size_t);
ssize_t rump___sysimpl_write(int, const void *, size_t);
ssize_t rump___sysimpl_pread(int, void *, size_t, off_t);
int rump___sysimpl_close(int);
int rump___sysimpl_mkdir(const char *, int);
int rump___sysimpl_unlink(const char *);
int rump___sysimpl_fcntl(int, int, long);
int rump_sys_pipe(int *);
int rump___sysimpl_symlink(const char *, const char *);
ssize_t rump___sysimpl_readlink(const char *, char *, size_t);

enum { NB_O_RDWR = 2, NB_O_CREAT = 0x200, NB_F_GETFD = 1, NB_F_SETFD = 2 };

#define CHECK(cond) do { if (!(cond)) { \
	printf("line %d: %s is false (errno %d)\n", __LINE__, #cond, errno); fflush(stdout); _exit(1); } } while (0)

static void
files(void)
{
	static char out[100000], in[sizeof out];
	char dir[64], path[80], target[64];
	int fd;

	snprintf(dir, sizeof dir, "/tmp/client%d", (int)rump___sysimpl_getpid());
	CHECK(rump___sysimpl_mkdir(dir, 0755) == 0);
	CHECK(rump___sysimpl_mkdir(dir, 0755) == -1 && errno == EEXIST);
	snprintf(path, sizeof path, "%s/file", dir);
	CHECK((fd = rump___sysimpl_open(path, NB_O_RDWR | NB_O_CREAT, 0644)) >= 0);
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = i % 251;
	CHECK(rump___sysimpl_write(fd, out, sizeof out) == sizeof out);
	CHECK(rump___sysimpl_pread(fd, in, sizeof in, 0) == sizeof in && memcmp(in, out, sizeof in) == 0);
	memset(in, 7, sizeof in);
	CHECK(rump___sysimpl_pread(fd, in, sizeof in, sizeof in - 10) == 10 && memcmp(in, out + sizeof in - 10, 10) == 0 && in[10] == 7);
	CHECK(rump___sysimpl_close(fd) == 0);
	CHECK(rump___sysimpl_read(fd, in, 1) == -1 && errno == EBADF);
	CHECK(rump___sysimpl_open("/nonexistent", 0) == -1 && errno == ENOENT);
	snprintf(path, sizeof path, "%s/link", dir);
	CHECK(rump___sysimpl_symlink("where it goes", path) == 0);
	CHECK(rump___sysimpl_readlink(path, target, sizeof target) == 13 && memcmp(target, "where it goes", 13) == 0);
	CHECK(rump___sysimpl_unlink(path) == 0);
}

static void
processes(void)
{
	char b[8];
	int p[2], status;
	pid_t child, mine = rump___sysimpl_getpid();

	CHECK(rump_sys_pipe(p) == 0);
	CHECK((child = rumpclient_fork()) >= 0);
	if (child == 0) {
		CHECK(rump___sysimpl_getpid() != mine);
		CHECK(rump___sysimpl_close(p[0]) == 0);
		CHECK(rump___sysimpl_write(p[1], "child", 5) == 5);
		_exit(0);
	}
	CHECK(rump___sysimpl_close(p[1]) == 0);
	CHECK(rump___sysimpl_read(p[0], b, sizeof b) == 5 && memcmp(b, "child", 5) == 0);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	/* The child is gone, and so its end of the pipe. */
	CHECK(rump___sysimpl_read(p[0], b, sizeof b) == 0);
	CHECK(rump___sysimpl_close(p[0]) == 0);
}

static volatile int caught;

static void
note(int sig)
{
	caught = sig;
}

static void
signals(void)
{
	int p[2];

	signal(SIGPIPE, note);
	CHECK(rump_sys_pipe(p) == 0);
	CHECK(rump___sysimpl_close(p[0]) == 0);
	CHECK(rump___sysimpl_write(p[1], "x", 1) == -1 && errno == EPIPE);
	for (int i = 0; i < 1000 && caught != SIGPIPE; i++) {
		usleep(1000);
		rump___sysimpl_getpid(); /* signals are taken during calls */
	}
	CHECK(caught == SIGPIPE);
	CHECK(rump___sysimpl_close(p[1]) == 0);
}

static void
exec(char *self)
{
	char kept[16], closed[16];
	char *argv[] = { self, "executed", kept, closed, NULL };
	int p[2];

	CHECK(rump_sys_pipe(p) == 0);
	CHECK(rump___sysimpl_fcntl(p[1], NB_F_SETFD, 1) == 0);
	snprintf(kept, sizeof kept, "%d", p[0]);
	snprintf(closed, sizeof closed, "%d", p[1]);
	extern char **environ;
	rumpclient_exec(self, argv, environ);
	CHECK(!"exec returned");
}

static void
executed(char **argv)
{
	CHECK(rump___sysimpl_fcntl(atoi(argv[2]), NB_F_GETFD, 0) == 0);
	CHECK(rump___sysimpl_fcntl(atoi(argv[3]), NB_F_GETFD, 0) == -1 && errno == EBADF);
	printf("ok\n");
}

/* Nanoseconds that a getpid takes. */
static void
bench(int n)
{
	struct timespec a, b;

	for (int i = 0; i < 100; i++)
		rump___sysimpl_getpid();
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < n; i++)
		rump___sysimpl_getpid();
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%lld\n", ((b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec) / n);
}

int
main(int argc, char **argv)
{
	CHECK(rumpclient_init() == 0);
	if (argc > 2 && strcmp(argv[1], "executed") == 0) {
		executed(argv);
		return 0;
	}
	if (argc > 2 && strcmp(argv[1], "bench") == 0) {
		bench(atoi(argv[2]));
		return 0;
	}
	files();
	processes();
	signals();
	exec(argv[0]);
	return 1;
}
