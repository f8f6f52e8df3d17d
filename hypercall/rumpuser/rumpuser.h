/*
 * The C side of this package: threads, locks, memory and clock for the
 * kernels in this process. See doc.go for how it fits together.
 */
#ifndef ANYKERNEL_RUMPUSER_H
#define ANYKERNEL_RUMPUSER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>

/* The revision of rumpuser(3) that is answered. */
#define HYP_REVISION 17

/* NetBSD's error numbers that this side answers with. */
enum { NB_EINTR = 4, NB_ENXIO = 6, NB_ENOMEM = 12, NB_EFAULT = 14, NB_EBUSY = 16, NB_EINVAL = 22, NB_EDEADLK = 11,
	NB_EOPNOTSUPP = 45, NB_ENETRESET = 52, NB_ENOBUFS = 55, NB_ETIMEDOUT = 60, NB_ENAMETOOLONG = 63, NB_ENOSYS = 78 };

struct lwp;
struct hyp_kernel;
struct hyp_thread;

/* What a kernel gives its host at rumpuser_init, by rumpuser(3). */
struct hyp_upcalls {
	void (*schedule)(void);
	void (*unschedule)(void);
	void (*backend_unschedule)(int, int *, void *);
	void (*backend_schedule)(int, void *);
	void (*lwproc_switch)(struct lwp *);
	void (*lwproc_release)(void);
	int (*lwproc_rfork)(void *, int, const char *);
	int (*lwproc_newlwp)(int32_t);
	struct lwp *(*lwproc_curlwp)(void);
	int (*syscall)(int, void *, long *);
	void (*lwpexit)(void);
	void (*execnotify)(const char *);
	int32_t (*getpid)(void);
	void *extra[8];
};

/* A lock for a few instructions; never held across a switch of threads. */
struct hyp_lock { _Atomic uint32_t word; };

/* Threads that wait, first come first. */
struct hyp_queue {
	struct hyp_lock lock; /* stays valid after the queue was freed: see memory.c */
	struct hyp_thread *head, *tail;
};

struct hyp_context { void *sp; };

/* Where a waiting thread is between asking and being answered. */
enum hyp_wait { HYP_NOT_WAITING, HYP_WAITING, HYP_WOKEN, HYP_GAVE_UP };

/* Whether a fiber runs. Notified: it was woken before it had stopped. */
enum hyp_run { HYP_RUNNING, HYP_PARKED, HYP_NOTIFIED };

/* A system call of several. */
struct hyp_batch {
	uintptr_t num, args[8];
	long ret[2], error;
};

/*
 * A thread inside a kernel. It is a caller, which borrows a thread of the
 * host for each entry, or a fiber, a thread of the kernel's own with its own
 * stack, run by whoever has time: a carrier or a caller that waits or leaves.
 */
struct hyp_thread {
	struct lwp *lwp; /* first: it is the kernel's only thread-local variable */
	struct hyp_kernel *kernel;
	struct hyp_thread *outer; /* callers: what the host's thread was in before */
	void *exit[5];            /* callers: where a dead kernel's caller goes */
	uintptr_t args[8];        /* of a system call, written by Go */
	long ret[2];
	bool user;                /* callers: a system call, with user memory in this process */
	uintptr_t guest;          /* callers: the process's memory is elsewhere; see guest.c */
	uintptr_t area, area_end; /* of a guest's call: the memory that came with it */
	uintptr_t touched;        /* the end of what the kernel wrote there */
	bool interruptible;       /* the kernel said so, by the sleep it chose */
	bool in_sleepq;           /* the same, of sleepq_block alone */
	bool catching;            /* this wait is such a sleep */
	bool cut_short;           /* the last such sleep was ended by hyp_interrupt */
	_Atomic bool interrupted;

	_Atomic uint32_t wait;  /* enum hyp_wait */
	_Atomic uint32_t futex; /* callers: 1 while the host's thread sleeps */
	_Atomic(struct hyp_queue *) queue; /* changed under the queue's lock */
	struct hyp_thread *next, *prev;
	bool writer; /* waits to write */

