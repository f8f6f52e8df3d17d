/*
 * System calls. Each takes its six arguments as an array and gives a result or
 * a negative error. A call that lets its thread wait may give anything: the
 * result is set when the wait ends.
 */
#ifndef CALLS_H
#define CALLS_H

#include "shim.h"

enum { PID = 1 };

typedef s64 (*call_fn)(const u64 *a);

/* What a timespec of the program's means, as a time of clock_now; NEVER where addr is 0. */
s64 deadline_from_user(u64 addr, bool absolute, bool realtime, u64 *deadline);
/* Wakes threads that wait for a word of memory. */
u32 futex_wake(u64 addr, u32 limit, u32 bits);

/* memory_calls.c */
s64 call_brk(const u64 *a);
s64 call_mmap(const u64 *a);
s64 call_mprotect(const u64 *a);
s64 call_munmap(const u64 *a);
s64 call_madvise(const u64 *a);
s64 call_mincore(const u64 *a);

/* thread_calls.c */
s64 call_clone(const u64 *a);
s64 call_exit(const u64 *a);
s64 call_exit_group(const u64 *a);
s64 call_gettid(const u64 *a);
s64 call_set_tid_address(const u64 *a);
s64 call_sched_yield(const u64 *a);
s64 call_sched_getaffinity(const u64 *a);
s64 call_getcpu(const u64 *a);
s64 call_arch_prctl(const u64 *a);

/* memory_calls.c: where brk(2) starts. */
void brk_init(u64 end_of_program);

/* futex.c */
s64 call_futex(const u64 *a);

/* signal.c */
s64 call_rt_sigaction(const u64 *a);
s64 call_rt_sigprocmask(const u64 *a);
s64 call_rt_sigreturn(const u64 *a);
s64 call_sigaltstack(const u64 *a);
s64 call_kill(const u64 *a);
s64 call_tkill(const u64 *a);
s64 call_tgkill(const u64 *a);

/* time_calls.c */
s64 call_clock_gettime(const u64 *a);
s64 call_clock_getres(const u64 *a);
s64 call_gettimeofday(const u64 *a);
s64 call_time(const u64 *a);
s64 call_nanosleep(const u64 *a);
s64 call_clock_nanosleep(const u64 *a);

/* descriptor.c */
s64 call_read(const u64 *a);
s64 call_write(const u64 *a);
s64 call_readv(const u64 *a);
s64 call_writev(const u64 *a);
s64 call_pread64(const u64 *a);
s64 call_lseek(const u64 *a);
s64 call_close(const u64 *a);
s64 call_dup(const u64 *a);
s64 call_dup2(const u64 *a);
s64 call_dup3(const u64 *a);
s64 call_fcntl(const u64 *a);
s64 call_ioctl(const u64 *a);
s64 call_fstat(const u64 *a);

/* memfd.c */
s64 call_memfd_create(const u64 *a);
s64 call_ftruncate(const u64 *a);
s64 call_fallocate(const u64 *a);
s64 call_pwrite64(const u64 *a);

/* pipe.c */
s64 call_pipe(const u64 *a);
s64 call_pipe2(const u64 *a);

/* eventfd.c */
s64 call_eventfd(const u64 *a);
s64 call_eventfd2(const u64 *a);

/* epoll.c */
s64 call_epoll_create(const u64 *a);
s64 call_epoll_create1(const u64 *a);
s64 call_epoll_ctl(const u64 *a);
s64 call_epoll_wait(const u64 *a);
s64 call_epoll_pwait(const u64 *a);

/* poll.c */
s64 call_poll(const u64 *a);
s64 call_ppoll(const u64 *a);

/* file_calls.c */
s64 call_open(const u64 *a);
s64 call_openat(const u64 *a);
s64 call_stat(const u64 *a);
s64 call_lstat(const u64 *a);
s64 call_newfstatat(const u64 *a);
s64 call_access(const u64 *a);
s64 call_faccessat(const u64 *a);
s64 call_faccessat2(const u64 *a);
s64 call_readlink(const u64 *a);
s64 call_readlinkat(const u64 *a);
s64 call_getcwd(const u64 *a);
s64 call_chdir(const u64 *a);
s64 call_getdents64(const u64 *a);

/* system_calls.c */
s64 call_getpid(const u64 *a);

s64 call_uname(const u64 *a);
s64 call_getrandom(const u64 *a);
s64 call_prlimit64(const u64 *a);
s64 call_getrlimit(const u64 *a);
s64 call_prctl(const u64 *a);
s64 call_sysinfo(const u64 *a);
s64 call_zero(const u64 *a);

/* platform.c */
s64 call_platform(const u64 *a);

#endif
