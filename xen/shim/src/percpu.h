/*
 * What each processor has for itself, found through GS: SWAPGS on the way in
 * and out of the program exchanges the program's base with that of struct cpu
 * (Intel SDM 2B, SWAPGS).
 *
 * A processor writes its own; others read and write what the comments say, and
 * only under the lock.
 */
#ifndef PERCPU_H
#define PERCPU_H

#include "cpu.h"

struct thread;

struct tss { /* Intel SDM 3A, 7.7 */
	u32 reserved0;
	u64 rsp[3], reserved1, ist[7], reserved2;
	u16 reserved3, io_bitmap;
} PACKED;

enum { GDT_ENTRIES = 9, FAULT_STACK_SIZE = 4096 };

struct cpu {
	/* entry.S knows these by CPU_... of layout.h. */
	struct cpu *self;
	u64 user_rsp; /* the program's, between SYSCALL and a stack of ours */
	u64 stack;    /* top of the shim's stack here */
	u64 frame;    /* behind the regs of its thread: SYSCALL and TSS.RSP0 push there */

	struct thread *running; /* NULL: none; others read it */
	u64 slice_end;
	u64 timer_at; /* when the timer will interrupt; NEVER: it will not */
	u32 number, apic_id;
	bool has_lock;
	bool idle;   /* halted, or about to be; others read it */
	bool kicked; /* others set it: an interrupt is on its way to end that */
	bool online;       /* atomic */
	bool waits;        /* for the lock; atomic */
	u64 tlb_generation; /* of the page tables that it knows; atomic */

	struct tss tss;
	u64 gdt[GDT_ENTRIES];
	u8 fault_stack[FAULT_STACK_SIZE] ALIGNED(16); /* of NMI, double fault, machine check */
};
_Static_assert(offsetof(struct cpu, self) == CPU_SELF, "layout.h");
_Static_assert(offsetof(struct cpu, user_rsp) == CPU_USER_RSP, "layout.h");
_Static_assert(offsetof(struct cpu, stack) == CPU_STACK, "layout.h");
_Static_assert(offsetof(struct cpu, frame) == CPU_FRAME, "layout.h");

extern struct cpu cpus[MAX_CPUS];
extern u32 cpu_count; /* that run; the first of cpus */

/* A call of the shim's runs on one processor from its beginning to its end. */
static inline struct cpu *this_cpu(void)
{
	struct cpu *c;

	asm("mov %%gs:0, %0" : "=r"(c));
	return c;
}

#define current (this_cpu()->running)

/* Makes GS lead to a processor's own, on that processor. */
void percpu_init(u32 number);
/* Loads its descriptors: GDT and TSS. */
void percpu_load(void);
/* Where the processor puts the registers of the program it interrupts. */
void percpu_set_frame(struct regs *r);
/* The page below a processor's stack that nothing is mapped to. */
u64 stack_guard_of(u32 number);

/* tlb.c */
extern u64 tlb_generation; /* written under the lock; atomic */
/* The entry of va has changed: no processor may use the old one after tlb_flush. */
void tlb_drop(u64 va);
/* A page, or a table, that nobody may reach any more: freed by tlb_flush. */
void tlb_free(void *page);
void tlb_flush(void);
/* Answers the flushes of others. Needs no lock. */
static inline void tlb_catch_up(void)
{
	struct cpu *c = this_cpu();
	u64 now = __atomic_load_n(&tlb_generation, __ATOMIC_ACQUIRE);

	if (c->tlb_generation == now)
		return;
	write_cr3(read_cr3()); /* all but the shim's, which is global */
	__atomic_store_n(&c->tlb_generation, now, __ATOMIC_RELEASE);
}

/* lock.c: one processor at a time is in the shim. */
extern bool lock_taken;
void lock_wait(void);

static inline void lock_enter(void)
{
	if (__atomic_exchange_n(&lock_taken, true, __ATOMIC_ACQUIRE))
		lock_wait();
	this_cpu()->has_lock = true;
	tlb_catch_up(); /* with what happened while it was idle */
}

static inline void lock_leave(void)
{
	this_cpu()->has_lock = false;
	__atomic_store_n(&lock_taken, false, __ATOMIC_RELEASE);
}

/* smp.c */
/* Starts the other processors. They wait for the lock, and for threads. */
void smp_init(void);
/* Interrupts another processor, which then looks for signals and threads. */
void smp_interrupt(const struct cpu *c);
/* Interrupts one that is idle, if there is one. */
void smp_kick_idle(void);
bool smp_all_idle(void);
/* Waits for an interrupt, without the lock. */
void smp_wait(void);
/* Brings the others to the lock, where they stay until it is left. */
void smp_stop_others(void);

#endif
