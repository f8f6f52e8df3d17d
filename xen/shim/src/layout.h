/*
 * Where things stand in the address space. Read by the assembler, the linker
 * script and C.
 *
 *   0000_0000_0001_0000 - 0000_7fff_ffff_f000  the program
 *   ffff_8000_0000_0000 + pa                   all RAM, writable, never executable
 *   ffff_9000_0000_0000 + pa                   device registers, uncached
 *   ffff_ffff_8000_0000 + pa                   the shim itself, as it was linked
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#define DIRECT_BASE 0xffff800000000000
#define DEVICE_BASE 0xffff900000000000
#define SHIM_BASE   0xffffffff80000000
#define SHIM_LOAD   0x100000            /* physical address that the shim is loaded to */
#define PAYLOAD_LOAD 0x200000           /* and that of the payload joined to it */

#define USER_BOTTOM 0x10000
#define USER_TOP    0x7ffffffff000

#define MAX_CPUS    16
#define STACK_SIZE  0x4000              /* the shim's stack on each processor */

/* Segment selectors. SYSCALL takes the first two from STAR (Intel SDM 3A, 5.8.8). */
#define SHIM_CS 0x08
#define SHIM_DS 0x10
#define BOOT_CS 0x18                    /* 32 bits, on the way to long mode */
#define USER_DS 0x23
#define USER_CS 0x2b
#define TSS_SEL 0x30
#define NUMBER_SEL 0x43                 /* its limit is the processor's number */
#define GDT_FIXED_SIZE 0x30             /* what all processors have the same */

/* How a processor is set up for long mode (Intel SDM 3A, 9.8.5). */
#define CR0_BITS 0x80010033             /* PG WP NE ET MP PE */
#define CR4_BITS 0x6a0                  /* OSXMMEXCPT OSFXSR PGE PAE */
#define MSR_EFER_NUMBER 0xc0000080
#define EFER_BITS 0x901                 /* NXE LME SCE */
#define EFER_LMA  0x400

/* Interrupt vectors: exceptions, then ours. */
#define VECTORS         64
#define VECTOR_TIMER    32
#define VECTOR_UPCALL   33              /* Xen's event channels */
#define VECTOR_WAKE     34              /* from another processor: look for threads and signals */
#define VECTOR_FLUSH    35              /* from another processor: forget translations */
#define VECTOR_FIRST    36              /* handed out to devices */
#define VECTOR_SPURIOUS 63

/* struct regs, in bytes; see cpu.h. */
#define REGS_SIZE 176
#define REGS_CS   144

/* struct cpu, in bytes; see percpu.h. */
#define CPU_SELF     0
#define CPU_USER_RSP 8
#define CPU_STACK    16
#define CPU_FRAME    24

#endif
