/*
 * Runs a loop of calls.c in a program with the stock librumpuser:
 * stock LOOP N ROUNDS [IMAGE]. It prints nanoseconds, a line for each round.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int rump_init(void);
int rump_pub_lwproc_newlwp(int);
int rump_pub_etfs_register(const char *, const char *, int);

long calls_getpid(long), calls_tmpfs_mount(void), calls_tmpfs(long), calls_tcp_listen(void), calls_tcp_receive(long),
    calls_tcp_send(long), calls_ffs_mount(void), calls_ffs_unmount(void), calls_ffs_write(long), calls_ffs_read(long);

static long n;

static void
check(const char *what, long result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "stock: %s: line %ld\n", what, -result);
	exit(1);
}

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void *
receiver(void *listener)
{
	check("newlwp", -rump_pub_lwproc_newlwp(1));
	check("receive", calls_tcp_receive((long)(intptr_t)listener));
	return NULL;
}

static void
tcp(void)
{
	long listener = calls_tcp_listen();
	pthread_t other;

	check("listen", listener);
	pthread_create(&other, NULL, receiver, (void *)(intptr_t)listener);
	check("send", calls_tcp_send(n));
	pthread_join(other, NULL);
}

static void unmount(void) { check("unmount", calls_ffs_unmount()); }
static void remount(void) { unmount(); check("mount", calls_ffs_mount()); }
static void getpid_(void) { check("getpid", calls_getpid(n)); }
static void tmpfs(void) { check("tmpfs", calls_tmpfs(n)); }
static void ffs_write(void) { check("write", calls_ffs_write(n)); }
static void ffs_read(void) { check("read", calls_ffs_read(n)); }
static void tmpfs_mount(void) { check("mount", calls_tmpfs_mount()); }
static void ffs_file(void) { check("mount", calls_ffs_mount()); ffs_write(); }
static void ffs_mount(void) { check("mount", calls_ffs_mount()); }
static void nothing(void) { }

static const struct { const char *name; void (*once)(void), (*before)(void), (*loop)(void), (*end)(void); } loops[] = {
	{ "getpid", nothing, nothing, getpid_, nothing },
	{ "tmpfs", tmpfs_mount, nothing, tmpfs, nothing },
	{ "tcp", nothing, nothing, tcp, nothing },
	{ "ffs_write", ffs_mount, nothing, ffs_write, unmount },
	{ "ffs_read", ffs_file, remount, ffs_read, unmount },
};

int
main(int argc, char **argv)
{
	enum { BLOCK_DEVICE = 1 };
	int64_t start;

	if (argc < 4 || rump_init() != 0)
		return 1;
	check("newlwp", -rump_pub_lwproc_newlwp(1));
	if (argc > 4)
		check("etfs", -rump_pub_etfs_register("/disk", argv[4], BLOCK_DEVICE));
	n = atol(argv[2]);
	for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
		if (strcmp(loops[i].name, argv[1]) != 0)
			continue;
		loops[i].once();
		for (int round = atoi(argv[3]); round > 0; round--) {
			loops[i].before();
			start = now();
			loops[i].loop();
			printf("%lld\n", (long long)(now() - start));
		}
		loops[i].end();
		return 0;
	}
	return 1;
}
