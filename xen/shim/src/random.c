/*
 * Random bytes: ChaCha20 (RFC 8439) under a key from the processor's RDSEED or
 * RDRAND, or from the host, who passes anykernel.seed=<64 hexadecimal digits>.
 * Where there is none of these, the host is asked for one through virtio-rng.
 * Each request replaces the key, so that old output cannot be found from it.
 */
#include "shim.h"

enum { KEY_WORDS = 8, BLOCK_WORDS = 16, SEED_DIGITS = KEY_WORDS * 8 };
enum { LEAF1_ECX_RDRAND = 1 << 30, LEAF7_EBX_RDSEED = 1 << 18 };
enum { TRIES = 100 };

static u32 key[KEY_WORDS];

static u32 rotate(u32 v, u32 n)
{
	return v << n | v >> (32 - n);
}

static void quarter(u32 *s, u32 a, u32 b, u32 c, u32 d)
{
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 16);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 12);
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 8);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 7);
}

static void block(u32 out[BLOCK_WORDS], const u32 k[KEY_WORDS], u64 counter)
{
	u32 in[BLOCK_WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

	memcpy(&in[4], k, KEY_WORDS * sizeof(u32));
	memcpy(&in[12], &counter, sizeof(counter));
	memcpy(out, in, sizeof(in));
	for (u32 i = 0; i < 10; i++) {
		quarter(out, 0, 4, 8, 12);
		quarter(out, 1, 5, 9, 13);
		quarter(out, 2, 6, 10, 14);
		quarter(out, 3, 7, 11, 15);
		quarter(out, 0, 5, 10, 15);
		quarter(out, 1, 6, 11, 12);
		quarter(out, 2, 7, 8, 13);
		quarter(out, 3, 4, 9, 14);
	}
	for (u32 i = 0; i < BLOCK_WORDS; i++)
		out[i] += in[i];
}

/* The first half of block 0 is the next key; blocks from 1 are the output. */
void random_bytes(void *p, u64 n)
{
	u32 next[BLOCK_WORDS], out[BLOCK_WORDS];
	u8 *dst = p;

	block(next, key, 0);
	for (u64 i = 1; n; i++) {
		u64 piece = min(n, sizeof(out));

		block(out, key, i);
		memcpy(dst, out, piece);
		dst += piece;
		n -= piece;
	}
	memcpy(key, next, sizeof(key));
}

static bool rdrand(u64 *v)
{
	bool ok;

	asm volatile("rdrand %0" : "=r"(*v), "=@ccc"(ok));
	return ok;
}

static bool rdseed(u64 *v)
{
	bool ok;

	asm volatile("rdseed %0" : "=r"(*v), "=@ccc"(ok));
	return ok;
}

static bool mix(bool (*source)(u64 *))
{
	for (u32 i = 0; i < KEY_WORDS; i += 2) {
		u32 try = 0;
		u64 v;

		while (!source(&v))
			if (++try == TRIES)
				return false;
		key[i] ^= (u32)v;
		key[i + 1] ^= (u32)(v >> 32);
	}
	return true;
}

static s32 hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool mix_host_seed(void)
{
	char seed[SEED_DIGITS + 2];

	if (!param("anykernel.seed", seed, sizeof(seed)))
		return false;
	if (strlen(seed) != SEED_DIGITS)
		refuse("anykernel.seed has to be %d hexadecimal digits", SEED_DIGITS);
	for (u32 i = 0; i < SEED_DIGITS; i++) {
		s32 d = hex_digit(seed[i]);

		if (d < 0)
			refuse("anykernel.seed has to be %d hexadecimal digits", SEED_DIGITS);
		key[i / 8] ^= (u32)d << 4 * (i % 8);
	}
	return true;
}

static bool mix_virtio_seed(void)
{
	u32 seed[KEY_WORDS];

	if (!virtio_rng_read(seed, sizeof(seed)))
		return false;
	for (u32 i = 0; i < KEY_WORDS; i++)
		key[i] ^= seed[i];
	memset(seed, 0, sizeof(seed));
	return true;
}

void random_init(void)
{
	bool seeded = mix_host_seed();

	if (cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & LEAF7_EBX_RDSEED)
		seeded |= mix(rdseed);
	if (cpuid(1, 0).ecx & LEAF1_ECX_RDRAND)
		seeded |= mix(rdrand);
	if (!seeded)
		seeded = mix_virtio_seed();
	if (!seeded)
		refuse("no source of randomness: give the processor RDRAND or the guest a virtio-rng, or pass anykernel.seed");
}
