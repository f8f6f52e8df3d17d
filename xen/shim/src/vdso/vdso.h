/* The page that the shim shares with the code it gives to programs. */
#ifndef VDSO_H
#define VDSO_H

/* time since boot = (TSC - tsc_base) * tsc_scale >> VDSO_SCALE_BITS, in ns */
#define VDSO_SCALE_BITS 32

struct vdso_data {
	unsigned long tsc_base, tsc_scale;
	unsigned long wall_offset; /* to the time since 1970 */
};

extern struct vdso_data vdso_data;

#endif
