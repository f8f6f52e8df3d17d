/*
 * A kernel of the tests' own: it speaks the hypercalls of rumpuser(3) as
 * NetBSD's does, and has nothing behind them.
 */
typedef unsigned long size;
struct mtx; struct cv; struct rw; struct lwp;

extern int rumpuser_init(int, const void *);
extern int rumpuser_malloc(size, int, void **);
extern void rumpuser_free(void *, size);
extern int rumpuser_getparam(const char *, void *, size);
extern int rumpuser_clock_sleep(int, long, long);
extern int rumpuser_clock_gettime(int, long *, long *);
extern int rumpuser_thread_create(void *(*)(void *), void *, const char *, int, int, int, void **);
extern void rumpuser_thread_exit(void);
extern int rumpuser_thread_join(void *);
extern void rumpuser_mutex_init(struct mtx **, int);
extern void rumpuser_mutex_enter(struct mtx *);
extern int rumpuser_mutex_tryenter(struct mtx *);
extern void rumpuser_mutex_exit(struct mtx *);
extern void rumpuser_mutex_destroy(struct mtx *);
extern void rumpuser_mutex_owner(struct mtx *, struct lwp **);
extern void rumpuser_rw_init(struct rw **);
extern void rumpuser_rw_enter(int, struct rw *);
extern int rumpuser_rw_tryenter(int, struct rw *);
extern int rumpuser_rw_tryupgrade(struct rw *);
extern void rumpuser_rw_downgrade(struct rw *);
extern void rumpuser_rw_exit(struct rw *);
extern void rumpuser_rw_held(int, struct rw *, int *);
extern void rumpuser_cv_init(struct cv **);
extern void rumpuser_cv_wait(struct cv *, struct mtx *);
extern int rumpuser_cv_timedwait(struct cv *, struct mtx *, long, long);
extern void rumpuser_cv_signal(struct cv *);
extern void rumpuser_cv_broadcast(struct cv *);
extern void rumpuser_cv_has_waiters(struct cv *, int *);
extern void rumpuser_curlwpop(int, struct lwp *);
extern struct lwp *rumpuser_curlwp(void);
extern void rumpuser_dprintf(const char *, ...);
extern void rumpuser_putchar(int);
extern void rumpuser_exit(int);
extern int rumpuser_getrandom(void *, size, int, size *);
extern int rumpuser_open(const char *, int, int *);
extern int nobody_has_this(void);

enum { ADAPTIVE = 2, SPIN = 3, READER = 0, WRITER = 1, RELATIVE = 0, MONOTONIC = 1 };

static void schedule(void) {}
static int unscheduled;
static void unschedule(int n, int *count, void *lock) { (void)n, (void)lock; *count = 0; unscheduled++; }
static void reschedule(int n, void *lock) { (void)n, (void)lock; }
static int newlwp(int pid) { rumpuser_curlwpop(2, (struct lwp *)(size)(1000 + pid)); return 0; }
static const void *upcalls[21] = { schedule, schedule, unschedule, reschedule, 0, schedule, 0, newlwp };

int rump_init(void) { return rumpuser_init(17, upcalls); }
int wrong_revision(void) { return rumpuser_init(16, upcalls); }

int rump_syscall(int num, void *args, size len, long *ret)
{
	ret[0] = num + *(long *)args;
	ret[1] = (long)rumpuser_curlwp();
	return len == 64 ? 0 : 22;
}

/* Threads that count under a lock, some of them asleep while they have it. */

enum { THREADS = 6, ROUNDS = 300 };

static struct mtx *mutex;
static struct rw *rwlock;
static long counter, inside;

static void *count(void *arg)
{
	rumpuser_curlwpop(2, arg);
	for (int i = 0; i < ROUNDS; i++) {
		struct lwp *owner;

		rumpuser_mutex_enter(mutex);
		rumpuser_mutex_owner(mutex, &owner);
		if (inside++ != 0 || owner != arg)
			counter = -1000000;
		counter++;
		if (i % 100 == 0)
			rumpuser_clock_sleep(RELATIVE, 0, 200000);
		inside--;
		rumpuser_mutex_exit(mutex);
	}
	return 0;
}

static int with_threads(void *(*fn)(void *))
{
	void *cookie[THREADS];

	counter = inside = 0;
	for (int i = 0; i < THREADS; i++)
		if (rumpuser_thread_create(fn, (void *)(size)(i + 1), "count", 1, 0, -1, &cookie[i]) != 0)
			return -1;
	fn((void *)(size)99); /* the caller takes part */
	for (int i = 0; i < THREADS; i++)
		rumpuser_thread_join(cookie[i]);
	return counter;
}

