/* From the PVH entry to the program, in order. */
#include "calls.h"
#include "files.h"
#include "descriptor.h"
#include "thread.h"
#include "xen.h"

bool verbose;

static struct range shim_memory(void)
{
	return (struct range){SHIM_LOAD, (u64)shim_end - SHIM_BASE};
}

/* The largest piece of the first GiB, all that boot.S has mapped, clear of what is in use. */
static struct range find_room(const struct range *reserved, u32 count)
{
	struct range best = {0, 0};

	for (u32 i = 0; i < boot.ram_count; i++) {
		struct range r = {boot.ram[i].start, min(boot.ram[i].end, 0x40000000)};

		for (u32 k = 0; k < count; k++) {
			if (r.start >= reserved[k].end || r.end <= reserved[k].start)
				continue;
			if (reserved[k].start - min(r.start, reserved[k].start) > r.end - min(r.end, reserved[k].end))
				r.end = page_down(reserved[k].start);
			else
				r.start = page_up(reserved[k].end);
		}
		if (r.end > r.start && r.end - r.start > best.end - best.start)
			best = r;
	}
	return best;
}

static void memory_init(void)
{
	struct range in_use[2] = {shim_memory(), payload_memory()}, room = find_room(in_use, COUNT(in_use));
	struct range taken = room;

	paging_init(&room);
	taken.end = room.start;
	pages_init((struct range[]){in_use[0], in_use[1], taken}, 3);
}

NORETURN void start(void)
{
	struct program p;
	struct thread *t;

	percpu_init(0);
	this_cpu()->has_lock = true; /* lock.c */
	xen_detect();
	console_init();
	params_init();
	memory_init();
	cpu_init();
	percpu_load();
	trap_init();
	apic_init();
	if (xen_present()) {
		xen_init();
		console_init_xen();
	}
	payload_init();
	verbose = param("anykernel.verbose", (char[8]){0}, 8) != NULL;
	watchdog_init();
	clock_init();
	random_init();
	threads_init();
	vm_init();
	files_init();
	descriptors_init();
	console_listen();
	smp_init();
	if (verbose)
		print("shim: %s, %u processors, %lu KiB of memory free, %lu us since entry\n",
		      xen_present() ? "Xen" : "no Xen", cpu_count, pages_available() * 4, clock_now() / 1000);

	const struct node *program = node_program();

	if (!program)
		refuse("the image has no /init");
	p = elf_load(program->data, program->size);
	brk_init(p.end);
	vdso_init();
	t = thread_first();
	t->regs.rip = p.entry;
	t->regs.rsp = stack_build(&p);
	thread_start(t);
}
