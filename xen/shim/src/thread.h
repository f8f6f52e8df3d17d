/* Threads, and how they wait. */
#ifndef THREAD_H
#define THREAD_H

#include "shim.h"

enum { MAX_THREADS = 1024 };

struct thread;

/* Threads in the order they came. A thread is in one queue at most. */
struct queue {
	struct thread *first, *last;
};

/* Why a thread that waited runs again. */
enum wake { WOKEN, TIMED_OUT, INTERRUPTED };

/*
 * What a call that waited returns. It is asked in the thread's own turn, and
 * finds the call's arguments in its registers. Besides a result it may give
 * WAIT_ON, or RESTART: the call is made again after the signal's handler,
 * where that has SA_RESTART.
 */
typedef s64 (*finish_fn)(struct thread *t, enum wake why);
enum { WAIT_ON = -1000, RESTART = -1001 };

/* A way to wait. */
struct wait {
	finish_fn finish;
	/* Whether it may be ended from outside of the program; NULL: never. */
	bool (*from_outside)(const struct thread *t);
	/* Prints what is awaited. */
	void (*describe)(const struct thread *t);
};

struct signals {
	u64 mask, pending;
	u64 mask_before; /* of a call that waits with a mask of its own */
	bool has_mask_before;
	u64 stack, stack_size; /* sigaltstack(2) */
	u32 stack_flags;
};

struct thread {
	struct regs regs; /* first: the processor pushes here */
	struct queue *queue;
	struct thread *prev, *next;
	bool sleeping;                   /* among those with a deadline */
	struct thread *earlier, *later;
	u64 deadline;
	const struct wait *wait; /* NULL: not in a call that waits */
	enum wake why;
	bool restart;   /* finish gave RESTART */
	u64 key;        /* futex: the word's address */
	u32 bits;       /* futex: those it is woken for */
	u32 call;       /* number of the last call */
	u64 progress;   /* write(2): what is written already */
	int tid;
	u64 fs_base;
	u64 clear_tid;  /* set_tid_address(2) */
	struct signals signals;
	u8 xstate[] ALIGNED(64);
};
/* The rest of a page is for the processor's extended state. */
enum { MAX_XSTATE = PAGE_SIZE - sizeof(struct thread) };

/* All who wait for a descriptor. There are few, and each looks for itself. */
extern struct queue descriptor_waiters;

void threads_init(void);
u32 thread_count(void);
struct thread *thread_find(int tid);
struct thread *thread_at(u32 slot); /* for walking all; NULL: empty */
/* A copy of the current thread that waits for its first turn; NULL: table or memory is full. */
struct thread *thread_clone(void);
struct thread *thread_first(void);
NORETURN void thread_start(struct thread *t);
void thread_exit(void);
void thread_set_fs(struct thread *t, u64 base);

/* Lets the current thread wait in q (NULL: for time alone). */
void thread_wait(struct queue *q, u64 deadline, const struct wait *wait);
bool thread_is_waiting(const struct thread *t);
/* Lets a thread that runs on another processor come by schedule(). */
void thread_interrupt(const struct thread *t);
void thread_wake(struct thread *t, enum wake why);
void thread_wake_all(struct queue *q);
/* Moves a waiting thread to the end of another queue. */
void thread_requeue(struct thread *t, struct queue *q);
void thread_yield(void);
/* The registers to go on with: those of the current thread, or of the next. */
struct regs *schedule(void);
/* The timer came: wakes those whose time is up. */
void threads_timer(void);
/* Whether time will wake a thread. */
bool threads_sleep(void);

/* watchdog.c: waiting for an interrupt, while there is hope of one. */
void watchdog_init(void);
void watchdog_idle(void);

/* xstate.c */
void xstate_init(void);
/* On each processor. */
void xstate_enable(void);
extern u32 xstate_size;
void xstate_save(u8 *area);
void xstate_restore(const u8 *area);
void xstate_reset(u8 *area);
/* Whether a program may have this state: restoring it would not fault. */
bool xstate_valid(const u8 *area);
u64 xstate_features(void);

#endif
