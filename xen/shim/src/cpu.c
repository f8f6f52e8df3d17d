/* Features of the processor that protect the shim from the program. */
#include "cpu.h"

bool has_smap;

enum {
	LEAF7_EBX_SMEP = 1 << 7,
	LEAF7_EBX_SMAP = 1 << 20,
	LEAF7_ECX_UMIP = 1 << 2,
};

void cpu_init(void)
{
	u64 cr4 = read_cr4();
	struct cpuid seven = {0};

	if (cpuid(0, 0).eax >= 7)
		seven = cpuid(7, 0);
	if (seven.ebx & LEAF7_EBX_SMEP)
		cr4 |= CR4_SMEP;
	if (seven.ecx & LEAF7_ECX_UMIP)
		cr4 |= CR4_UMIP;
	if (seven.ebx & LEAF7_EBX_SMAP) {
		cr4 |= CR4_SMAP;
		has_smap = true;
	}
	write_cr4(cr4);
}