	uint32_t number; /* within its kernel, in the order of their making */
	const char *wait_for; /* what it waits for, while it waits */

	int nspins;            /* spin mutexes that it has */
	const void *last_spin; /* the last that it took */
	int in_a_row;          /* so often, and no other between: see lock.c */

	uint32_t words[16]; /* random ones, the last nwords of them not yet used: see random.c */
	int nwords;

	struct hyp_thread *parked_next, *parked_prev; /* callers, under kernel->lock */
	bool parked;

	/* fibers */
	bool fiber, finished, joinable;
	bool call; /* a caller's entry, in a kernel whose threads take turns: see turns.c */
	uintptr_t entry; /* what is called: the number of a system call, or a function */
	long result;
	_Atomic uint32_t run; /* enum hyp_run */
	struct hyp_context context, *runner;
	void (*request)(void *); /* to be called on the runner's stack */
	void *request_arg;
	struct hyp_thread *ready_next, *all_next;
	struct hyp_thread *timer_next;
	int64_t deadline; /* nanoseconds of the monotonic clock */
	bool timed;
	void *(*start)(void *);
	void *start_arg;
	char *stack, *stack_top;
	struct hyp_queue joiners;
	char name[32];
};

/* How a kernel ended. */
enum hyp_end { HYP_ALIVE, HYP_EXITED, HYP_PANICKED, HYP_FAULTED, HYP_EXHAUSTED };

/* What in a kernel's hypercalls Go wants to see. */
enum hyp_hooks { HYP_HOOK_CLOCK = 1, HYP_HOOK_MEMORY = 2, HYP_HOOK_THREADS = 4 };

struct hyp_page { uint32_t len, next, prev; bool free; };

#define HYP_BINS 64

struct hyp_arena {
	struct hyp_lock lock;
	char *base;
	size_t size, mapped;
	uint32_t npages, frontier;
	struct hyp_page *pages;
	uint32_t bins[HYP_BINS];
	void *cells; /* free cells of locks */
	size_t used, peak;
};

/* What a kernel's own functions are taken the place of by ours; see
 * fault.c, interrupt.c, random.c and net.c. */
struct hyp_originals {
	int (*copyin)(const void *, void *, size_t);
	int (*copyout)(const void *, void *, size_t);
	int (*copyinstr)(const void *, void *, size_t, size_t *);
	int (*copyoutstr)(const void *, void *, size_t, size_t *);
	int (*cv_wait_sig)(void *, void *);
	int (*cv_timedwait_sig)(void *, void *, int);
	int (*cv_timedwait)(void *, void *, int);
	int (*sleepq_block)(int, bool, void *);
	int (*kpause)(const char *, bool, int, void *);
	int (*tsleep)(void *, int, const char *, int);
	int (*mtsleep)(void *, int, const char *, int, void *);
	uint32_t (*cprng_fast32)(void);
	int (*ether_ioctl)(void *, unsigned long, void *);
	int (*ifioctl_common)(void *, unsigned long, void *);
	int (*ifq_enqueue)(void *, void *, void *); /* the last of some versions only */
	void *(*m_defrag)(void *, int);
	void (*m_freem)(void *);
};

/* What the loader knows of a kernel that the kernel asks for. */
struct hyp_linkset { void **start, **end; };

/* A kernel whose threads take turns: see turns.c. */
struct hyp_turns {
	bool on;
	uint64_t random;     /* the state of what it draws from */
	uint32_t preempt;    /* how likely a lock is a turn's end, of 2^32 */
	int64_t now;         /* its time, nanoseconds */
	int64_t epoch;       /* the time of day at 0 */
	uint64_t trace;      /* a hash over what happened */
	uint64_t count;      /* turns so far */
	uint32_t ncalls;     /* callers that were made */
	char *stacks, *stacks_end; /* where the next stack goes; NULL: anywhere */
};

/* A stream of random numbers: see random.c. */
struct hyp_random {
	struct hyp_lock lock;
	_Atomic bool seeded; /* key does not change any more */
	uint32_t key[8];
	_Atomic uint64_t counter;
};