int test_mutex(int flags)
{
	int n;

	rumpuser_mutex_init(&mutex, flags);
	n = with_threads(count);
	rumpuser_mutex_destroy(mutex);
	return n;
}

static void *read_and_write(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		int held;

		rumpuser_rw_enter(i % 4 == 0 ? WRITER : READER, rwlock);
		if (i % 4 == 0) {
			rumpuser_rw_held(WRITER, rwlock, &held);
			if (!held || __atomic_add_fetch(&inside, 1000, __ATOMIC_SEQ_CST) != 1000)
				__atomic_store_n(&counter, -1000000, __ATOMIC_SEQ_CST);
			counter++;
			if (i % 100 == 0)
				rumpuser_clock_sleep(RELATIVE, 0, 200000);
			__atomic_sub_fetch(&inside, 1000, __ATOMIC_SEQ_CST);
			if (i % 8 == 0) {
				rumpuser_rw_downgrade(rwlock);
				rumpuser_rw_held(WRITER, rwlock, &held);
				if (held)
					__atomic_store_n(&counter, -1000000, __ATOMIC_SEQ_CST);
			}
		} else {
			if (__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) >= 1000)
				__atomic_store_n(&counter, -1000000, __ATOMIC_SEQ_CST);
			__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
		}
		rumpuser_rw_exit(rwlock);
	}
	return arg;
}

int test_rw(void)
{
	rumpuser_rw_init(&rwlock);
	return with_threads(read_and_write);
}

int test_rw_rules(void)
{
	struct rw *rw;
	int bad = 0;

	rumpuser_rw_init(&rw);
	rumpuser_rw_enter(READER, rw);
	bad |= rumpuser_rw_tryenter(WRITER, rw) != 16 ? 1 : 0;
	bad |= rumpuser_rw_tryenter(READER, rw) != 0 ? 2 : 0;
	bad |= rumpuser_rw_tryupgrade(rw) != 16 ? 4 : 0;
	rumpuser_rw_exit(rw);
	bad |= rumpuser_rw_tryupgrade(rw) != 0 ? 8 : 0;
	bad |= rumpuser_rw_tryenter(READER, rw) != 16 ? 16 : 0;
	rumpuser_rw_exit(rw);
	bad |= rumpuser_rw_tryenter(WRITER, rw) != 0 ? 32 : 0;
	return bad;
}

/* A ball that goes round: each thread waits for its turn. */

static struct cv *turned;
static int turn;

static void *play(void *arg)
{
	int me = (size)arg;

	for (int i = 0; i < 50; i++) {
		rumpuser_mutex_enter(mutex);
		while (turn != me)
			rumpuser_cv_wait(turned, mutex);
		turn = (turn + 1) % 4;
		counter++;
		rumpuser_cv_broadcast(turned);
		rumpuser_mutex_exit(mutex);
	}
	return 0;
}

int test_cv(void)
{
	void *cookie[4];
	int waiters;

	counter = turn = 0;
	rumpuser_mutex_init(&mutex, ADAPTIVE);
	rumpuser_cv_init(&turned);
	for (int i = 1; i < 4; i++)
		rumpuser_thread_create(play, (void *)(size)i, "play", 1, 0, -1, &cookie[i]);
	play(0);
	for (int i = 1; i < 4; i++)
		rumpuser_thread_join(cookie[i]);
	rumpuser_cv_has_waiters(turned, &waiters);
	return waiters != 0 ? -1 : counter;
}

/* How long a wait for nothing takes, in microseconds; negative: it did not
 * say that it timed out. */
int test_timedwait(long nsec)
{
	long s0, n0, s1, n1;
	int error;

	rumpuser_mutex_init(&mutex, ADAPTIVE);
	rumpuser_cv_init(&turned);
	rumpuser_mutex_enter(mutex);
	rumpuser_clock_gettime(MONOTONIC, &s0, &n0);
	error = rumpuser_cv_timedwait(turned, mutex, 0, nsec);
	rumpuser_clock_gettime(MONOTONIC, &s1, &n1);
	rumpuser_mutex_exit(mutex);
	return (error == 60 ? 1 : -1) * ((s1 - s0) * 1000000 + (n1 - n0) / 1000);
}

/* While a thread waits for the host to open a file, another one runs, and so
 * does the caller. Returns before the file is open. */
