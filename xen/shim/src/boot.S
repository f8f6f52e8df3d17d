/*
 * The PVH entry: from 32-bit protected mode without paging to C in long mode.
 *
 * Xen, docs/misc/pvh.pandoc ("x86/HVM direct boot ABI"): %ebx holds the
 * physical address of the start info, segments are flat, interrupts are off.
 * QEMU and Firecracker start a kernel with this note in the same way.
 */
#include "layout.h"

#define PA(symbol) ((symbol) - SHIM_BASE)

#define PTE_TABLE 0x03                  /* present, writable */
#define PTE_HUGE  0x83                  /* the same, 2 MiB */

/* Elf64_Nhdr; 18 is XEN_ELFNOTE_PHYS32_ENTRY (Xen, public/elfnote.h). */
	.section .note.xen, "a", @note
	.align 4
	.long 4, 8, 18
	.asciz "Xen"
	.quad PA(_start)

/* Ours: where a payload is to be loaded, for who joins one to the shim. */
	.section .note.anykernel, "a", @note
	.align 4
	.long 10, 8, 1
	.asciz "Anykernel"
	.align 4
	.quad PAYLOAD_LOAD

	.section .text.boot, "ax"
	.code32
	.globl _start
_start:
	cli
	cld
	mov %ebx, PA(start_info)
	rdtsc
	mov %eax, PA(boot_tsc)
	mov %edx, PA(boot_tsc) + 4

	mov $CR4_BITS, %eax
	mov %eax, %cr4
	mov $PA(boot_pml4), %eax
	mov %eax, %cr3
	mov $MSR_EFER_NUMBER, %ecx
	rdmsr
	or $EFER_BITS, %eax
	wrmsr
	mov $CR0_BITS, %eax
	mov %eax, %cr0
	lgdt PA(gdt_pointer_low)
	ljmp $SHIM_CS, $PA(1f)

	.code64
1:	movabs $2f, %rax
	jmp *%rax
2:	lgdt gdt_pointer
	mov $SHIM_DS, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	mov $stacks + 4096 + STACK_SIZE, %rsp
	xor %ebp, %ebp
	call start
	ud2

	.section .data
	.align 16
	.globl gdt
gdt:	.quad 0
	.quad 0x00af9b000000ffff        /* SHIM_CS */
	.quad 0x00cf93000000ffff        /* SHIM_DS */
	.quad 0x00cf9b000000ffff        /* BOOT_CS */
	.quad 0x00cff3000000ffff        /* USER_DS */
	.quad 0x00affb000000ffff        /* USER_CS */
gdt_end:                                /* percpu.c adds the rest to a copy */
gdt_pointer_low:
	.word gdt_end - gdt - 1
	.long PA(gdt)
	.globl gdt_pointer
gdt_pointer:
	.word gdt_end - gdt - 1
	.quad gdt

	.globl start_info, boot_tsc
	.align 8
start_info: .quad 0
boot_tsc: .quad 0

/*
 * The first page tables: 1 GiB of memory at 0 (dropped when C has built its
 * own), at DIRECT_BASE and at SHIM_BASE.
 */
	.align 4096
	.globl boot_pml4
boot_pml4:
	.quad PA(boot_pdpt) + PTE_TABLE
	.fill 255, 8, 0
	.quad PA(boot_pdpt) + PTE_TABLE
	.fill 254, 8, 0
	.quad PA(boot_pdpt) + PTE_TABLE
boot_pdpt:                              /* entry 510 serves SHIM_BASE */
	.quad PA(boot_pd) + PTE_TABLE
	.fill 509, 8, 0
	.quad PA(boot_pd) + PTE_TABLE
	.quad 0
boot_pd:
	.set page, 0
	.rept 512
	.quad page + PTE_HUGE
	.set page, page + 0x200000
	.endr

	.section .bss.stack, "aw", @nobits
	.align 4096
	.globl stacks
stacks:                                 /* before each, a page that paging.c unmaps */
	.skip MAX_CPUS * (4096 + STACK_SIZE)

/* Filled by Xen with one trampoline of 32 bytes for each hypercall. */
	.section .text.hypercall, "ax"
	.align 4096
	.globl hypercall_page
hypercall_page:
	.fill 4096, 1, 0xcc

	.section .note.GNU-stack, "", @progbits
