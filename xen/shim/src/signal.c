/*
 * Signals: what is pending and what becomes of it, and the frames that
 * handlers run on (Linux, arch/x86/include/uapi/asm/{ucontext,sigcontext}.h
 * describe the layout).
 */
#include "signal.h"
#include "calls.h"
#include "thread.h"

#define SIG_DEFAULT 0
#define SIG_IGNORE 1
#define RED_ZONE 128 /* below %rsp, the program's (System V ABI, 3.2.2) */

enum action_flags {
	SA_RESTORER = 0x04000000,
	SA_ONSTACK = 0x08000000,
	SA_RESTART = 0x10000000,
	SA_NODEFER = 0x40000000,
	SA_RESETHAND = 0x80000000u,
};
enum { SS_ONSTACK = 1, SS_DISABLE = 2, MIN_STACK = 2048 };
enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

struct action {
	u64 handler, flags, restorer, mask;
};

struct stack {
	u64 sp;
	u32 flags, pad;
	u64 size;
};

struct context {
	u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	u16 cs, gs, fs, ss;
	u64 error, vector, old_mask, cr2;
	u64 xstate; /* address, or 0 */
	u64 reserved[8];
};

struct info {
	s32 signal, error, code, pad;
	union {
		u64 address;
		struct {
			s32 pid, uid;
		} sender;
	};
	u8 rest[104];
};
_Static_assert(sizeof(struct info) == 128, "siginfo_t");

struct frame {
	u64 restorer;
	u64 flags, link;
	struct stack stack;
	struct context context;
	u64 mask;
	struct info info;
};
_Static_assert(sizeof(struct frame) == 440, "struct rt_sigframe");

/* The last 48 bytes of the FXSAVE area, for who wants to know what follows. */
struct xstate_note {
	u32 magic, size;
	u64 features;
	u32 xstate_size, pad[7];
};
enum { XSTATE_NOTE = 464, XSTATE_MAGIC1 = 0x46505853, XSTATE_MAGIC2 = 0x46505845 };
enum { UC_XSTATE = 1, UC_SS = 2, UC_STRICT_SS = 4 };

static struct action actions[MAX_SIGNAL + 1];

static u64 bit(int signal)
{
	return 1ul << (signal - 1);
}

static const u64 unblockable = 1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1);

/* ---- dispositions */

static bool ignored(int signal)
{
	switch (signal) {
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
		return actions[signal].handler <= SIG_IGNORE;
	}
	return actions[signal].handler == SIG_IGNORE;
}

static bool dumps(int signal)
{
	return signal == SIGILL || signal == SIGTRAP || signal == SIGABRT || signal == SIGBUS || signal == SIGFPE ||
	       signal == SIGSEGV;
}

static NORETURN void die(int signal, u64 address)
{
	if (dumps(signal))
		die_of_signal(&current->regs, signal, address);
	print("shim: the program was ended by signal %d\n", signal);
	power_off(EXIT_SIGNAL + signal);
}

/* ---- frames */

static bool on_stack(const struct signals *s, u64 sp)
{
	return s->stack_size && sp > s->stack && sp - s->stack <= s->stack_size;
}

static u32 stack_state(const struct signals *s, u64 sp)
{
	return !s->stack_size ? SS_DISABLE : on_stack(s, sp) ? SS_ONSTACK : 0;
}

static void save_context(struct context *c, const struct regs *r)
{
	*c = (struct context){
		.r8 = r->r8, .r9 = r->r9, .r10 = r->r10, .r11 = r->r11, .r12 = r->r12, .r13 = r->r13, .r14 = r->r14,
		.r15 = r->r15, .rdi = r->rdi, .rsi = r->rsi, .rbp = r->rbp, .rbx = r->rbx, .rdx = r->rdx, .rax = r->rax,
		.rcx = r->rcx, .rsp = r->rsp, .rip = r->rip, .rflags = r->rflags, .cs = USER_CS, .ss = USER_DS,
		.error = r->error, .vector = r->vector,
	};
}

static void load_context(struct regs *r, const struct context *c)
{
	const u64 settable = 0xcd5 | FLAG_TRAP | FLAG_ALIGN; /* arithmetic, direction, TF, AC */

	*r = (struct regs){
		.r8 = c->r8, .r9 = c->r9, .r10 = c->r10, .r11 = c->r11, .r12 = c->r12, .r13 = c->r13, .r14 = c->r14,
		.r15 = c->r15, .rdi = c->rdi, .rsi = c->rsi, .rbp = c->rbp, .rbx = c->rbx, .rdx = c->rdx, .rax = c->rax,
		.rcx = c->rcx, .rsp = c->rsp, .rip = c->rip, .cs = USER_CS, .ss = USER_DS,
		.rflags = (c->rflags & settable) | FLAG_FIXED | FLAG_INTERRUPT,
	};
}

