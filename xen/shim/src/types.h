/* The C dialect of the shim: fixed-width integers and a few helpers. */
#ifndef TYPES_H
#define TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long s64;
typedef unsigned __int128 u128;

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul
#define PAGE_MASK (~(PAGE_SIZE - 1))

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PACKED __attribute__((packed))
#define ALIGNED(n) __attribute__((aligned(n)))
#define NORETURN __attribute__((noreturn))
#define FORMAT(f, a) __attribute__((format(printf, f, a)))

static inline u64 page_down(u64 x) { return x & PAGE_MASK; }
static inline u64 page_up(u64 x) { return (x + PAGE_SIZE - 1) & PAGE_MASK; }
static inline u64 min(u64 a, u64 b) { return a < b ? a : b; }
static inline u64 max(u64 a, u64 b) { return a > b ? a : b; }

/* mem.c */
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
bool streq(const char *a, const char *b);
bool starts_with(const char *s, const char *prefix);
/* Copies src with its NUL, cut to fit size; false where it was cut. */
bool strcopy(char *dst, const char *src, size_t size);

#endif