/* Somebody who waits for a file to change. */
struct hyp_watch {
	struct hyp_queue queue;
	uint64_t changes, seen;
};

#define HYP_WATCHES 16

/* So many files of the host may be read without asking Go. */
#define HYP_DIRECT 32

/* Threads of the host that wait for fibers: see errand.c. */
#define HYP_RUNNERS 8

struct hyp_errands {
	pthread_mutex_t lock;
	pthread_cond_t come;
	struct hyp_errand *first, **last;
	int nrunners, idle;
	bool over;
};

struct hyp_kernel {
	uintptr_t handle; /* of the Go side */
	struct hyp_upcalls up;
	int (*syscall)(int, void *, size_t, long *);
	struct hyp_originals orig;
	struct hyp_linkset *components, *modules;
	size_t ncomponents, nmodules;
	uintptr_t deliver; /* the kernel's function that takes a packet */
	uint32_t hooks;
	int ncpu;
	struct hyp_turns turns;
	struct hyp_random random;
	_Atomic int end; /* enum hyp_end */
	int status;      /* of exit */
	int fault_signal;
	uintptr_t fault_addr, fault_pc;
	char missing[64]; /* the function that was called and that nobody has */

	struct hyp_lock lock; /* guards what follows, up to the carriers */
	struct hyp_thread *ready, *ready_last;
	struct hyp_thread *parked;
	struct hyp_thread *timers;
	struct hyp_thread *fibers;
	int64_t carrier_deadline;
	_Atomic int nready;
	_Atomic uint32_t carrier_futex;
	_Atomic uint64_t calls; /* counted loosely: only whether it moves matters */
	uint64_t calls_seen;
	int idle_ticks;
	int nthreads;

	int ncarriers;
	struct hyp_errands errands;

	struct hyp_arena arena;

	struct hyp_watch watches[HYP_WATCHES];
	int nwatches;

	int direct[HYP_DIRECT]; /* by number: the host's descriptor and 1, 0 for none */

	int starving; /* how often in a row the kernel found no memory to free */
	int64_t starved; /* when it did last */
	struct hyp_lock console;
	char line[256];
	size_t line_len;
};

/* thread.c */
extern _Thread_local struct hyp_thread *hyp_self __attribute__((tls_model("initial-exec")));
struct hyp_thread *hyp_current(void);
int64_t hyp_now(struct hyp_kernel *);
void hyp_lock(struct hyp_lock *);
void hyp_unlock(struct hyp_lock *);
void hyp_enqueue(struct hyp_queue *, struct hyp_thread *);
int hyp_park(struct hyp_queue *, int64_t deadline, bool catch);
struct hyp_thread *hyp_dequeue(struct hyp_queue *);
void hyp_unpark(struct hyp_thread *);
void hyp_run_ready(struct hyp_kernel *, int);
void hyp_ready(struct hyp_thread *);
void hyp_run_fiber(struct hyp_thread *);
void hyp_yield(struct hyp_thread *);
int hyp_stack_init(struct hyp_thread *);
void hyp_stack_free(struct hyp_thread *);
int64_t hyp_expire_timers(struct hyp_kernel *);
void hyp_kick(struct hyp_kernel *);
void hyp_host_call(void (*)(void *), void *);
void hyp_host_thread(struct hyp_kernel *, const char *, void (*)(struct hyp_kernel *));
void hyp_host_thread_run(struct hyp_kernel *, const char *, uintptr_t);
void hyp_end(struct hyp_kernel *, enum hyp_end, int status);
_Noreturn void hyp_die(struct hyp_thread *);
_Noreturn void hyp_fiber_main(struct hyp_thread *);
_Noreturn void rumpuser_thread_exit(void);
void hyp_threads_free(struct hyp_kernel *);
#define HYP_NEVER INT64_MAX

/* errand.c */
void hyp_errands_init(struct hyp_errands *);
void hyp_errands_end(struct hyp_errands *);
void hyp_errands_free(struct hyp_errands *);
void hyp_host_wait(void (*)(void *), void *);