/* Extended state and its note, below sp, at a multiple of 64 as XRSTOR wants it. */
static s64 push_xstate(u64 *sp)
{
	static u8 area[PAGE_SIZE] ALIGNED(64);
	const u32 magic = XSTATE_MAGIC2;
	struct xstate_note *note = (struct xstate_note *)(area + XSTATE_NOTE);
	u32 size = xstate_size + sizeof(magic);

	xstate_save(area);
	*note = (struct xstate_note){
		.magic = XSTATE_MAGIC1, .size = size, .features = xstate_features(), .xstate_size = xstate_size};
	memcpy(area + xstate_size, &magic, sizeof(magic));
	*sp = (*sp - size) & ~63ul;
	return to_user(*sp, area, size);
}

/* Makes the current thread run the handler of a signal. */
static bool push_frame(int signal, int code, u64 address)
{
	struct thread *t = current;
	struct regs *r = &t->regs;
	const struct action *a = &actions[signal];
	/* What the program has when the handler returns. */
	u64 mask = t->signals.has_mask_before ? t->signals.mask_before : t->signals.mask;
	struct frame f = {.restorer = a->restorer, .flags = UC_XSTATE | UC_SS | UC_STRICT_SS, .mask = mask};
	u64 sp = r->rsp - RED_ZONE;

	if (a->flags & SA_ONSTACK && t->signals.stack_size && !on_stack(&t->signals, r->rsp))
		sp = t->signals.stack + t->signals.stack_size;
	f.stack = (struct stack){t->signals.stack, stack_state(&t->signals, r->rsp), 0, t->signals.stack_size};
	save_context(&f.context, r);
	f.context.cr2 = address;
	f.context.old_mask = mask;
	f.info = (struct info){.signal = signal, .code = code};
	if (code == SI_TKILL || code == SI_USER)
		f.info.sender.pid = 1;
	else
		f.info.address = address;

	if (push_xstate(&sp))
		return false;
	f.context.xstate = sp;
	sp = ((sp - sizeof(f)) & ~15ul) - 8; /* as after a call */
	if (to_user(sp, &f, sizeof(f)))
		return false;

	t->signals.has_mask_before = false;
	t->signals.mask |= (a->mask | (a->flags & SA_NODEFER ? 0 : bit(signal))) & ~unblockable;
	r->rdi = (u64)signal;
	r->rsi = sp + offsetof(struct frame, info);
	r->rdx = sp + offsetof(struct frame, flags);
	r->rax = 0;
	r->rip = a->handler;
	r->rsp = sp;
	r->rflags = FLAG_FIXED | FLAG_INTERRUPT;
	if (a->flags & SA_RESETHAND)
		actions[signal].handler = SIG_DEFAULT;
	return true;
}

static s64 pop_xstate(u64 addr)
{
	static u8 area[PAGE_SIZE] ALIGNED(64);

	if (from_user(area, addr, xstate_size))
		return -EFAULT;
	if (!xstate_valid(area))
		return -EINVAL;
	xstate_restore(area);
	return 0;
}

/* The frame is the program's memory: it may have changed all of it. */
s64 call_rt_sigreturn(const u64 *a)
{
	struct thread *t = current;
	struct frame f;

	(void)a;
	if (from_user(&f.flags, t->regs.rsp, sizeof(f) - sizeof(f.restorer)))
		die(SIGSEGV, t->regs.rsp);
	if (!user_range(f.context.rip, 1) || (f.context.xstate && pop_xstate(f.context.xstate)))
		die(SIGSEGV, f.context.rip);
	load_context(&t->regs, &f.context);
	t->signals.mask = f.mask & ~unblockable;
	return (s64)t->regs.rax;
}

/* ---- raising and delivering */

void signal_fault(int signal, int code, u64 address)
{
	if (actions[signal].handler <= SIG_IGNORE || current->signals.mask & bit(signal) || !push_frame(signal, code, address))
		die(signal, address);
}

void signal_send(struct thread *t, int signal)
{
	if (ignored(signal))
		return;
	t->signals.pending |= bit(signal);
	if (t->signals.mask & bit(signal))
		return;
	if (thread_is_waiting(t))
		thread_wake(t, INTERRUPTED);
	else
		thread_interrupt(t);
}

/* A call that a signal ended is made again, or ends with EINTR. */
static void end_interrupted_call(bool restart)
{
	struct regs *r = &current->regs;
	enum { SYSCALL_SIZE = 2 };

	if (!current->restart)
		return;
	current->restart = false;
	if (restart) {
		r->rip -= SYSCALL_SIZE;
		r->rax = current->call;
	} else {
		r->rax = (u64)-EINTR;
	}
}

