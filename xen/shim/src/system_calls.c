/* What a program asks about itself and the system. */
#include "calls.h"
#include "descriptor.h"

enum { PR_SET_NAME = 15, PR_GET_NAME = 16, PR_SET_VMA = 0x53564d41 };
enum { RLIMIT_STACK = 3, RLIMIT_CORE = 4, RLIMIT_NPROC = 6, RLIMIT_NOFILE = 7 };
#define UNLIMITED (~0ul)

s64 call_getpid(const u64 *a)
{
	(void)a;
	return PID;
}

/* Parent, user and group: none, and root. */
s64 call_zero(const u64 *a)
{
	(void)a;
	return 0;
}

s64 call_uname(const u64 *a)
{
	struct {
		char system[65], node[65], release[65], version[65], machine[65], domain[65];
	} u = {.system = "Linux", .release = "6.1.0-anykernel", .version = "#1 anykernel shim", .machine = "x86_64", .domain = "(none)"};

	if (!param("hostname", u.node, sizeof(u.node)))
		strcopy(u.node, "anykernel", sizeof(u.node));
	return to_user(a[0], &u, sizeof(u));
}

s64 call_getrandom(const u64 *a)
{
	u8 piece[256];

	if (!user_range(a[0], a[1]))
		return -EFAULT;
	for (u64 done = 0, n; done < a[1]; done += n) {
		n = min(a[1] - done, sizeof(piece));
		random_bytes(piece, n);
		if (to_user(a[0] + done, piece, n))
			return -EFAULT;
	}
	return (s64)a[1];
}

static u64 limit(u64 resource)
{
	switch (resource) {
	case RLIMIT_STACK:
		return 8 << 20;
	case RLIMIT_CORE:
		return 0;
	case RLIMIT_NPROC:
		return 1024;
	case RLIMIT_NOFILE:
		return MAX_DESCRIPTORS;
	}
	return UNLIMITED;
}

/* Limits are what they are: setting them is accepted and changes nothing, as the hard limits would. */
s64 call_prlimit64(const u64 *a)
{
	u64 both[] = {limit(a[1]), limit(a[1])};

	if (a[0] != 0 && a[0] != PID)
		return -ESRCH;
	return a[3] ? to_user(a[3], both, sizeof(both)) : 0;
}

s64 call_getrlimit(const u64 *a)
{
	u64 both[] = {limit(a[0]), limit(a[0])};

	return to_user(a[1], both, sizeof(both));
}

s64 call_prctl(const u64 *a)
{
	switch (a[0]) {
	case PR_SET_NAME:
	case PR_SET_VMA:
		return 0;
	}
	return -EINVAL;
}

s64 call_sysinfo(const u64 *a)
{
	struct {
		s64 uptime;
		u64 loads[3], total, free, shared, buffer, swap, swap_free;
		u16 processes, pad;
		u64 high, high_free;
		u32 unit;
	} s = {.uptime = (s64)(clock_now() / 1000000000), .free = pages_available() * PAGE_SIZE, .processes = 1, .unit = 1};

	for (u32 i = 0; i < boot.ram_count; i++)
		s.total += boot.ram[i].end - boot.ram[i].start;
	return to_user(a[0], &s, sizeof(s));
}
