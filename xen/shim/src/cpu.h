/*
 * The processor: saved registers, instructions that C has no words for, and
 * the few registers and bits that the shim touches (Intel SDM 3A, chapter 2,
 * and 4 for the MSRs).
 */
#ifndef CPU_H
#define CPU_H

#include "layout.h"
#include "types.h"

/* What entry.S pushes, lowest address first. */
struct regs {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss; /* pushed by the processor */
};
_Static_assert(sizeof(struct regs) == REGS_SIZE, "layout.h");
_Static_assert(offsetof(struct regs, cs) == REGS_CS, "layout.h");

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

enum msr {
	MSR_APIC_BASE = 0x1b,
	MSR_TSC_DEADLINE = 0x6e0,
	MSR_EFER = 0xc0000080,
	MSR_STAR = 0xc0000081,
	MSR_LSTAR = 0xc0000082,
	MSR_FMASK = 0xc0000084,
	MSR_FS_BASE = 0xc0000100,
	MSR_GS_BASE = 0xc0000101,
	MSR_KERNEL_GS_BASE = 0xc0000102,
};

enum cr4 {
	CR4_TSD = 1 << 2,
	CR4_UMIP = 1 << 11,
	CR4_OSXSAVE = 1 << 18,
	CR4_SMEP = 1 << 20,
	CR4_SMAP = 1 << 21,
};

enum rflags {
	FLAG_FIXED = 1 << 1,
	FLAG_TRAP = 1 << 8,
	FLAG_INTERRUPT = 1 << 9,
	FLAG_DIRECTION = 1 << 10,
	FLAG_IOPL = 3 << 12,
	FLAG_NESTED = 1 << 14,
	FLAG_ALIGN = 1 << 18,
};

static inline void outb(u16 port, u8 v) { asm volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outw(u16 port, u16 v) { asm volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { asm volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }

static inline u8 inb(u16 port)
{
	u8 v;

	asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u16 inw(u16 port)
{
	u16 v;

	asm volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u32 inl(u16 port)
{
	u32 v;

	asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo | (u64)hi << 32;
}

static inline void wrmsr(u32 msr, u64 v)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return lo | (u64)hi << 32;
}

static inline struct cpuid cpuid(u32 leaf, u32 sub)
{
	struct cpuid r;

	asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(sub));
	return r;
}

static inline u64 read_cr2(void)
{
	u64 v;

	asm volatile("mov %%cr2, %0" : "=r"(v));
	return v;
}

static inline u64 read_cr4(void)
{
	u64 v;

	asm volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}

static inline void write_cr4(u64 v) { asm volatile("mov %0, %%cr4" : : "r"(v) : "memory"); }
static inline u64 read_cr3(void)
{
	u64 v;

	asm volatile("mov %%cr3, %0" : "=r"(v));
	return v;
}

static inline void write_cr3(u64 v) { asm volatile("mov %0, %%cr3" : : "r"(v) : "memory"); }
static inline void invlpg(u64 va) { asm volatile("invlpg (%0)" : : "r"(va) : "memory"); }
static inline void clac(void) { asm volatile("clac" : : : "cc", "memory"); }

/* entry.S */
extern u8 trap_stubs[], user_copy_start[], user_copy_end[], user_copy_fault[], wait_halt[];
void wait_for_interrupt(void);
void syscall_entry(void);
NORETURN void resume(struct regs *r);
s64 user_copy(void *dst, const void *src, u64 n);

/* cpu.c */
extern bool has_smap;
/* Switches on what of the processor's protection there is. */
void cpu_init(void);

#endif
