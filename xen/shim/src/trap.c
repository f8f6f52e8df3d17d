/*
 * Exceptions and interrupts (Intel SDM 3A, chapter 6): the tables that the
 * processor reads, and what becomes of each vector.
 */
#include "shim.h"
#include "signal.h"
#include "thread.h"
#include "xen.h"

enum exception {
	DIVIDE_ERROR = 0,
	DEBUG = 1,
	NMI = 2,
	BREAKPOINT = 3,
	OVERFLOW = 4,
	INVALID_OPCODE = 6,
	DOUBLE_FAULT = 8,
	PAGE_FAULT = 14,
	FP_ERROR = 16,
	ALIGNMENT = 17,
	MACHINE_CHECK = 18,
	SIMD_ERROR = 19,
};

struct gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};

struct tss {
	u32 reserved0;
	u64 rsp[3], reserved1, ist[7], reserved2;
	u16 reserved3, io_bitmap;
} PACKED;

enum { GATE_INTERRUPT = 0x8e, GATE_FROM_USER = 0xee };
enum { IST_FAULT = 1, IST_STACK = 1024 };

extern u64 gdt[];
struct tss tss; /* entry.S reads rsp[0] */
static struct gate idt[VECTORS];
static u8 fault_stack[IST_STACK * 4] ALIGNED(16);

static void set_gate(u32 vector, u8 type, u8 ist)
{
	u64 to = (u64)trap_stubs + vector * 16;

	idt[vector] = (struct gate){
		.offset_low = (u16)to,
		.selector = SHIM_CS,
		.ist = ist,
		.type = type,
		.offset_mid = (u16)(to >> 16),
		.offset_high = (u32)(to >> 32),
	};
}

static void load_tables(void)
{
	struct {
		u16 limit;
		u64 base;
	} PACKED pointer = {sizeof(idt) - 1, (u64)idt};
	u64 base = (u64)&tss;

	gdt[TSS_SEL / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ul << 40 | (base >> 24 & 0xff) << 56;
	gdt[TSS_SEL / 8 + 1] = base >> 32;
	asm volatile("ltr %w0" : : "r"(TSS_SEL));
	asm volatile("lidt %0" : : "m"(pointer));
}

void trap_init(void)
{
	for (u32 v = 0; v < VECTORS; v++)
		set_gate(v, GATE_INTERRUPT, 0);
	set_gate(BREAKPOINT, GATE_FROM_USER, 0);
	set_gate(OVERFLOW, GATE_FROM_USER, 0);
	set_gate(DOUBLE_FAULT, GATE_INTERRUPT, IST_FAULT);
	set_gate(NMI, GATE_INTERRUPT, IST_FAULT);
	set_gate(MACHINE_CHECK, GATE_INTERRUPT, IST_FAULT);
	tss.ist[IST_FAULT - 1] = (u64)fault_stack + sizeof(fault_stack);
	tss.io_bitmap = sizeof(tss); /* behind the limit: no port is allowed */
	load_tables();

	wrmsr(MSR_STAR, (u64)SHIM_CS << 32);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	wrmsr(MSR_FMASK, FLAG_TRAP | FLAG_INTERRUPT | FLAG_DIRECTION | FLAG_IOPL | FLAG_NESTED | FLAG_ALIGN);
}

void trap_set_frame(struct regs *r)
{
	tss.rsp[0] = (u64)(r + 1);
}

static bool from_program(const struct regs *r)
{
	return r->cs & 3;
}

/* A fault in the copy to or from the program becomes its error. */
static bool repair_copy(struct regs *r)
{
	if (r->rip < (u64)user_copy_start || r->rip >= (u64)user_copy_end)
		return false;
	r->rip = (u64)user_copy_fault;
	return true;
}

static void page_fault(struct regs *r)
{
	u64 addr = read_cr2();
	enum fault_answer answer = user_range(addr, 1) ? vm_fault(addr, r->error) : FAULT_UNMAPPED;

	if (answer == FAULT_DONE)
		return;
	if (from_program(r) && answer == FAULT_BEYOND)
		signal_fault(SIGBUS, BUS_ADRERR, addr);
	else if (from_program(r))
		signal_fault(SIGSEGV, answer == FAULT_DENIED ? SEGV_ACCERR : SEGV_MAPERR, addr);
	else if (!user_range(addr, 1) || !repair_copy(r))
		panic_at(r, addr >= (u64)stack_guard && addr < (u64)stack_guard + PAGE_SIZE ? "stack overflow in the shim"
											       : "page fault in the shim");
}

/* Which signal Linux makes of an exception. */
static void exception(struct regs *r)
{
	switch (r->vector) {
	case DIVIDE_ERROR:
		signal_fault(SIGFPE, FPE_INTDIV, r->rip);
		break;
	case FP_ERROR:
	case SIMD_ERROR:
		signal_fault(SIGFPE, FPE_FLTINV, r->rip);
		break;
	case DEBUG:
	case BREAKPOINT:
		signal_fault(SIGTRAP, SI_KERNEL, 0);
		break;
	case INVALID_OPCODE:
		signal_fault(SIGILL, ILL_ILLOPN, r->rip);
		break;
	case ALIGNMENT:
		signal_fault(SIGBUS, BUS_ADRALN, 0);
		break;
	default:
		signal_fault(SIGSEGV, SI_KERNEL, 0);
	}
}

static void interrupt(u64 vector)
{
	switch (vector) {
	case VECTOR_SPURIOUS:
		return;
	case VECTOR_TIMER:
		clock_interrupted();
		break;
	case VECTOR_UPCALL:
		xen_upcall();
		break;
	default:
		irq_raise((u8)vector);
	}
	apic_end_of_interrupt();
}

struct regs *trap(struct regs *r)
{
	if (has_smap)
		clac(); /* the program may have come with EFLAGS.AC set */
	if (r->rip == (u64)wait_halt && !from_program(r))
		r->rip++; /* HLT: it would wait for the next interrupt */
	if (r->vector >= 32)
		interrupt(r->vector);
	else if (r->vector == PAGE_FAULT)
		page_fault(r);
	else if (r->vector == NMI || r->vector == MACHINE_CHECK || r->vector == DOUBLE_FAULT || !from_program(r))
		panic_at(r, r->vector == DOUBLE_FAULT ? "double fault" : "exception in the shim");
	else
		exception(r);
	return from_program(r) ? schedule() : r;
}
