/*
 * Where the other processors begin: after SIPI in real mode, in a page below
 * 1 MiB (Intel SDM 3A, 8.4.3 and 9.9.1), or, on Xen, in long mode.
 */
#include "layout.h"

#define PA(symbol) ((symbol) - SHIM_BASE)

/* Copied to that page. CS is its start, and addresses are relative to it. */
	.section .rodata
	.globl trampoline, trampoline_end
	.code16
trampoline:
	cli
	cld
	mov %cs, %ax
	mov %ax, %ds
	lgdtl trampoline_gdt - trampoline
	mov $1, %eax                    /* PE; caches are switched on with paging */
	mov %eax, %cr0
	ljmpl $BOOT_CS, $PA(cpu_entry_32)
	.align 4
trampoline_gdt:
	.word GDT_FIXED_SIZE - 1
	.long PA(gdt)
trampoline_end:

	.section .text.boot, "ax"
	.code32
cpu_entry_32:
	mov $SHIM_DS, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $CR4_BITS, %eax
	mov %eax, %cr4
	mov $PA(boot_pml4), %eax
	mov %eax, %cr3
	mov $MSR_EFER_NUMBER, %ecx
	xor %edx, %edx
	mov $EFER_BITS, %eax
	wrmsr
	mov $CR0_BITS, %eax
	mov %eax, %cr0
	ljmp $SHIM_CS, $PA(1f)

	.code64
1:	movabs $cpu_entry, %rax
	jmp *%rax

/* Xen leaves the selectors zero, and IRETQ goes back to none such. */
	.globl cpu_entry
cpu_entry:
	lgdt gdt_pointer
	mov $SHIM_DS, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	mov $1, %eax
	lock xadd %eax, next_cpu
	cmp $MAX_CPUS, %eax
	jae 2f
	mov %eax, %edi
	inc %eax
	imul $(4096 + STACK_SIZE), %rax, %rax
	lea stacks(%rax), %rsp          /* the end of stack %edi */
	xor %ebp, %ebp
	push $SHIM_CS
	push $1f
	lretq
1:	call cpu_start
2:	cli                             /* there is no place for it */
	hlt
	jmp 2b

	.section .data
	.align 4
	.globl next_cpu
next_cpu: .long 1                       /* 0 is the one that came by _start */

	.section .note.GNU-stack, "", @progbits
