/* Mapping the vdso into the program: its data page, then its code. */
#include "shim.h"
#include "vdso/vdso.h"

extern u8 vdso_image[], vdso_image_end[];

static u64 base;

static void place(u64 va, const u8 *page)
{
	if (vm_place(va, (u64)page - SHIM_BASE, PTE_BORROWED))
		panic("no memory for the vdso");
}

void vdso_init(void)
{
	u64 size = (u64)(vdso_image_end - vdso_image);
	u64 data = vm_find(PAGE_SIZE + size, PAGE_SIZE);

	base = data + PAGE_SIZE;
	if (vm_map(data, base, PROT_READ, REGION_FIXED) || vm_map(base, base + size, PROT_READ | PROT_EXEC, REGION_FIXED))
		panic("no room for the vdso");
	place(data, (const u8 *)&vdso_data);
	for (u64 i = 0; i < size; i += PAGE_SIZE)
		place(base + i, vdso_image + i);
}

u64 vdso_base(void)
{
	return base;
}
