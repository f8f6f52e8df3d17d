/*
 * Loops of NetBSD's system calls in C, the same for two hosts: a kernel of
 * package rump, which loads this as one of its libraries, and a program with
 * the stock librumpuser. Each function returns a negative line number where a
 * call failed.
 */
#include <stddef.h>
#include <stdint.h>

int rump___sysimpl_getpid(void);
int rump___sysimpl_open(const char *, int, ...);
int rump___sysimpl_close(int);
long rump___sysimpl_read(int, void *, size_t);
long rump___sysimpl_write(int, const void *, size_t);
int64_t rump___sysimpl_lseek(int, int64_t, int);
int rump___sysimpl_fsync(int);
int rump___sysimpl_unlink(const char *);
int rump___sysimpl_mkdir(const char *, unsigned);
int rump___sysimpl_mount50(const char *, const char *, int, void *, size_t);
int rump___sysimpl_unmount(const char *, int);
int rump___sysimpl_socket30(int, int, int);
int rump___sysimpl_bind(int, const void *, unsigned);
int rump___sysimpl_listen(int, int);
int rump___sysimpl_accept(int, void *, unsigned *);
int rump___sysimpl_connect(int, const void *, unsigned);

/* NetBSD's numbers. */
enum { O_RDWR = 2, O_CREAT = 0x200, O_TRUNC = 0x400, AF_INET = 2, SOCK_STREAM = 1, SEEK_SET = 0 };

#define TRY(call) do { if ((call) < 0) return -__LINE__; } while (0)

/* Nothing but entering and leaving the kernel. */
long
calls_getpid(long n)
{
	while (n-- > 0)
		TRY(rump___sysimpl_getpid());
	return 0;
}

struct tmpfs_args { int version; int64_t nodes, size; unsigned uid, gid, mode; };

long
calls_tmpfs_mount(void)
{
	struct tmpfs_args args = { .version = 1, .mode = 0777 };

	rump___sysimpl_mkdir("/bench", 0755);
	TRY(rump___sysimpl_mount50("tmpfs", "/bench", 0, &args, sizeof args));
	return 0;
}

/* Opens, writes 4 KiB, seeks, reads them and closes, n times. */
long
calls_tmpfs(long n)
{
	static char block[4096];
	int fd;

	while (n-- > 0) {
		TRY(fd = rump___sysimpl_open("/bench/file", O_RDWR | O_CREAT, 0644));
		TRY(rump___sysimpl_write(fd, block, sizeof block));
		TRY(rump___sysimpl_lseek(fd, 0, SEEK_SET));
		TRY(rump___sysimpl_read(fd, block, sizeof block));
		TRY(rump___sysimpl_close(fd));
	}
	return 0;
}

/* TCP over the kernel's loopback. */

#define CHUNK (64 << 10)
#define PORT 4321

struct inet { uint8_t len, family; uint16_t port; uint8_t addr[4], zero[8]; };

static struct inet
loopback(void)
{
	struct inet in = { sizeof in, AF_INET, __builtin_bswap16(PORT), { 127, 0, 0, 1 }, { 0 } };

	return in;
}

/* A socket that listens; calls_tcp_receive closes it. */
long
calls_tcp_listen(void)
{
	struct inet in = loopback();
	int s;

	TRY(s = rump___sysimpl_socket30(AF_INET, SOCK_STREAM, 0));
	TRY(rump___sysimpl_bind(s, &in, sizeof in));
	TRY(rump___sysimpl_listen(s, 1));
	return s;
}

/* Reads all that comes by one connection. */
long
calls_tcp_receive(long listener)
{
	static char buf[CHUNK];
	unsigned len = sizeof (struct inet);
	struct inet from;
	long got;
	int s;

	TRY(s = rump___sysimpl_accept(listener, &from, &len));
	do
		TRY(got = rump___sysimpl_read(s, buf, sizeof buf));
	while (got > 0);
	TRY(rump___sysimpl_close(s));
	TRY(rump___sysimpl_close(listener));
	return 0;
}

/* Writes n chunks of 64 KiB. */
long
calls_tcp_send(long n)
{
	static char buf[CHUNK];
	struct inet in = loopback();
	int s;

	TRY(s = rump___sysimpl_socket30(AF_INET, SOCK_STREAM, 0));
	TRY(rump___sysimpl_connect(s, &in, sizeof in));
	while (n-- > 0)
		for (long done = 0, wrote; done < CHUNK; done += wrote)
			TRY(wrote = rump___sysimpl_write(s, buf + done, CHUNK - done));
	TRY(rump___sysimpl_close(s));
	return 0;
}

/* Files on an FFS that is on the block device /disk. */

long
calls_ffs_mount(void)
{
	const char *args[1] = { "/disk" };

	rump___sysimpl_mkdir("/ffs", 0755);
	TRY(rump___sysimpl_mount50("ffs", "/ffs", 0, args, sizeof args));
	return 0;
}

long
calls_ffs_unmount(void)
{
	TRY(rump___sysimpl_unmount("/ffs", 0));
	return 0;
}

/* Writes a file of n chunks of 64 KiB, to the disk. */
long
calls_ffs_write(long n)
{
	static char buf[CHUNK];
	int fd;

	buf[CHUNK - 1] = 'w';
	TRY(fd = rump___sysimpl_open("/ffs/file", O_RDWR | O_CREAT | O_TRUNC, 0644));
	while (n-- > 0)
		TRY(rump___sysimpl_write(fd, buf, sizeof buf));
	TRY(rump___sysimpl_fsync(fd));
	TRY(rump___sysimpl_close(fd));
	return 0;
}

/* Reads the file. */
long
calls_ffs_read(long n)
{
	static char buf[CHUNK];
	long got;
	int fd;

	TRY(fd = rump___sysimpl_open("/ffs/file", 0));
	while (n-- > 0) {
		TRY(got = rump___sysimpl_read(fd, buf, sizeof buf));
		if (got != sizeof buf || buf[CHUNK - 1] != 'w')
			return -__LINE__;
	}
	TRY(rump___sysimpl_close(fd));
	return 0;
}
