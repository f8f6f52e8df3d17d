/* The processors' own tables (Intel SDM 3A, 3.4.5 for descriptors, 7.2 for the TSS). */
#include "shim.h"

struct cpu cpus[MAX_CPUS];
u32 cpu_count = 1;

extern u64 gdt[];
extern u8 stacks[];

enum { IST_FAULT = 1, GDT_FIXED = TSS_SEL / 8 };

u64 stack_guard_of(u32 number)
{
	return (u64)stacks + number * (PAGE_SIZE + STACK_SIZE);
}

void percpu_init(u32 number)
{
	struct cpu *c = &cpus[number];

	c->self = c;
	c->number = number;
	c->stack = stack_guard_of(number) + PAGE_SIZE + STACK_SIZE;
	c->timer_at = NEVER;
	wrmsr(MSR_GS_BASE, (u64)c);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
}

/* A segment whose limit is the processor's number: the program asks by LSL. */
static u64 number_descriptor(u32 number)
{
	return number | 0xf1ul << 40 | 0x4ul << 52; /* data, read-only, for ring 3 */
}

void percpu_load(void)
{
	struct cpu *c = this_cpu();
	u64 base = (u64)&c->tss;
	struct {
		u16 limit;
		u64 base;
	} PACKED pointer = {sizeof(c->gdt) - 1, (u64)c->gdt};

	memcpy(c->gdt, gdt, GDT_FIXED * sizeof(u64));
	c->gdt[TSS_SEL / 8] =
		(sizeof(c->tss) - 1) | (base & 0xffffff) << 16 | 0x89ul << 40 | (base >> 24 & 0xff) << 56;
	c->gdt[TSS_SEL / 8 + 1] = base >> 32;
	c->gdt[NUMBER_SEL / 8] = number_descriptor(c->number);
	c->tss.ist[IST_FAULT - 1] = (u64)c->fault_stack + sizeof(c->fault_stack);
	c->tss.io_bitmap = sizeof(c->tss); /* behind the limit: no port is allowed */
	asm volatile("lgdt %0" : : "m"(pointer));
	asm volatile("ltr %w0" : : "r"(TSS_SEL));
}

void percpu_set_frame(struct regs *r)
{
	this_cpu()->frame = this_cpu()->tss.rsp[0] = (u64)(r + 1);
}
