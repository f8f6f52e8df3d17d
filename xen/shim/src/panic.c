/* The crash dump: registers, the stack, and who was running. */
#include "shim.h"
#include "thread.h"

static void dump_registers(const struct regs *r)
{
	print("  rip %lx  rsp %lx  flags %lx  cs %lx  error %lx  cr2 %lx\n",
	      r->rip, r->rsp, r->rflags, r->cs, r->error, read_cr2());
	print("  rax %lx  rbx %lx  rcx %lx  rdx %lx\n", r->rax, r->rbx, r->rcx, r->rdx);
	print("  rsi %lx  rdi %lx  rbp %lx  r8  %lx\n", r->rsi, r->rdi, r->rbp, r->r8);
	print("  r9  %lx  r10 %lx  r11 %lx  r12 %lx\n", r->r9, r->r10, r->r11, r->r12);
	print("  r13 %lx  r14 %lx  r15 %lx\n", r->r13, r->r14, r->r15);
}

/* Addresses on the stack that could be returned to, for the symbol table. */
static void dump_program_stack(u64 sp)
{
	enum { WORDS = 32 };
	u64 words[WORDS];
	u32 n = WORDS;

	while (n && from_user(words, sp, n * sizeof(u64)))
		n--;
	print("  stack");
	for (u32 i = 0; i < n; i++)
		print("%s%lx", i % 8 ? " " : "\n    ", words[i]);
	print("\n");
}

/* By frame pointers; the shim is compiled with them. */
static void dump_shim_stack(const u64 *frame)
{
	const struct cpu *c = this_cpu();

	print("  shim calls");
	while ((u64)frame >= stack_guard_of(c->number) && (u64)frame + 16 <= c->stack && ((u64)frame & 7) == 0) {
		const u64 *next = (const u64 *)frame[0];

		print(" %lx", frame[1]);
		if (next <= frame)
			break;
		frame = next;
	}
	print("\n");
}

static void dump_thread(void)
{
	if (current)
		print("  thread %d of %u, processor %u of %u, %lu KiB of memory free\n", current->tid, thread_count(),
		      this_cpu()->number, cpu_count, pages_available() * 4);
}

NORETURN void panic_at(const struct regs *r, const char *reason)
{
	static bool again;

	if (!again) {
		again = true;
		print(r ? "\nshim: %s\n" : "%s\n", reason);
		if (r)
			dump_registers(r);
		dump_thread();
		dump_shim_stack(r ? (const u64 *)r->rbp : __builtin_frame_address(0));
	}
	power_off(EXIT_PANIC);
}

NORETURN void die_of_signal(const struct regs *r, int signal, u64 address)
{
	print("\nshim: the program died of signal %d, vector %lu, address %lx\n", signal, r->vector, address);
	dump_registers(r);
	dump_thread();
	dump_program_stack(r->rsp);
	power_off(EXIT_SIGNAL + signal);
}

NORETURN void die_out_of_memory(void)
{
	enum { SIGKILL = 9 };

	print("\nshim: out of memory: the program needs more than the guest has\n");
	dump_thread();
	power_off(EXIT_SIGNAL + SIGKILL);
}
