/*
 * What C cannot say: the switch between stacks, copies that may fault, and
 * the way out of a fault.
 */

#if defined(__x86_64__)

	.text

/* void hyp_switch(struct hyp_context *from, struct hyp_context *to) */
	.globl	hyp_switch
	.type	hyp_switch, @function
	.balign	16
hyp_switch:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	(%rsi), %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
	.size	hyp_switch, .-hyp_switch

/* Where a fiber starts: its thread is in rbx. */
	.globl	hyp_fiber_entry
	.type	hyp_fiber_entry, @function
	.balign	16
hyp_fiber_entry:
	xorl	%ebp, %ebp
	movq	%rbx, %rdi
	call	hyp_fiber_main
	ud2
	.size	hyp_fiber_entry, .-hyp_fiber_entry

/* int hyp_guarded_copy(void *dst, const void *src, size_t n): 0 or EFAULT. */
	.globl	hyp_guarded_copy, hyp_guarded_start, hyp_guarded_end, hyp_guarded_fault
	.type	hyp_guarded_copy, @function
	.balign	16
hyp_guarded_copy:
	movq	%rdx, %rcx
	cmpq	$64, %rdx
	jb	2f
hyp_guarded_start:
	rep movsb
	jmp	4f
2:	cmpq	$8, %rcx
	jb	3f
	movq	(%rsi), %rax
	movq	%rax, (%rdi)
	addq	$8, %rsi
	addq	$8, %rdi
	subq	$8, %rcx
	jmp	2b
3:	testq	%rcx, %rcx
	jz	4f
	movb	(%rsi), %al
	movb	%al, (%rdi)
	incq	%rsi
	incq	%rdi
	decq	%rcx
	jmp	3b
hyp_guarded_end:
4:	xorl	%eax, %eax
	ret
hyp_guarded_fault:
	movl	$14, %eax
	ret
	.size	hyp_guarded_copy, .-hyp_guarded_copy

/* The signal handler returns here; the stack is as it made it. */
	.globl	hyp_fault_entry
	.type	hyp_fault_entry, @function
hyp_fault_entry:
	xorl	%ebp, %ebp
	call	hyp_fault_main
	ud2
	.size	hyp_fault_entry, .-hyp_fault_entry

#elif defined(__aarch64__)

	.text

	.globl	hyp_switch
	.type	hyp_switch, %function
	.balign	16
hyp_switch:
	sub	sp, sp, #160
	stp	x19, x20, [sp, #0]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x9, sp
	str	x9, [x0]
	ldr	x9, [x1]
	mov	sp, x9
	ldp	x19, x20, [sp, #0]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #160
	ret
	.size	hyp_switch, .-hyp_switch

/* Where a fiber starts: its thread is in x19. */
	.globl	hyp_fiber_entry
	.type	hyp_fiber_entry, %function
hyp_fiber_entry:
	mov	x29, #0
	mov	x0, x19
	bl	hyp_fiber_main
	brk	#0
	.size	hyp_fiber_entry, .-hyp_fiber_entry

	.globl	hyp_guarded_copy, hyp_guarded_start, hyp_guarded_end, hyp_guarded_fault
	.type	hyp_guarded_copy, %function
	.balign	16
hyp_guarded_copy:
hyp_guarded_start:
	cmp	x2, #16
	b.lo	2f
1:	ldp	x3, x4, [x1], #16
	stp	x3, x4, [x0], #16
	sub	x2, x2, #16
	cmp	x2, #16
	b.hs	1b
2:	cbz	x2, hyp_guarded_end
	ldrb	w3, [x1], #1
	strb	w3, [x0], #1
	sub	x2, x2, #1
	b	2b
hyp_guarded_end:
	mov	w0, #0
	ret
hyp_guarded_fault:
	mov	w0, #14
	ret
	.size	hyp_guarded_copy, .-hyp_guarded_copy

	.globl	hyp_fault_entry
	.type	hyp_fault_entry, %function
hyp_fault_entry:
	mov	x29, #0
	bl	hyp_fault_main
	brk	#0
	.size	hyp_fault_entry, .-hyp_fault_entry

#endif

	.section .note.GNU-stack, "", %progbits
