/*
 * Ways into and out of the shim: exceptions, interrupts, SYSCALL, and the copy
 * to and from the program's memory.
 *
 * The shim has one stack on each processor and is never preempted. What it interrupts in the
 * program is pushed into the thread itself: TSS.RSP0, and struct cpu's frame for
 * SYSCALL, point behind current->regs. What it interrupts in the shim (a fault in user_copy, an
 * interrupt while idle) is pushed on the shim's stack.
 */
#include "layout.h"

	.macro push_registers
	push %rax
	push %rbx
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %rbp
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	.endm

	.macro pop_registers
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rbp
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rbx
	pop %rax
	.endm

	.text

/*
 * One stub of 16 bytes for each vector. Exceptions 8, 10-14, 17, 21, 29 and 30
 * push an error code (Intel SDM 3A, table 6-1); the others get a zero.
 */
	.globl trap_stubs
	.align 16
trap_stubs:
	.set vector, 0
	.rept VECTORS
	.align 16
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
	push $0
	.endif
	push $vector
	jmp trap_common
	.set vector, vector + 1
	.endr

	.align 16
trap_common:
	push_registers
	cld
	mov %rsp, %rdi
	testb $3, REGS_CS(%rsp)
	jz 1f
	swapgs
	mov %gs:CPU_STACK, %rsp
1:	call trap                       /* gives the registers to go on with */

/* resume(struct regs *): leave the shim. */
	.globl resume
resume_rax:
	mov %rax, %rdi
resume:
	mov %rdi, %rsp
	testb $3, REGS_CS(%rsp)
	jz 1f
	swapgs
1:	pop_registers
	add $16, %rsp                   /* vector and error code */
	iretq

/*
 * SYSCALL leaves the return address in %rcx and the flags in %r11, and stays
 * on the program's stack. Returning by IRETQ instead of SYSRET avoids the
 * latter's faults in ring 0 on addresses that are not canonical.
 */
	.globl syscall_entry
	.align 16
syscall_entry:
	swapgs
	mov %rsp, %gs:CPU_USER_RSP
	mov %gs:CPU_FRAME, %rsp
	push $USER_DS
	push %gs:CPU_USER_RSP
	push %r11
	push $USER_CS
	push %rcx
	push $0
	push $VECTORS                   /* not a vector: a call */
	push_registers
	mov %rsp, %rdi
	mov %gs:CPU_STACK, %rsp
	call syscall
	jmp resume_rax

/*
 * s64 user_copy(void *dst, const void *src, u64 n): 0, or -EFAULT. One of the
 * two is the program's memory, checked to be below USER_TOP. trap.c sends a
 * fault between user_copy_start and user_copy_end that it cannot repair to
 * user_copy_fault.
 */
	.globl user_copy, user_copy_start, user_copy_end, user_copy_fault
user_copy:
	mov %rdx, %rcx
	mov %edx, %eax
	and $7, %eax
	shr $3, %rcx
	cmpb $0, has_smap
	je 1f
	stac
1:
user_copy_start:
	rep movsq
	mov %eax, %ecx
	rep movsb
user_copy_end:
	xor %eax, %eax
2:	cmpb $0, has_smap
	je 3f
	clac
3:	ret
user_copy_fault:
	mov $-14, %rax
	jmp 2b

/*
 * Sleeps until an interrupt. STI takes effect after HLT, so that none is missed.
 * Where one comes in between all the same, trap.c skips the HLT: emulated
 * virtualization loses the interrupt shadow of a guest that it interrupts there.
 */
	.globl wait_for_interrupt, wait_halt
wait_for_interrupt:
	sti
wait_halt:
	hlt
	cli
	ret

/*
 * s64 hypercall(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e). Xen's ABI takes
 * %rdi %rsi %rdx %r10 %r8 (public/arch-x86/xen-x86_64.h). Arguments may point
 * to the program's memory, which Xen reads and writes as we would.
 */
	.globl hypercall
hypercall:
	mov %rdi, %rax
	mov %rsi, %rdi
	mov %rdx, %rsi
	mov %rcx, %rdx
	mov %r8, %r10
	mov %r9, %r8
	shl $5, %eax
	lea hypercall_page(%rax), %rax
	cmpb $0, has_smap
	je 1f
	stac
	call *%rax
	clac
	ret
1:	call *%rax
	ret

	.section .note.GNU-stack, "", @progbits
