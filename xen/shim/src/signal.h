/* Signals: numbers, codes and the frame, as Linux has them on x86-64 (signal(7), sigaction(2)). */
#ifndef SIGNAL_H
#define SIGNAL_H

#include "shim.h"

enum signal {
	SIGILL = 4,
	SIGTRAP = 5,
	SIGABRT = 6,
	SIGBUS = 7,
	SIGFPE = 8,
	SIGKILL = 9,
	SIGSEGV = 11,
	SIGPIPE = 13,
	SIGCHLD = 17,
	SIGCONT = 18,
	SIGSTOP = 19,
	SIGURG = 23,
	SIGWINCH = 28,
	MAX_SIGNAL = 64,
};

enum signal_code {
	SI_KERNEL = 128,
	SI_USER = 0,
	SI_TKILL = -6,
	SEGV_MAPERR = 1,
	SEGV_ACCERR = 2,
	FPE_INTDIV = 1,
	FPE_FLTINV = 7,
	ILL_ILLOPN = 2,
	BUS_ADRALN = 1,
	BUS_ADRERR = 2,
};

/* The current thread did something that the processor refuses. */
void signal_fault(int signal, int code, u64 address);
/* Makes a signal pending, and ends the wait of its thread. */
struct thread;
void signal_send(struct thread *t, int signal);
/*
 * A mask for the time of a call that waits, as ppoll(2) has; addr 0: none. It
 * ends with the call: at once, or, where a signal ended that, with its handler.
 */
s64 signal_mask_for_call(u64 addr, u64 size);
void signal_end_mask_for_call(void);
/* Before the current thread goes on: runs a handler for what is pending. */
void signal_deliver(void);

#endif
