/*
 * The clock that Xen and KVM keep for a guest: how to scale the TSC, and the
 * wall clock (linux/Documentation/virt/kvm/x86/msr.rst; Xen, public/xen.h).
 */
#include "shim.h"
#include "xen.h"

enum {
	KVM_FEATURES = 0x40000001,
	KVM_FEATURE_CLOCK = 1 << 3,
	MSR_KVM_WALL = 0x4b564d00,
	MSR_KVM_TIME = 0x4b564d01,
};

static struct {
	struct pvclock time;
	u32 wall_version, wall_sec, wall_nsec;
} kvm ALIGNED(64);

/* time = ((tsc << shift) * mul) >> 32 */
static u64 khz(u32 mul, s8 shift)
{
	u64 v = mul ? (1000000ul << 32) / mul : 0;

	return shift < 0 ? v << -shift : v >> shift;
}

/* Nanoseconds now, on the clock of t; its writer is never in our way for long. */
static u64 read_time(const volatile struct pvclock *t)
{
	u32 version;
	u64 delta, time;

	do {
		version = t->version;
		asm volatile("" : : : "memory");
		delta = rdtsc() - t->tsc;
		delta = t->shift < 0 ? delta >> -t->shift : delta << t->shift;
		time = t->system_time + (u64)((u128)delta * t->mul >> 32);
		asm volatile("" : : : "memory");
	} while (version & 1 || version != t->version);
	return time;
}

static bool has_kvm_clock(void)
{
	struct cpuid r = cpuid(0x40000000, 0);

	return r.ebx == 0x4b4d564b && r.ecx == 0x564b4d56 && r.edx == 0x4d && cpuid(KVM_FEATURES, 0).eax & KVM_FEATURE_CLOCK;
}

static u64 nanoseconds(u64 sec, u64 nsec)
{
	return sec * 1000000000 + nsec;
}

/* Both keep the wall clock's time at their system time 0. */
bool pvclock_init(u64 *tsc_khz, u64 *wall)
{
	const volatile struct pvclock *t;

	if (xen_shared) {
		t = &xen_shared->vcpu[0].time;
		*wall = nanoseconds(xen_shared->wall_sec | (u64)xen_shared->wall_sec_high << 32, xen_shared->wall_nsec);
	} else if (has_kvm_clock()) {
		wrmsr(MSR_KVM_WALL, (u64)&kvm.wall_version - SHIM_BASE);
		wrmsr(MSR_KVM_TIME, ((u64)&kvm.time - SHIM_BASE) | 1);
		t = &kvm.time;
		*wall = nanoseconds(kvm.wall_sec, kvm.wall_nsec);
	} else {
		return false;
	}
	*tsc_khz = khz(t->mul, t->shift);
	*wall += *tsc_khz ? read_time(t) : 0;
	return *tsc_khz != 0;
}
