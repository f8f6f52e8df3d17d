/*
 * Floating-point and vector registers: XSAVE, or FXSAVE where that is missing
 * (Intel SDM 1, chapter 13). The shim itself is compiled without them, so they
 * are moved only when threads change.
 */
#include "thread.h"

enum {
	LEAF1_ECX_XSAVE = 1 << 26,
	LEGACY_SIZE = 512,
	HEADER_SIZE = 64,
	OFFSET_FCW = 0,
	OFFSET_MXCSR = 24,
	OFFSET_MXCSR_MASK = 28,
	FCW_DEFAULT = 0x37f,
	MXCSR_DEFAULT = 0x1f80,
	MXCSR_MASK_DEFAULT = 0xffbf,
};

/* x87, SSE, AVX, AVX-512. AMX (8 KiB of tiles) is left off. */
#define SUPPORTED 0xe7ul

u32 xstate_size = LEGACY_SIZE;
static u64 features; /* 0: no XSAVE */
static u32 mxcsr_mask;

static u32 word(const u8 *area, u32 offset)
{
	return *(const u32 *)(area + offset);
}

void xstate_enable(void)
{
	u32 mxcsr = MXCSR_DEFAULT;

	if (features) {
		write_cr4(read_cr4() | CR4_OSXSAVE);
		asm volatile("xsetbv" : : "c"(0), "a"((u32)features), "d"((u32)(features >> 32)));
	}
	asm volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
}

void xstate_init(void)
{
	static u8 area[LEGACY_SIZE] ALIGNED(64);

	if (cpuid(1, 0).ecx & LEAF1_ECX_XSAVE)
		features = (cpuid(13, 0).eax | (u64)cpuid(13, 0).edx << 32) & SUPPORTED;
	xstate_enable();
	if (features)
		xstate_size = cpuid(13, 0).ebx; /* of what is enabled */
	if (xstate_size > MAX_XSTATE)
		panic("the processor's state of %u bytes does not fit beside a thread", xstate_size);
	asm volatile("fxsave64 %0" : "=m"(area));
	mxcsr_mask = word(area, OFFSET_MXCSR_MASK);
	if (!mxcsr_mask)
		mxcsr_mask = MXCSR_MASK_DEFAULT;
}

u64 xstate_features(void)
{
	return features;
}

/*
 * FNOP in front: where CR0.TS is set, XSAVE and XRSTOR must raise #NM, and a
 * hypervisor that switches this state lazily, as Xen does, then puts ours into
 * the processor. QEMU's emulation raises it for every other instruction that
 * touches the state, but not for these two: they would save or overwrite
 * another guest's registers. It looks for interrupts between blocks of
 * instructions only, so nothing comes between FNOP and what follows.
 */
void xstate_save(u8 *area)
{
	if (features)
		asm volatile("fnop; xsave64 (%0)" : : "r"(area), "a"((u32)features), "d"((u32)(features >> 32)) : "memory");
	else
		asm volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

void xstate_restore(const u8 *area)
{
	if (features)
		asm volatile("fnop; xrstor64 (%0)" : : "r"(area), "a"((u32)features), "d"((u32)(features >> 32)) : "memory");
	else
		asm volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

void xstate_reset(u8 *area)
{
	memset(area, 0, xstate_size);
	*(u16 *)(area + OFFSET_FCW) = FCW_DEFAULT;
	*(u32 *)(area + OFFSET_MXCSR) = MXCSR_DEFAULT;
}

/* The rules of XRSTOR: known features, standard form, a header that ends in zeros. */
bool xstate_valid(const u8 *area)
{
	const u64 *header = (const u64 *)(area + LEGACY_SIZE);

	if (word(area, OFFSET_MXCSR) & ~mxcsr_mask)
		return false;
	if (!features)
		return true;
	if (header[0] & ~features)
		return false;
	for (u32 i = 1; i < HEADER_SIZE / 8; i++)
		if (header[i])
			return false;
	return true;
}
