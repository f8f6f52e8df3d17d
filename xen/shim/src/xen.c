/* Being a guest of Xen: finding it, calling it, and its interrupt. */
#include "shim.h"
#include "xen.h"
#include "thread.h"

volatile struct xen_shared_info *xen_shared;

static u32 cpuid_base;
extern u8 hypercall_page[];

/* Xen writes the code that calls it, as it wants to be called. */
static void write_hypercall_page(void)
{
	wrmsr(cpuid(cpuid_base + 2, 0).ebx, (u64)hypercall_page - SHIM_BASE);
}

/* Xen may stand behind another hypervisor's leaves (arch-x86/cpuid.h). */
bool xen_detect(void)
{
	for (u32 leaf = 0x40000000; leaf < 0x40010000; leaf += 0x100) {
		struct cpuid r = cpuid(leaf, 0);

		if (r.ebx == 0x566e6558 && r.ecx == 0x65584d4d && r.edx == 0x4d4d566e) { /* XenVMMXenVMM */
			cpuid_base = leaf;
			break;
		}
	}
	if (cpuid_base)
		write_hypercall_page();
	return cpuid_base != 0;
}

bool xen_present(void)
{
	return cpuid_base != 0;
}

u32 xen_cpuid_base(void)
{
	return cpuid_base;
}

s64 xen_param(u32 index, u64 *value)
{
	struct xen_hvm_param p = {.domain = DOMID_SELF, .index = index};
	s64 r = hypercall(HYPERCALL_HVM, HVM_GET_PARAM, (u64)&p, 0, 0, 0);

	*value = p.value;
	return r;
}

void xen_notify(u32 port)
{
	hypercall(HYPERCALL_EVENT_CHANNEL, EVENT_SEND, (u64)&port, 0, 0, 0);
}

/*
 * The shared info takes the place of a page of ours. Event channels then come
 * as VECTOR_UPCALL.
 */
static void share(void *page)
{
	struct xen_add_to_physmap map = {.domain = DOMID_SELF, .gpfn = physical(page) >> PAGE_SHIFT};
	struct xen_hvm_param callback = {
		.domain = DOMID_SELF, .index = PARAM_CALLBACK, .value = CALLBACK_VECTOR(VECTOR_UPCALL)};
	s64 r = hypercall(HYPERCALL_MEMORY, MEMORY_ADD_TO_PHYSMAP, (u64)&map, 0, 0, 0);

	if (r)
		panic("Xen gives no shared info: error %ld", -r);
	xen_shared = page;
	r = hypercall(HYPERCALL_HVM, HVM_SET_PARAM, (u64)&callback, 0, 0, 0);
	if (r)
		panic("Xen gives no event channel upcalls: error %ld", -r);
}

void xen_init(void)
{
	share(pages_alloc(0));
}

/*
 * A new domain has our memory and our registers, and nothing else of what Xen
 * kept for us: no shared info, no event channels, no grants (public/sched.h,
 * SHUTDOWN_suspend). What is the program's, it makes again.
 */
s64 xen_suspend(void)
{
	u32 reason = SHUTDOWN_SUSPEND;
	u64 before;
	s64 r;

	smp_stop_others();
	before = clock_now();
	r = hypercall(HYPERCALL_SCHED, SCHED_SHUTDOWN, (u64)&reason, 0, 0, 0);

	if (r)
		return r;
	write_hypercall_page();
	share((void *)xen_shared);
	console_resume();
	clock_resume(before);
	return 0;
}

/*
 * Xen repeats the interrupt until the flag is down. The program then scans the
 * ports whose words are selected. Where it does not, nobody would take the
 * console's word out, and Xen interrupts only for a word that was not selected.
 */
void xen_upcall(void)
{
	xen_shared->vcpu[0].upcall_pending = 0;
	if (!irq_is_bound(VECTOR_UPCALL))
		xen_shared->vcpu[0].pending_selector = 0;
	asm volatile("mfence" : : : "memory");
	console_input();
	irq_raise(VECTOR_UPCALL);
}