void signal_deliver(void)
{
	struct signals *s = &current->signals;
	u64 due = s->pending & ~s->mask;

	if (!due) {
		end_interrupted_call(true);
		signal_end_mask_for_call();
		return;
	}
	for (int signal = 1; signal <= MAX_SIGNAL; signal++) {
		if (!(due & bit(signal)))
			continue;
		s->pending &= ~bit(signal);
		if (ignored(signal))
			continue;
		if (actions[signal].handler == SIG_DEFAULT)
			die(signal, 0);
		end_interrupted_call(actions[signal].flags & SA_RESTART);
		if (!push_frame(signal, SI_TKILL, 0))
			die(SIGSEGV, current->regs.rsp);
		return; /* the next one when this handler has returned */
	}
	end_interrupted_call(true);
	signal_end_mask_for_call();
}

/* ---- calls */

s64 call_rt_sigaction(const u64 *a)
{
	u64 signal = a[0], set = a[1], get = a[2];
	struct action new, old;

	if (!signal || signal > MAX_SIGNAL || (set && bit((int)signal) & unblockable) || a[3] != sizeof(u64))
		return -EINVAL;
	old = actions[signal];
	if (set && from_user(&new, set, sizeof(new)))
		return -EFAULT;
	if (get && to_user(get, &old, sizeof(old)))
		return -EFAULT;
	if (set)
		actions[signal] = new;
	return 0;
}

s64 call_rt_sigprocmask(const u64 *a)
{
	u64 how = a[0], set = a[1], get = a[2], mask, old = current->signals.mask;

	if (a[3] != sizeof(u64))
		return -EINVAL;
	if (set && from_user(&mask, set, sizeof(mask)))
		return -EFAULT;
	if (get && to_user(get, &old, sizeof(old)))
		return -EFAULT;
	if (!set)
		return 0;
	switch (how) {
	case SIG_BLOCK:
		mask |= old;
		break;
	case SIG_UNBLOCK:
		mask = old & ~mask;
		break;
	case SIG_SETMASK:
		break;
	default:
		return -EINVAL;
	}
	current->signals.mask = mask & ~unblockable;
	return 0;
}

s64 call_sigaltstack(const u64 *a)
{
	struct signals *s = &current->signals;
	struct stack new, old = {s->stack, stack_state(s, current->regs.rsp), 0, s->stack_size};

	if (a[0] && from_user(&new, a[0], sizeof(new)))
		return -EFAULT;
	if (a[1] && to_user(a[1], &old, sizeof(old)))
		return -EFAULT;
	if (!a[0])
		return 0;
	if (old.flags == SS_ONSTACK)
		return -EPERM;
	if (new.flags == SS_DISABLE) {
		s->stack = s->stack_size = 0;
		return 0;
	}
	if (new.flags)
		return -EINVAL;
	if (new.size < MIN_STACK)
		return -ENOMEM;
	s->stack = new.sp;
	s->stack_size = new.size;
	return 0;
}

s64 signal_mask_for_call(u64 addr, u64 size)
{
	struct signals *s = &current->signals;
	u64 mask;

	if (!addr)
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	if (from_user(&mask, addr, sizeof(mask)))
		return -EFAULT;
	s->mask_before = s->mask;
	s->has_mask_before = true;
	s->mask = mask & ~unblockable;
	return s->pending & ~s->mask ? -EINTR : 0;
}

void signal_end_mask_for_call(void)
{
	struct signals *s = &current->signals;

	if (s->has_mask_before)
		s->mask = s->mask_before;
	s->has_mask_before = false;
}

static s64 send(struct thread *t, u64 signal)
{
	if (signal > MAX_SIGNAL)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	if (signal)
		signal_send(t, (int)signal);
	return 0;
}

s64 call_tkill(const u64 *a)
{
	return send(thread_find((int)a[0]), a[1]);
}

s64 call_tgkill(const u64 *a)
{
	return send((int)a[0] == PID ? thread_find((int)a[1]) : NULL, a[2]);
}

/* To the process: whoever does not block it takes it. */
s64 call_kill(const u64 *a)
{
	struct thread *taker = current;

	if ((int)a[0] != PID && (int)a[0] != 0 && (int)a[0] != -1)
		return -ESRCH;
	for (u32 i = 0; i < MAX_THREADS && a[1] && a[1] <= MAX_SIGNAL; i++)
		if (thread_at(i) && !(thread_at(i)->signals.mask & bit((int)a[1]))) {
			taker = thread_at(i);
			break;
		}
	return send(taker, a[1]);
}
