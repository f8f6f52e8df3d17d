/*
 * What we use of Xen's ABI. Layouts and numbers after Xen's public headers:
 * xen.h, event_channel.h, sched.h, memory.h, hvm/hvm_op.h, hvm/params.h,
 * io/console.h, arch-x86/cpuid.h.
 */
#ifndef XEN_H
#define XEN_H

#include "types.h"

#define DOMID_SELF 0x7ff0

enum hypercall_number {
	HYPERCALL_MEMORY = 12,
	HYPERCALL_VCPU = 24,
	HYPERCALL_SCHED = 29,
	HYPERCALL_EVENT_CHANNEL = 32,
	HYPERCALL_HVM = 34,
};

enum { SCHED_SHUTDOWN = 2, SCHED_POLL = 3 };
enum { SHUTDOWN_POWEROFF = 0, SHUTDOWN_REBOOT = 1, SHUTDOWN_SUSPEND = 2, SHUTDOWN_CRASH = 3 };
enum { EVENT_SEND = 4, EVENT_UNMASK = 9 };
enum { VCPU_INITIALISE = 0, VCPU_UP = 1, VCPU_IS_UP = 3, VCPU_MODE_64 = 1 };
enum { HVM_SET_PARAM = 0, HVM_GET_PARAM = 1 };
enum { PARAM_CALLBACK = 0, PARAM_CONSOLE_PFN = 17, PARAM_CONSOLE_PORT = 18 };
enum { MEMORY_ADD_TO_PHYSMAP = 7 };

/* PARAM_CALLBACK: deliver event channels by an interrupt vector. */
#define CALLBACK_VECTOR(v) (2ul << 56 | (v))

struct xen_hvm_param {
	u16 domain, pad;
	u32 index;
	u64 value;
};

struct xen_add_to_physmap {
	u16 domain, size;
	u32 space; /* 0: shared info */
	u64 index, gpfn;
};

/* struct vcpu_hvm_context (hvm/hvm_vcpu.h), for long mode. */
struct xen_vcpu_context {
	u32 mode, pad;
	u64 rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, rip, rflags;
	u64 cr0, cr3, cr4, efer;
	u8 larger[64]; /* the other member of the union */
};

struct xen_sched_poll {
	u32 *ports;
	u32 count, pad;
	u64 timeout; /* system time in ns */
};

/* Also KVM's (linux/Documentation/virt/kvm/x86/msr.rst). Odd version: being written. */
struct pvclock {
	u32 version, pad;
	u64 tsc, system_time;
	u32 mul;
	s8 shift;
	u8 flags, pad2[2];
};

struct xen_vcpu {
	u8 upcall_pending, upcall_mask, pad[6];
	u64 pending_selector;
	u64 arch[2];
	struct pvclock time;
};

struct xen_shared_info {
	struct xen_vcpu vcpu[32];
	u64 pending[64], mask[64];
	u32 wall_version, wall_sec, wall_nsec, wall_sec_high;
};
_Static_assert(sizeof(struct xen_vcpu) == 64, "struct vcpu_info");
_Static_assert(offsetof(struct xen_shared_info, wall_version) == 3072, "struct shared_info");

struct xen_console_ring {
	char in[1024], out[2048];
	u32 in_consumer, in_producer, out_consumer, out_producer;
};

/* xen.c */
extern volatile struct xen_shared_info *xen_shared; /* NULL: not on Xen, or not yet */
bool xen_detect(void);
bool xen_present(void);
u32 xen_cpuid_base(void);
void xen_init(void);
s64 xen_param(u32 index, u64 *value);
void xen_notify(u32 port);
/* The upcall vector came. */
void xen_upcall(void);
/* Lets the toolstack save this domain. 0: this is the new one; 1: it was called off. */
s64 xen_suspend(void);
s64 hypercall(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e);

#endif
