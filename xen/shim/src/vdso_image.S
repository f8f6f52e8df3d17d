/* The built vdso and its data page, page by page: both are mapped into the program. */
	.section .rodata
	.align 4096
	.globl vdso_image, vdso_image_end
vdso_image:
	.incbin "vdso.so"
	.align 4096
vdso_image_end:

	.section .data
	.align 4096
	.globl vdso_data
vdso_data:
	.skip 4096

	.section .note.GNU-stack, "", @progbits
