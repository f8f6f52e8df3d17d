/*
 * Time: the TSC, scaled to nanoseconds, and the APIC's timer for interrupts.
 *
 * Where the TSC's frequency comes from, best first:
 *   a paravirtual clock (Xen, KVM);
 *   CPUID leaf 0x15 (Intel SDM 2A, CPUID);
 *   the APIC's timer, whose frequency QEMU and KVM fix at 1 GHz;
 *   the PIT, which every PC has at 1.193182 MHz.
 */
#include "shim.h"
#include "thread.h"
#include "vdso/vdso.h"
#include "xen.h"

enum { EMULATED_APIC_KHZ = 1000000, PIT_HZ = 1193182 };
enum { CALIBRATE_US = 2000 };

static u64 tsc_khz, apic_khz, wall;
static u64 ticks_scale; /* ticks of the APIC's timer in a nanosecond, << 32 */

u64 clock_now(void)
{
	return (u64)((u128)(rdtsc() - vdso_data.tsc_base) * vdso_data.tsc_scale >> VDSO_SCALE_BITS);
}

u64 clock_wall_offset(void)
{
	return wall;
}

static u64 khz_from_cpuid(void)
{
	struct cpuid r;

	if (cpuid(0, 0).eax < 0x15)
		return 0;
	r = cpuid(0x15, 0);
	return r.eax && r.ebx && r.ecx ? (u64)r.ecx * r.ebx / r.eax / 1000 : 0;
}

static bool is_hypervisor(u32 ebx, u32 ecx, u32 edx)
{
	struct cpuid r = cpuid(0x40000000, 0);

	return cpuid(1, 0).ecx & 1u << 31 && r.ebx == ebx && r.ecx == ecx && r.edx == edx;
}

static bool has_emulated_apic(void)
{
	return is_hypervisor(0x4b4d564b, 0x564b4d56, 0x4d) ||           /* KVMKVMKVM */
	       is_hypervisor(0x54474354, 0x43544743, 0x47435447);       /* TCGTCGTCGTCG */
}

/* One moment on both clocks: of a few tries, the one that took least time. */
struct moment {
	u64 tsc;
	u32 left;
};

static struct moment now_on_both(void)
{
	struct moment best = {0};
	u64 shortest = ~0ul;

	for (u32 i = 0; i < 5; i++) {
		u64 before = rdtsc();
		u32 left = apic_timer_left();
		u64 took = rdtsc() - before;

		if (took < shortest) {
			shortest = took;
			best = (struct moment){before + took / 2, left};
		}
	}
	return best;
}

static u64 khz_from_apic(void)
{
	struct moment a, b;
	u32 ticks = EMULATED_APIC_KHZ / 1000 * CALIBRATE_US;

	apic_timer(~0u);
	a = now_on_both();
	do
		b = now_on_both();
	while (a.left - b.left < ticks);
	return (b.tsc - a.tsc) * EMULATED_APIC_KHZ / (a.left - b.left);
}

/* Channel 2 of the 8254, gated by port 0x61, counts down once. */
static u64 khz_from_pit(void)
{
	u16 ticks = PIT_HZ / 100;
	u64 start, limit = 1ul << 34;

	outb(0x61, (inb(0x61) & ~2) | 1);
	outb(0x43, 0xb0);
	outb(0x42, (u8)ticks);
	outb(0x42, (u8)(ticks >> 8));
	start = rdtsc();
	while (!(inb(0x61) & 0x20))
		if (rdtsc() - start > limit)
			return 0;
	return (rdtsc() - start) * 100 / 1000;
}

static u64 measure_apic(void)
{
	struct moment a, b;

	apic_timer(~0u);
	a = now_on_both();
	do
		b = now_on_both();
	while (b.tsc - a.tsc < tsc_khz * CALIBRATE_US / 1000 / 2);
	return (a.left - b.left) * tsc_khz / (b.tsc - a.tsc);
}

static void calibrate(void)
{
	if (!pvclock_init(&tsc_khz, &wall))
		tsc_khz = khz_from_cpuid();
	if (!tsc_khz && has_emulated_apic())
		tsc_khz = khz_from_apic();
	if (!tsc_khz)
		tsc_khz = khz_from_pit();
	if (!tsc_khz)
		refuse("nothing tells the frequency of the time stamp counter: no paravirtual clock, no CPUID leaf 0x15, no timer");
	apic_khz = has_emulated_apic() ? EMULATED_APIC_KHZ : measure_apic();
	ticks_scale = (apic_khz << 32) / 1000000;
	apic_timer(0);
}

void clock_init(void)
{
	calibrate();
	vdso_data.tsc_base = boot_tsc;
	vdso_data.tsc_scale = (1000000ul << VDSO_SCALE_BITS) / tsc_khz;
	if (!wall)
		wall = rtc_read() * 1000000000ul;
	if (!wall)
		print("shim: no clock tells the date: it is 1970\n");
	else
		wall -= clock_now();
	vdso_data.wall_offset = wall;
	if (verbose)
		print("shim: TSC %lu kHz, APIC timer %lu kHz\n", tsc_khz, apic_khz);
}

/* The opposite of the scaling in clock_now. The quotient fits for centuries. */
static u64 tsc_of(u64 time)
{
	u64 quotient, rest;

	asm("divq %4"
	    : "=a"(quotient), "=d"(rest)
	    : "0"(time << VDSO_SCALE_BITS), "1"(time >> (64 - VDSO_SCALE_BITS)), "r"(vdso_data.tsc_scale)
	    : "cc");
	return quotient + (rest != 0);
}

void clock_resume(u64 time)
{
	tsc_khz = 0;
	if (!pvclock_init(&tsc_khz, &wall))
		panic("no clock after a suspension");
	vdso_data.tsc_scale = (1000000ul << VDSO_SCALE_BITS) / tsc_khz;
	vdso_data.tsc_base = rdtsc() - tsc_of(time);
	wall -= clock_now();
	vdso_data.wall_offset = wall;
	clock_interrupted();
}

void clock_interrupt_at(u64 time)
{
	u64 now, ticks;

	if (time >= this_cpu()->timer_at)
		return;
	this_cpu()->timer_at = time;
	now = clock_now();
	ticks = time <= now ? 1 : (u64)((u128)(time - now) * ticks_scale >> 32) + 1;
	apic_timer((u32)min(ticks, 0xffffffff)); /* if that is too early, we ask again */
}

void clock_interrupted(void)
{
	this_cpu()->timer_at = NEVER;
	threads_timer();
}