/* turns.c */
struct hyp_thread *hyp_draw_ready(struct hyp_kernel *);
uint32_t hyp_draw(struct hyp_kernel *, uint32_t n);
void hyp_pause_slowly(struct hyp_thread *);
void hyp_turns_init(struct hyp_kernel *, uint64_t seed, uint32_t preempt, int64_t epoch, char *stacks, char *stacks_end);
struct hyp_thread *hyp_take_turns(struct hyp_kernel *, int n);
void hyp_begin_syscall(struct hyp_thread *, uintptr_t num);
void hyp_begin(struct hyp_thread *, uintptr_t fn);
void hyp_go_on(struct hyp_thread *);
size_t hyp_describe(struct hyp_kernel *, char *buf, size_t len);

/* Notes something that happened, in the hash of all that did. */
static inline void
hyp_note(struct hyp_kernel *k, uint64_t what)
{
	uint64_t h = (k->turns.trace ^ what) * 0x9e3779b97f4a7c15u;

	k->turns.trace = h ^ (h >> 29);
}

void hyp_note_bytes(struct hyp_kernel *, const void *, size_t);

/* A place where a thread's turn may end though it need not wait. */
static inline void
hyp_pause(struct hyp_thread *t)
{
	if (__builtin_expect(t->kernel->turns.preempt != 0, 0))
		hyp_pause_slowly(t);
}

/* switch.S */
void hyp_switch(struct hyp_context *from, struct hyp_context *to);
void hyp_fiber_entry(void);
int hyp_guarded_copy(void *dst, const void *src, size_t n);
extern char hyp_guarded_start[], hyp_guarded_end[], hyp_guarded_fault[];
void hyp_fault_entry(void);
void *hyp_tls_get_addr(void *);

/* memory.c */
int hyp_arena_init(struct hyp_arena *, size_t, uintptr_t base);
void hyp_arena_free(struct hyp_arena *);
void *hyp_cell(struct hyp_kernel *);
void hyp_cell_free(struct hyp_kernel *, void *);
#define HYP_CELL 64

/* lock.c, where others need it */
static inline int hyp_leave_cpu(struct hyp_kernel *k)
{
	int nlocks;

	k->up.backend_unschedule(0, &nlocks, NULL);
	return nlocks;
}

static inline void hyp_enter_cpu(struct hyp_kernel *k, int nlocks)
{
	k->up.backend_schedule(nlocks, NULL);
}

/* entry.c: what Go calls */
struct hyp_kernel *hyp_kernel_new(uintptr_t handle, size_t memory, int ncpu, uint32_t hooks, uintptr_t base);
void hyp_kernel_leave(struct hyp_kernel *);
void hyp_kernel_free(struct hyp_kernel *);
struct hyp_thread *hyp_thread_alloc(struct hyp_kernel *);
void hyp_thread_free(struct hyp_thread *);
long hyp_invoke(struct hyp_thread *, uintptr_t fn);
int hyp_syscall(uintptr_t thread, uintptr_t num);
int hyp_syscalls(uintptr_t, struct hyp_batch *, uintptr_t);
void *hyp_debug_register(const void *, size_t);
void hyp_debug_unregister(void *);
long hyp_newlwp(uintptr_t pid);
long hyp_biodone(uintptr_t done, uintptr_t arg, size_t n, int error);
long hyp_deliver(uintptr_t fn, uintptr_t sc, uintptr_t iov, size_t n);
long hyp_call(struct hyp_thread *, uintptr_t fn);
void hyp_interrupt(struct hyp_thread *);
void hyp_kill(struct hyp_kernel *, int end);
void hyp_changed(struct hyp_kernel *, int watch);
void hyp_trap(const char *);
#define HYP_DEAD (-1000000)

/* fault.c */
int hyp_catch_faults(void);

/* guest.c */
long hyp_rfork(uintptr_t guest, uintptr_t flags, uintptr_t name);
long hyp_exec(uintptr_t name);

/* symbols.c */
struct hyp_symbol { const char *name; void *addr; };
const struct hyp_symbol *hyp_symbol_table(void);
extern const size_t hyp_nsymbols;

#endif
