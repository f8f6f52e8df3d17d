/*
 * Translations that processors remember (Intel SDM 3A, 4.10.4 and 4.10.5). A
 * page is somebody else's only when no processor can reach it by an old one.
 *
 * Each flush is a generation of the page tables. Processors that run the
 * program are interrupted and waited for; they, and those that wait for the
 * lock, answer without it. One that is idle catches up when it next takes the
 * lock, before it touches the program's memory.
 */
#include "shim.h"

enum { BATCH = 512 };

u64 tlb_generation;
static bool outdated;      /* other processors may know what has changed since */
static void *batch[BATCH]; /* to be freed by the next flush */
static u32 batched;

void tlb_drop(u64 va)
{
	invlpg(va);
	outdated = cpu_count > 1;
}

void tlb_free(void *page)
{
	if (cpu_count == 1) {
		pages_free(page, 0);
		return;
	}
	if (batched == BATCH)
		tlb_flush();
	batch[batched++] = page;
	outdated = true;
}

static bool has_to_answer(const struct cpu *c)
{
	return c != this_cpu() && !c->idle;
}

static void shoot_down(void)
{
	u64 now = tlb_generation + 1;

	__atomic_store_n(&tlb_generation, now, __ATOMIC_SEQ_CST);
	this_cpu()->tlb_generation = now; /* by tlb_drop */
	for (u32 i = 0; i < cpu_count; i++)
		if (has_to_answer(&cpus[i]))
			apic_interrupt(cpus[i].apic_id, VECTOR_FLUSH);
	for (u32 i = 0; i < cpu_count; i++)
		while (has_to_answer(&cpus[i]) && __atomic_load_n(&cpus[i].tlb_generation, __ATOMIC_ACQUIRE) != now)
			asm volatile("pause");
}

void tlb_flush(void)
{
	if (!outdated)
		return;
	outdated = false;
	shoot_down();
	while (batched)
		pages_free(batch[--batched], 0);
}