static void *wait_for_host(void *arg)
{
	int fd;

	rumpuser_open("slow", 0, &fd);
	return arg;
}

static void *make_known(void *arg)
{
	rumpuser_mutex_enter(mutex);
	counter = 1;
	rumpuser_cv_signal(turned);
	rumpuser_mutex_exit(mutex);
	return arg;
}

int test_slow_host(void)
{
	counter = 0;
	rumpuser_mutex_init(&mutex, ADAPTIVE);
	rumpuser_cv_init(&turned);
	for (int i = 0; i < 3; i++)
		rumpuser_thread_create(wait_for_host, 0, "slow", 0, 0, -1, 0);
	rumpuser_clock_sleep(RELATIVE, 0, 10000000); /* they are run meanwhile */
	rumpuser_thread_create(make_known, 0, "known", 0, 0, -1, 0);
	rumpuser_mutex_enter(mutex);
	while (!counter)
		rumpuser_cv_wait(turned, mutex);
	rumpuser_mutex_exit(mutex);
	return counter;
}

int test_wait_for_ever(void)
{
	rumpuser_mutex_init(&mutex, ADAPTIVE);
	rumpuser_cv_init(&turned);
	rumpuser_mutex_enter(mutex);
	for (;;)
		rumpuser_cv_wait(turned, mutex);
}

/* Takes memory of many sizes, marks it, and looks at the marks. */
int test_memory(int rounds)
{
	enum { KEPT = 64 };
	static struct { unsigned char *p; size n; } kept[KEPT];
	unsigned long r = 12345;

	for (int i = 0; i < rounds; i++) {
		int k = (r = r * 6364136223846793005ul + 1442695040888963407ul) >> 33 & (KEPT - 1);

		if (kept[k].p) {
			for (size j = 0; j < kept[k].n; j += 512)
				if (kept[k].p[j] != (unsigned char)k)
					return -1;
			rumpuser_free(kept[k].p, kept[k].n);
		}
		kept[k].n = 1 + ((r >> 40) & 0xffff);
		int align = 1 << ((r >> 56) & 15);
		void *p;
		if (rumpuser_malloc(kept[k].n, align, &p) != 0)
			return -2;
		if ((size)p & (align - 1))
			return -3;
		kept[k].p = p;
		for (size j = 0; j < kept[k].n; j += 512)
			kept[k].p[j] = k;
	}
	for (int k = 0; k < KEPT; k++)
		if (kept[k].p)
			rumpuser_free(kept[k].p, kept[k].n);
	return 0;
}

/* The error of asking for more than there is. */
int test_memory_limit(size n) { void *p; return rumpuser_malloc(n, 1, &p); }

int test_console(void)
{
	rumpuser_dprintf("%d bottles of %s\nhalf", 99, "beer");
	for (const char *s = " a line\n"; *s; s++)
		rumpuser_putchar(*s);
	return 0;
}

int test_param(void *buf, size n) { return rumpuser_getparam("COLOUR", buf, n); }
int test_random(void) { char b[64]; size got = 0; return rumpuser_getrandom(b, sizeof b, 0, &got) ? -1 : (int)got; }
extern unsigned rumpns_cprng_fast32(void);
int test_fast_random(unsigned *out, size n) { while (n-- > 0) *out++ = rumpns_cprng_fast32(); return 0; }
int test_exit(int status) { rumpuser_exit(status); return 0; }
int test_missing(void) { return nobody_has_this(); }
int test_fault(volatile int *p) { return *p; }
static int deep(volatile char *p) { char b[4096]; b[0] = *p; return deep(b) + b[1]; }
static void *overflow(void *arg) { deep(arg); return 0; }
int test_overflow(void) { char c = 0; rumpuser_thread_create(overflow, &c, "deep", 0, 0, -1, 0); return test_wait_for_ever(); }

/* How often the thread left its virtual CPU while it took a spin mutex n times
 * in a row, with another one held or not. */
int test_spin_loop(int n, int held)
{
	struct mtx *m, *other;
	int before = unscheduled;

	rumpuser_mutex_init(&m, SPIN);
	rumpuser_mutex_init(&other, SPIN);
	if (held)
		rumpuser_mutex_enter_nowrap(other);
	while (n-- > 0) {
		rumpuser_mutex_enter_nowrap(m);
		rumpuser_mutex_exit(m);
	}
	if (held)
		rumpuser_mutex_exit(other);
	rumpuser_mutex_destroy(m);
	rumpuser_mutex_destroy(other);
	return unscheduled - before;
}
