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

enum { GATE_INTERRUPT = 0x8e, GATE_FROM_USER = 0xee };
enum { IST_FAULT = 1 };

static struct gate idt[VECTORS];

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

void trap_load(void)
{
	struct {
		u16 limit;
		u64 base;
	} PACKED pointer = {sizeof(idt) - 1, (u64)idt};

	asm volatile("lidt %0" : : "m"(pointer));
	wrmsr(MSR_STAR, (u64)SHIM_CS << 32);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	wrmsr(MSR_FMASK, FLAG_TRAP | FLAG_INTERRUPT | FLAG_DIRECTION | FLAG_IOPL | FLAG_NESTED | FLAG_ALIGN);
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
	trap_load();
}

static bool from_program(const struct regs *r)
{
	return r->cs & 3;
}

/* All that the shim itself touches of the program's memory. */
static bool in_user_copy(const struct regs *r)
{
	return r->rip >= (u64)user_copy_start && r->rip < (u64)user_copy_end;
}

static void page_fault(struct regs *r)
{
	u64 addr = read_cr2();
	enum fault_answer answer;

	if (!from_program(r) && !(in_user_copy(r) && user_range(addr, 1)))
		panic_at(r, page_down(addr) == stack_guard_of(this_cpu()->number) ? "stack overflow in the shim"
										  : "page fault in the shim");
	answer = user_range(addr, 1) ? vm_fault(addr, r->error) : FAULT_UNMAPPED;
	if (answer == FAULT_DONE)
		return;
	if (!from_program(r))
		r->rip = (u64)user_copy_fault;
	else if (answer == FAULT_BEYOND)
		signal_fault(SIGBUS, BUS_ADRERR, addr);
	else
		signal_fault(SIGSEGV, answer == FAULT_DENIED ? SEGV_ACCERR : SEGV_MAPERR, addr);
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
	case VECTOR_WAKE: /* schedule() looks */
		break;
	case VECTOR_UPCALL:
		xen_upcall();
		return; /* it does not come through the APIC, whose register costs an exit to Xen */
	default:
		irq_raise((u8)vector);
	}
	apic_end_of_interrupt();
}

static struct regs *handle(struct regs *r)
{
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

/*
 * What comes from the program, or while the processor is idle, takes the lock.
 * What comes from within the shim, a fault in user_copy, has it.
 */
struct regs *trap(struct regs *r)
{
	bool enters = !this_cpu()->has_lock;

	if (has_smap)
		clac(); /* the program may have come with EFLAGS.AC set */
	if (r->rip == (u64)wait_halt && !from_program(r))
		r->rip++; /* HLT: it would wait for the next interrupt */
	if (r->vector == VECTOR_FLUSH) { /* who has the lock waits for this */
		tlb_catch_up();
		apic_end_of_interrupt();
		return r;
	}
	if (enters)
		lock_enter();
	r = handle(r);
	if (enters)
		lock_leave();
	return r;
}
