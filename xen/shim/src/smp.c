/*
 * Several processors: starting them, and interrupting each other.
 *
 * QEMU and KVM: INIT and SIPI to all but this one (Intel SDM 3A, 8.4.4), to a
 * page below 1 MiB that smp_boot.S has the code for. How many there are is
 * asked from QEMU's fw_cfg (qemu/docs/specs/fw_cfg.rst). Xen: VCPUOP_initialise
 * and VCPUOP_up (public/vcpu.h, public/hvm/hvm_vcpu.h), in long mode at once.
 *
 * Each that starts draws a number. When as many as expected did, or time is
 * up, the rest is used up, so that none comes later.
 */
#include "shim.h"
#include "thread.h"
#include "xen.h"

enum { FW_CFG_SELECT = 0x510, FW_CFG_DATA = 0x511, FW_CFG_SIGNATURE = 0, FW_CFG_CPUS = 5 };
enum { TRAMPOLINE = 0x8000 };
#define MS 1000000ul
#define PATIENCE (2000 * MS)

/* smp_boot.S */
extern u8 trampoline[], trampoline_end[];
extern u32 next_cpu;
void cpu_entry(void);
NORETURN void cpu_start(u32 number);

static u16 fw_cfg_u16(u16 key)
{
	u8 low;

	outw(FW_CFG_SELECT, key);
	low = inb(FW_CFG_DATA);
	return (u16)(low | inb(FW_CFG_DATA) << 8);
}

static u32 count_qemu(void)
{
	const u16 signature = 'Q' | 'E' << 8;

	return fw_cfg_u16(FW_CFG_SIGNATURE) == signature ? fw_cfg_u16(FW_CFG_CPUS) : 1;
}

/* Xen says of a vCPU that is not there that there is none. */
static u32 count_xen(void)
{
	u32 n = 1;

	while (n < MAX_CPUS && hypercall(HYPERCALL_VCPU, VCPU_IS_UP, n, 0, 0, 0) >= 0)
		n++;
	return n;
}

static void pause_for(u64 ns)
{
	for (u64 end = clock_now() + ns; clock_now() < end;)
		asm volatile("pause");
}

static void start_all(void)
{
	memcpy(map_physical(TRAMPOLINE, PAGE_SIZE, 0), trampoline, (u64)(trampoline_end - trampoline));
	apic_init_others();
	pause_for(10 * MS);
	for (u32 i = 0; i < 2; i++) {
		apic_start_others(TRAMPOLINE >> PAGE_SHIFT);
		pause_for(MS / 5);
	}
}

static void start_all_xen(u32 count)
{
	struct xen_vcpu_context context = {
		.mode = VCPU_MODE_64,
		.rip = (u64)cpu_entry,
		.rflags = FLAG_FIXED,
		.cr0 = CR0_BITS,
		.cr3 = paging_root(),
		.cr4 = CR4_BITS,
		.efer = EFER_BITS | EFER_LMA,
	};

	for (u32 i = 1; i < count; i++)
		if (hypercall(HYPERCALL_VCPU, VCPU_INITIALISE, i, (u64)&context, 0, 0) ||
		    hypercall(HYPERCALL_VCPU, VCPU_UP, i, 0, 0, 0))
			print("shim: Xen does not start vCPU %u\n", i);
}

void smp_init(void)
{
	u32 count = (u32)min(xen_present() ? count_xen() : count_qemu(), MAX_CPUS), started;
	u64 end;

	this_cpu()->apic_id = apic_id();
	if (count < 2)
		return;
	if (xen_present())
		start_all_xen(count);
	else
		start_all();
	for (end = clock_now() + PATIENCE; clock_now() < end;)
		if (__atomic_load_n(&next_cpu, __ATOMIC_RELAXED) >= count)
			break;
	started = (u32)min(__atomic_exchange_n(&next_cpu, MAX_CPUS, __ATOMIC_ACQ_REL), MAX_CPUS);
	for (u32 i = 1; i < started; i++)
		while (!__atomic_load_n(&cpus[i].online, __ATOMIC_ACQUIRE))
			asm volatile("pause");
	if (started < count)
		print("shim: %u of %u processors started\n", started, count);
	cpu_count = started;
}

/* Where each of the others begins, on its own stack, with the tables of boot.S or ours. */
NORETURN void cpu_start(u32 number)
{
	struct regs *r;

	write_cr3(paging_root());
	percpu_init(number);
	percpu_load();
	trap_load();
	cpu_init();
	xstate_enable();
	apic_enable();
	this_cpu()->apic_id = apic_id();
	__atomic_store_n(&this_cpu()->online, true, __ATOMIC_RELEASE);
	lock_enter();
	r = schedule();
	lock_leave();
	resume(r);
}

void smp_interrupt(const struct cpu *c)
{
	apic_interrupt(c->apic_id, VECTOR_WAKE);
}

void smp_kick_idle(void)
{
	for (u32 i = 0; i < cpu_count; i++) {
		struct cpu *c = &cpus[i];

		if (c == this_cpu() || !c->idle || c->kicked)
			continue;
		c->kicked = true;
		smp_interrupt(c);
		return;
	}
}

bool smp_all_idle(void)
{
	for (u32 i = 0; i < cpu_count; i++)
		if (!cpus[i].idle)
			return false;
	return true;
}

/* An interrupt that comes between the two waits for STI, and then ends HLT. */
void smp_wait(void)
{
	lock_leave();
	wait_for_interrupt();
	lock_enter();
}

void smp_stop_others(void)
{
	for (u32 i = 0; i < cpu_count; i++) {
		struct cpu *c = &cpus[i];

		if (c == this_cpu() || c->idle)
			continue;
		smp_interrupt(c);
		while (!__atomic_load_n(&c->waits, __ATOMIC_ACQUIRE))
			asm volatile("pause");
	}
}
