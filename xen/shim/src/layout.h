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

#define STACK_SIZE  0x4000              /* the shim's one stack */

/* Segment selectors. SYSCALL takes the first two from STAR (Intel SDM 3A, 5.8.8). */
#define SHIM_CS 0x08
#define SHIM_DS 0x10
#define USER_DS 0x23
#define USER_CS 0x2b
#define TSS_SEL 0x30

/* Interrupt vectors: exceptions, then ours. */
#define VECTORS         64
#define VECTOR_TIMER    32
#define VECTOR_UPCALL   33              /* Xen's event channels */
#define VECTOR_FIRST    34              /* handed out to devices */
#define VECTOR_SPURIOUS 63

/* struct regs, in bytes; see cpu.h. */
#define REGS_SIZE 176
#define REGS_CS   144

#endif
