/*
 * A seed from virtio's entropy device, where the host offers one over MMIO
 * (Virtual I/O Device 1.2, sections 4.2 and 5.4). Registers are where the
 * command line says, in the form of Linux's driver:
 * virtio_mmio.device=SIZE@BASE:LINE.
 *
 * The device is reset before and after: it interrupts nobody, and is not in the
 * way of the program's drivers.
 */
#include "shim.h"

enum registers { /* 4.2.2 */
	REG_MAGIC = 0x000,
	REG_VERSION = 0x004,
	REG_DEVICE = 0x008,
	REG_FEATURES = 0x010,
	REG_FEATURES_WORD = 0x014,
	REG_ACCEPTED = 0x020,
	REG_ACCEPTED_WORD = 0x024,
	REG_QUEUE = 0x030,
	REG_QUEUE_MAX = 0x034,
	REG_QUEUE_SIZE = 0x038,
	REG_QUEUE_READY = 0x044,
	REG_NOTIFY = 0x050,
	REG_STATUS = 0x070,
	REG_DESCRIPTORS = 0x080,
	REG_DRIVER_RING = 0x090,
	REG_DEVICE_RING = 0x0a0,
	REG_SIZE = 0x100,
};
enum { MAGIC = 0x74726976, VERSION = 2, DEVICE_ENTROPY = 4 };
enum status { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 }; /* 2.1 */
enum { FEATURE_VERSION_1 = 1, DESCRIPTOR_WRITE = 2, NO_INTERRUPT = 1 };
enum { MAX_BYTES = 256, PATIENCE_NS = 2000000000 };

/* A split virtqueue (2.7) with one descriptor, and what that points to. */
struct queue_page {
	struct {
		u64 address;
		u32 size;
		u16 flags, next;
	} descriptor;
	struct {
		u16 flags, index, ring[1];
	} driver;
	struct {
		u16 flags, index;
		struct {
			u32 id, size;
		} ring[1];
	} device ALIGNED(4);
	u8 bytes[MAX_BYTES];
};

static volatile u8 *registers;

static u32 get(u32 reg) { return *(volatile u32 *)(registers + reg); }
static void set(u32 reg, u32 v) { *(volatile u32 *)(registers + reg) = v; }

static void set_address(u32 reg, volatile void *p)
{
	u64 pa = physical((const void *)p);

	set(reg, (u32)pa);
	set(reg + 4, (u32)(pa >> 32));
}

/* 3.1.1: from reset to a device that knows its queue. */
static bool start(volatile struct queue_page *q)
{
	set(REG_STATUS, 0);
	set(REG_STATUS, ACKNOWLEDGE);
	set(REG_STATUS, ACKNOWLEDGE | DRIVER);
	set(REG_FEATURES_WORD, 1);
	if (!(get(REG_FEATURES) & FEATURE_VERSION_1))
		return false;
	set(REG_ACCEPTED_WORD, 0);
	set(REG_ACCEPTED, 0);
	set(REG_ACCEPTED_WORD, 1);
	set(REG_ACCEPTED, FEATURE_VERSION_1);
	set(REG_STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
	set(REG_QUEUE, 0);
	if (!(get(REG_STATUS) & FEATURES_OK) || !get(REG_QUEUE_MAX))
		return false;
	set(REG_QUEUE_SIZE, COUNT(q->driver.ring));
	set_address(REG_DESCRIPTORS, &q->descriptor);
	set_address(REG_DRIVER_RING, &q->driver);
	set_address(REG_DEVICE_RING, &q->device);
	set(REG_QUEUE_READY, 1);
	set(REG_STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
	return true;
}

/* Asks once; how many bytes came. A device may give fewer than it was asked for. */
static u64 request(volatile struct queue_page *q, u64 n, u64 deadline)
{
	u16 seen = q->device.index;

	q->descriptor.address = physical((const void *)q->bytes);
	q->descriptor.size = (u32)n;
	q->descriptor.flags = DESCRIPTOR_WRITE;
	q->driver.flags = NO_INTERRUPT;
	q->driver.ring[0] = 0;
	asm volatile("mfence" : : : "memory"); /* 2.7.13: the ring before its index, and that before the notice */
	q->driver.index++;
	asm volatile("mfence" : : : "memory");
	set(REG_NOTIFY, 0);
	while (q->device.index == seen)
		if (clock_now() > deadline)
			return 0;
		else
			asm volatile("pause");
	asm volatile("" : : : "memory");
	return min(q->device.ring[0].size, n);
}

static bool read_all(u8 *dst, u64 n)
{
	volatile struct queue_page *q = page_alloc_zeroed();
	u64 done = 0, deadline = clock_now() + PATIENCE_NS;

	if (!q)
		return false;
	if (start(q))
		while (done < n) {
			u64 got = request(q, min(n - done, MAX_BYTES), deadline);

			if (!got)
				break;
			memcpy(dst + done, (const void *)q->bytes, got);
			done += got;
		}
	set(REG_STATUS, 0);
	if (done < n)
		print("shim: the virtio-rng at 0x%lx gives nothing\n", (u64)registers - DEVICE_BASE);
	pages_free(memset((void *)q, 0, PAGE_SIZE), 0); /* the seed was in it */
	return done == n;
}

static bool is_entropy(u64 pa)
{
	registers = map_physical(pa, REG_SIZE, PTE_UNCACHED);
	return get(REG_MAGIC) == MAGIC && get(REG_VERSION) == VERSION && get(REG_DEVICE) == DEVICE_ENTROPY;
}

static s32 digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* BASE of SIZE@BASE:LINE, which is hexadecimal; 0: it is not written like that. */
static u64 base_of(const char *value)
{
	u64 base = 0;

	while (*value && *value != '@')
		value++;
	if (!starts_with(value, "@0x"))
		return 0;
	for (value += 3; digit(*value) >= 0; value++)
		base = base << 4 | (u64)digit(*value);
	return *value == ':' && base % 4 == 0 && base < PTE_ADDRESS ? base : 0;
}

bool virtio_rng_read(void *p, u64 n)
{
	static const char name[] = "virtio_mmio.device=";
	static char word[MAX_COMMAND_LINE];
	const char *at = boot.command_line;

	while (params_next(&at, word, sizeof(word)) && !streq(word, "--")) {
		u64 base = starts_with(word, name) ? base_of(word + sizeof(name) - 1) : 0;

		if (base && !overlaps_ram(base, base + REG_SIZE) && is_entropy(base) && read_all(p, n))
			return true;
	}
	return false;
}
