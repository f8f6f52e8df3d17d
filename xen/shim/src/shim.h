/*
 * What each file offers the others, in the order of start-up. Everything runs
 * with interrupts off, on the one stack of its processor, and under the one lock
 * of the shim (percpu.h), if not said otherwise.
 */
#ifndef SHIM_H
#define SHIM_H

#include "cpu.h"
#include "errno.h"
#include "percpu.h"

/* print.c: %s %c %d %u %lu %x %lx; no widths. */
void print(const char *format, ...) FORMAT(1, 2);

/* panic.c */
struct thread;
/* Says why the shim itself cannot go on, shows the processor, and ends. */
NORETURN void panic(const char *format, ...) FORMAT(1, 2);
NORETURN void panic_at(const struct regs *r, const char *reason);
/* Shows a program that dies of a signal, and ends with 128 + signal. */
NORETURN void die_of_signal(const struct regs *r, int signal, u64 address);
NORETURN void die_out_of_memory(void);
/* For what the person who starts the guest can put right: no dump. */
NORETURN void refuse(const char *format, ...) FORMAT(1, 2);

/* exit.c: the guest's status, to whoever runs it. */
enum exit_status {
	EXIT_STUCK = 124,   /* nothing could wake the program any more */
	EXIT_REFUSED = 125, /* the shim could not start the program */
	EXIT_PANIC = 126,   /* the shim itself failed */
	EXIT_SIGNAL = 128,  /* and the signal's number */
};
NORETURN void power_off(int status);
/* What Xen is told then. -EINVAL: no such reason. */
s64 power_off_as(u64 reason);

/* console.c */
void console_init(void);
void console_init_xen(void);
void console_resume(void);
/* Asks for console_input when something is typed. */
void console_listen(void);
void console_write(const char *s, u64 n);
/* Takes what was typed, at most n bytes; 0: nothing yet. */
u64 console_read(char *s, u64 n);
bool console_readable(void);
/* Whether something can be typed. */
bool console_has_input(void);
/* An interrupt of the console: takes what was typed into its buffer. */
void console_input(void);

/* params.c: what the boot loader passed. */
struct range {
	u64 start, end;
};
enum { MAX_RANGES = 64, MAX_COMMAND_LINE = 4096 };
struct boot {
	struct range ram[MAX_RANGES]; /* usable memory above 1 MiB */
	u32 ram_count;
	struct range module; /* empty: none */
	char command_line[MAX_COMMAND_LINE];
};
extern struct boot boot;
void params_init(void);
bool overlaps_ram(u64 start, u64 end);
/* Puts what the image says in front of what the boot loader said. */
void params_prepend(const char *command_line, u64 n);
/*
 * The next word at or after *at (which moves behind it), as Linux splits its
 * command line: at spaces outside of double quotes, which are dropped. False
 * at the end; word is cut to fit.
 */
bool params_next(const char **at, char *word, u64 size);
/* The value of the last NAME=VALUE; NULL where there is none. */
const char *param(const char *name, char *value, u64 size);

/* pages.c: physical memory, by pages of 4 KiB. */
enum { MAX_ORDER = 10, MAX_RESERVED = 3 }; /* blocks of up to 4 MiB */
/* Takes over all RAM but what is reserved. */
void pages_init(const struct range *reserved, u32 count);
/* 2^order pages in a row, as their address in the direct map; NULL: none. */
void *pages_alloc(u32 order);
void pages_free(void *p, u32 order);
void *page_alloc_zeroed(void);
u64 pages_available(void);
static inline u64 physical(const void *direct) { return (u64)direct - DIRECT_BASE; }
static inline void *direct(u64 pa) { return (void *)(pa + DIRECT_BASE); }

/* paging.c */
enum {
	PTE_PRESENT = 1 << 0,
	PTE_WRITE = 1 << 1,
	PTE_USER = 1 << 2,
	PTE_UNCACHED = 1 << 4,
	PTE_HUGE = 1 << 7,
	PTE_GLOBAL = 1 << 8,
	PTE_BORROWED = 1 << 9, /* not ours to free: the payload's, a device's, shared */
	PTE_HIDDEN = 1 << 10,  /* not present now, but the page is kept */
};
#define PTE_NX (1ul << 63)
#define PTE_ADDRESS 0x000ffffffffff000ul
/* Maps all RAM and the shim. There are no pages yet: tables come from the start of room, which moves up. */
void paging_init(struct range *room);
/* The physical address of the tables. */
u64 paging_root(void);
/* Maps what is not RAM for the shim: device registers, Xen's pages. It stays mapped. */
void *map_physical(u64 pa, u64 size, u64 pte_bits);
/* The entry of a page of the program; made where there is none. NULL: out of memory. */
u64 *pte_make(u64 va);
/* The first entry in use at or after *va and below end; *va moves there. NULL: none. */
u64 *pte_next(u64 *va, u64 end);
/* Gives back page tables that are wholly in the range and empty. */
void paging_prune(u64 start, u64 end);

/* user.c: the program's memory. All give 0 or -EFAULT, if not said otherwise. */
bool user_range(u64 addr, u64 size);
s64 from_user(void *dst, u64 src, u64 n);
s64 to_user(u64 dst, const void *src, u64 n);
/* The length without NUL; -ENAMETOOLONG where it does not end in size bytes. */
s64 string_from_user(char *dst, u64 src, u64 size);

