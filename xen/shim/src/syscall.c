/*
 * The table of Linux system calls that the shim answers, by their numbers on
 * x86-64 (linux/arch/x86/entry/syscalls/syscall_64.tbl). All others are ENOSYS,
 * and named once on the console.
 */
#include "calls.h"
#include "platform.h"
#include "signal.h"
#include "thread.h"

static const call_fn calls[] = {
	[0] = call_read,
	[1] = call_write,
	[2] = call_open,
	[3] = call_close,
	[4] = call_stat,
	[5] = call_fstat,
	[6] = call_lstat,
	[7] = call_poll,
	[8] = call_lseek,
	[9] = call_mmap,
	[10] = call_mprotect,
	[11] = call_munmap,
	[12] = call_brk,
	[13] = call_rt_sigaction,
	[14] = call_rt_sigprocmask,
	[15] = call_rt_sigreturn,
	[16] = call_ioctl,
	[17] = call_pread64,
	[18] = call_pwrite64,
	[19] = call_readv,
	[20] = call_writev,
	[21] = call_access,
	[22] = call_pipe,
	[24] = call_sched_yield,
	[27] = call_mincore,
	[28] = call_madvise,
	[32] = call_dup,
	[33] = call_dup2,
	[35] = call_nanosleep,
	[39] = call_getpid,
	[56] = call_clone,
	[60] = call_exit,
	[62] = call_kill,
	[63] = call_uname,
	[72] = call_fcntl,
	[77] = call_ftruncate,
	[79] = call_getcwd,
	[80] = call_chdir,
	[89] = call_readlink,
	[96] = call_gettimeofday,
	[97] = call_getrlimit,
	[99] = call_sysinfo,
	[102] = call_zero, /* getuid */
	[104] = call_zero, /* getgid */
	[107] = call_zero, /* geteuid */
	[108] = call_zero, /* getegid */
	[110] = call_zero, /* getppid */
	[131] = call_sigaltstack,
	[157] = call_prctl,
	[158] = call_arch_prctl,
	[186] = call_gettid,
	[200] = call_tkill,
	[201] = call_time,
	[202] = call_futex,
	[204] = call_sched_getaffinity,
	[213] = call_epoll_create,
	[217] = call_getdents64,
	[218] = call_set_tid_address,
	[228] = call_clock_gettime,
	[229] = call_clock_getres,
	[230] = call_clock_nanosleep,
	[231] = call_exit_group,
	[232] = call_epoll_wait,
	[233] = call_epoll_ctl,
	[234] = call_tgkill,
	[257] = call_openat,
	[262] = call_newfstatat,
	[267] = call_readlinkat,
	[269] = call_faccessat,
	[271] = call_ppoll,
	[281] = call_epoll_pwait,
	[284] = call_eventfd,
	[285] = call_fallocate,
	[290] = call_eventfd2,
	[291] = call_epoll_create1,
	[292] = call_dup3,
	[293] = call_pipe2,
	[302] = call_prlimit64,
	[309] = call_getcpu,
	[318] = call_getrandom,
	[319] = call_memfd_create,
	[439] = call_faccessat2,
};
enum { MAX_CALL = 512 };

/* call_names.c */
extern const char *const call_names[];
extern const unsigned call_names_count;

/* Calls that C libraries try at every start, and do without. */
static bool is_probe(u64 nr)
{
	enum { SET_ROBUST_LIST = 273, RSEQ = 334, CLONE3 = 435 };

	return nr == SET_ROBUST_LIST || nr == RSEQ || nr == CLONE3;
}

static s64 not_answered(u64 nr)
{
	static u8 named[MAX_CALL];

	if (nr < MAX_CALL && !named[nr] && !is_probe(nr)) {
		named[nr] = 1;
		print("shim: system call %lu (%s) is not answered: ENOSYS\n", nr,
		      nr < call_names_count && call_names[nr] ? call_names[nr] : "unknown");
	}
	return -ENOSYS;
}

/* Entered from entry.S with the registers of the current thread. */
struct regs *syscall(struct regs *r)
{
	const u64 args[] = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9};
	u64 nr = r->rax;
	s64 result;

	lock_enter();
	current->call = (u32)nr;
	if (nr < COUNT(calls) && calls[nr])
		result = calls[nr](args);
	else if (nr == PLATFORM_CALL)
		result = call_platform(args);
	else
		result = not_answered(nr);
	if (current) /* exit(2) */
		r->rax = (u64)result;
	if (current && !current->wait && result != -EINTR)
		signal_end_mask_for_call();
	r = schedule();
	lock_leave();
	return r;
}
