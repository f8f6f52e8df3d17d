/* Threads as clone(2) makes them, and their end. */
#include "calls.h"
#include "thread.h"

enum clone_flags {
	CLONE_VM = 0x100,
	CLONE_FS = 0x200,
	CLONE_FILES = 0x400,
	CLONE_SIGHAND = 0x800,
	CLONE_THREAD = 0x10000,
	CLONE_SETTLS = 0x80000,
	CLONE_PARENT_SETTID = 0x100000,
	CLONE_CHILD_CLEARTID = 0x200000,
	CLONE_CHILD_SETTID = 0x1000000,

	CLONE_A_THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
};
enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003 };

/* There is one address space: what is not a thread cannot be made. */
s64 call_clone(const u64 *a)
{
	u64 flags = a[0], stack = a[1], tls = a[4];
	struct thread *t;

	if ((flags & CLONE_A_THREAD) != CLONE_A_THREAD)
		return -ENOSYS;
	if (!user_range(stack, 0) || (flags & CLONE_SETTLS && !user_range(tls, 0)))
		return -EPERM;
	t = thread_clone();
	if (!t)
		return -EAGAIN;
	if (stack)
		t->regs.rsp = stack;
	if (flags & CLONE_SETTLS)
		thread_set_fs(t, tls);
	if (flags & CLONE_CHILD_CLEARTID)
		t->clear_tid = a[3];
	if (flags & CLONE_PARENT_SETTID)
		to_user(a[2], &t->tid, sizeof(t->tid));
	if (flags & CLONE_CHILD_SETTID)
		to_user(a[3], &t->tid, sizeof(t->tid));
	return t->tid;
}

s64 call_exit_group(const u64 *a)
{
	power_off((int)(a[0] & 0xff));
}

/* The last thread's end is the program's. */
s64 call_exit(const u64 *a)
{
	const u32 zero = 0;

	if (thread_count() == 1)
		call_exit_group(a);
	if (current->clear_tid && !to_user(current->clear_tid, &zero, sizeof(zero)))
		futex_wake(current->clear_tid, 1, ~0u);
	thread_exit();
	return 0;
}

s64 call_gettid(const u64 *a)
{
	(void)a;
	return current->tid;
}

s64 call_set_tid_address(const u64 *a)
{
	current->clear_tid = a[0];
	return current->tid;
}

s64 call_sched_yield(const u64 *a)
{
	(void)a;
	thread_yield();
	return 0;
}

s64 call_sched_getaffinity(const u64 *a)
{
	const u64 all = (1ul << cpu_count) - 1;

	if (a[1] < sizeof(all))
		return -EINVAL;
	return to_user(a[2], &all, sizeof(all)) ? -EFAULT : (s64)sizeof(all);
}

s64 call_getcpu(const u64 *a)
{
	const u32 cpu_and_node[] = {this_cpu()->number, 0};

	for (u32 i = 0; i < 2; i++)
		if (a[i] && to_user(a[i], &cpu_and_node[i], sizeof(u32)))
			return -EFAULT;
	return 0;
}

s64 call_arch_prctl(const u64 *a)
{
	switch (a[0]) {
	case ARCH_SET_FS:
		if (!user_range(a[1], 0))
			return -EPERM;
		thread_set_fs(current, a[1]);
		return 0;
	case ARCH_GET_FS:
		return to_user(a[1], &current->fs_base, sizeof(u64));
	}
	return -EINVAL;
}
