/*
 * Random numbers for the kernel's cprng_fast32, of which its TCP/IP draws some
 * 65,000 when it starts: a stream of ChaCha8 (Bernstein, "ChaCha, a variant of
 * Salsa20") whose key is the host's randomness, as NetBSD's own is, but one for
 * the kernel instead of one for each of its processors, and without binding
 * the thread to one.
 */
#include "rumpuser.h"

#include <string.h>

int rumpuser_getrandom(void *, size_t, int, size_t *);

#define ROUNDS 8

#define ROTATE(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define QUARTER(a, b, c, d) ( \
	(a) += (b), (d) = ROTATE((d) ^ (a), 16), (c) += (d), (b) = ROTATE((b) ^ (c), 12), \
	(a) += (b), (d) = ROTATE((d) ^ (a), 8), (c) += (d), (b) = ROTATE((b) ^ (c), 7))

static void
block(uint32_t out[16], const uint32_t key[8], uint64_t counter)
{
	uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }; /* "expand 32-byte k" */
	uint32_t x[16];

	memcpy(in + 4, key, 8 * sizeof *key);
	in[12] = (uint32_t)counter;
	in[13] = (uint32_t)(counter >> 32);
	memcpy(x, in, sizeof x);
	for (int i = 0; i < ROUNDS; i += 2) {
		QUARTER(x[0], x[4], x[8], x[12]);
		QUARTER(x[1], x[5], x[9], x[13]);
		QUARTER(x[2], x[6], x[10], x[14]);
		QUARTER(x[3], x[7], x[11], x[15]);
		QUARTER(x[0], x[5], x[10], x[15]);
		QUARTER(x[1], x[6], x[11], x[12]);
		QUARTER(x[2], x[7], x[8], x[13]);
		QUARTER(x[3], x[4], x[9], x[14]);
	}
	for (int i = 0; i < 16; i++)
		out[i] = x[i] + in[i];
}

/* Takes a key from the host, which may take its time: the lock is not held. */
static bool
seed(struct hyp_random *r)
{
	uint32_t key[8];
	size_t got;

	if (rumpuser_getrandom(key, sizeof key, 0, &got) != 0 || got != sizeof key)
		return false;
	hyp_lock(&r->lock);
	if (!atomic_load(&r->seeded)) {
		memcpy(r->key, key, sizeof key);
		atomic_store(&r->seeded, true);
	}
	hyp_unlock(&r->lock);
	return true;
}

/* Threads take a block at a time, which is theirs alone. */
uint32_t
hyp_cprng_fast32(void)
{
	struct hyp_thread *t = hyp_current();
	struct hyp_random *r = &t->kernel->random;
	uint64_t counter;

	if (t->nwords == 0) {
		if (!atomic_load(&r->seeded) && !seed(r))
			return t->kernel->orig.cprng_fast32(); /* which knows what to do without */
		counter = atomic_fetch_add(&r->counter, 1);
		block(t->words, r->key, counter);
		t->nwords = 16;
	}
	return t->words[16 - t->nwords--];
}