/* vm.c: the program's address space. */
enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4 };
enum region_kind {
	REGION_MEMORY, /* zeroed when first touched */
	REGION_FIXED,  /* mapped as a whole: no page comes or goes */
	REGION_OBJECT, /* pages of a memory object, which others may map, too */
};
struct object;
void vm_init(void);
s64 vm_map(u64 start, u64 end, u8 prot, u8 kind);
/* Maps an object from offset on, which has to be a multiple of a page. */
s64 vm_map_object(u64 start, u64 end, u8 prot, struct object *o, u64 offset);
/* Lets go of an object's pages in that range, wherever they are mapped. */
void vm_forget(const struct object *o, u64 start, u64 end);
s64 vm_unmap(u64 start, u64 end);
s64 vm_protect(u64 start, u64 end, u8 prot);
/* Gives pages back; they read as zero afterwards. */
s64 vm_discard(u64 start, u64 end);
bool vm_is_free(u64 start, u64 end);
/* The highest free range of that size; 0: none. */
u64 vm_find(u64 size, u64 align);
/* Puts one page of physical memory at va, inside a region. */
s64 vm_place(u64 va, u64 pa, u64 pte_bits);
/* Answers a page fault, or says why the program may not go on. */
enum fault { FAULT_PRESENT = 1, FAULT_WRITE = 2, FAULT_USER = 4, FAULT_FETCH = 16 };
enum fault_answer {
	FAULT_DONE,
	FAULT_UNMAPPED, /* no region holds addr */
	FAULT_DENIED,   /* one does, and does not allow it */
	FAULT_BEYOND,   /* the object that is mapped there ends before */
};
enum fault_answer vm_fault(u64 addr, u64 error);
bool vm_is_mapped(u64 addr);

/* trap.c */
void trap_init(void);
/* On each processor: where exceptions, interrupts and calls arrive. */
void trap_load(void);

/* apic.c */
void apic_init(void);
/* On each processor. */
void apic_enable(void);
u32 apic_id(void);
/* Interrupts another processor. */
void apic_interrupt(u32 id, u8 vector);
/* Resets all other processors; lets them begin in a page below 1 MiB. */
void apic_init_others(void);
void apic_start_others(u8 page);
void apic_end_of_interrupt(void);
/* One-shot, in ticks of the bus clock; 0 stops it. */
void apic_timer(u32 ticks);
u32 apic_timer_left(void);
/* Sends a line of the I/O APIC to a vector; -EINVAL where there is no such line. */
s64 ioapic_route(u32 line, u8 vector);

/* clock.c: nanoseconds since the shim was entered. */
void clock_init(void);
u64 clock_now(void);
/* Goes on from a time, on a processor whose TSC may be another. */
void clock_resume(u64 time);
u64 clock_wall_offset(void);
/* Asks for an interrupt of this processor at a time, or earlier; NEVER: for none. */
#define NEVER (~0ul)
void clock_interrupt_at(u64 time);
/* The timer's interrupt came. */
void clock_interrupted(void);

/* pvclock.c */
bool pvclock_init(u64 *tsc_khz, u64 *wall);

/* rtc.c: seconds since 1970; 0: there is no clock. */
u64 rtc_read(void);

/* virtio_rng.c: bytes of the host's; false: there is no such device, or it gives none. */
bool virtio_rng_read(void *p, u64 n);

/* random.c */
void random_init(void);
void random_bytes(void *p, u64 n);

/* vdso.c */
void vdso_init(void);
u64 vdso_base(void);

/* watchdog.c: the program is seen to get on. */
void watchdog_progress(void);

/* irq.c: interrupts of devices, as eventfds. */
struct file;
s64 irq_bind(s64 line, struct file *f, u8 *vector); /* line -1: message signalled */
s64 irq_bind_upcall(struct file *f);
s64 irq_bind_console(u32 line);
void irq_unbind(u8 vector);
bool irq_is_bound(u8 vector);
/* A vector of VECTOR_FIRST and above came. */
void irq_raise(u8 vector);

/* payload.c: what was joined to the shim, or came as a module. */
struct payload {
	struct range memory; /* physical; empty: none */
	const u8 *archive;   /* cpio */
	u64 archive_size;
	const u8 *program; /* where it is no archive, an ELF file alone */
	u64 program_size;
	const char *command_line;
	u64 command_line_size;
};
extern struct payload payload;
/* Where it is; before paging_init, so it is not checked yet. */
struct range payload_memory(void);
void payload_init(void);

/* start.c */
extern u64 start_info, boot_tsc;
extern u8 shim_start[], shim_text_end[], shim_rodata_end[], shim_end[];
extern bool verbose;

/* elf.c */
struct program {
	u64 entry, phdr, phdr_size, phdr_count;
	u64 end; /* of the highest segment: where brk starts */
};
struct program elf_load(const u8 *image, u64 size);

/* stack.c: arguments, environment and auxiliary vector; gives the stack pointer. */
u64 stack_build(const struct program *p);

#endif
