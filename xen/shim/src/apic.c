/*
 * The local APIC's timer and end of interrupt, and the I/O APIC's lines (Intel
 * SDM 3A, chapter 10; 82093AA data sheet). xAPIC mode: registers in memory.
 */
#include "shim.h"

#define APIC_ADDRESS 0xfee00000
#define IOAPIC_ADDRESS 0xfec00000

enum {
	APIC_ID = 0x20, /* bits 24-31 */
	APIC_VERSION = 0x30,
	APIC_TASK_PRIORITY = 0x80,
	APIC_EOI = 0xb0,
	APIC_SPURIOUS = 0xf0,
	APIC_COMMAND = 0x300,
	APIC_COMMAND_TO = 0x310, /* bits 24-31 */
	APIC_LVT_TIMER = 0x320,
	APIC_TIMER_INITIAL = 0x380,
	APIC_TIMER_CURRENT = 0x390,
	APIC_TIMER_DIVIDE = 0x3e0,

	SPURIOUS_ENABLE = 1 << 8,
	DIVIDE_BY_1 = 0xb,
	BASE_ENABLE = 1 << 11,
};

enum command { /* 10.6.1 */
	COMMAND_INIT = 5 << 8,
	COMMAND_START = 6 << 8,
	COMMAND_PENDING = 1 << 12,
	COMMAND_ASSERT = 1 << 14,
	COMMAND_OTHERS = 3 << 18,
};

enum {
	IOAPIC_SELECT = 0x00,
	IOAPIC_WINDOW = 0x10,
	IOAPIC_VERSION = 1, /* bits 16-23: the highest line */
	IOAPIC_LINES = 0x10,
	LINE_MASKED = 1 << 16,
};

static volatile u8 *apic, *ioapic;

static u32 apic_read(u32 reg) { return *(volatile u32 *)(apic + reg); }
static void apic_write(u32 reg, u32 v) { *(volatile u32 *)(apic + reg) = v; }

static u32 ioapic_read(u32 reg)
{
	*(volatile u32 *)(ioapic + IOAPIC_SELECT) = reg;
	return *(volatile u32 *)(ioapic + IOAPIC_WINDOW);
}

static void ioapic_write(u32 reg, u32 v)
{
	*(volatile u32 *)(ioapic + IOAPIC_SELECT) = reg;
	*(volatile u32 *)(ioapic + IOAPIC_WINDOW) = v;
}

/* The two 8259 of a PC come up unmasked, on the vectors of exceptions. */
static void silence_8259(void)
{
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

void apic_init(void)
{
	silence_8259();
	apic = map_physical(APIC_ADDRESS, PAGE_SIZE, PTE_UNCACHED);
	ioapic = map_physical(IOAPIC_ADDRESS, PAGE_SIZE, PTE_UNCACHED);
	apic_enable();
}

void apic_enable(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | BASE_ENABLE);
	apic_write(APIC_TASK_PRIORITY, 0);
	apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
}

void apic_end_of_interrupt(void)
{
	apic_write(APIC_EOI, 0);
}

void apic_timer(u32 ticks)
{
	apic_write(APIC_TIMER_INITIAL, ticks);
}

u32 apic_timer_left(void)
{
	return apic_read(APIC_TIMER_CURRENT);
}

u32 apic_id(void)
{
	return apic_read(APIC_ID) >> 24;
}

static void command(u32 to, u32 what)
{
	while (apic_read(APIC_COMMAND) & COMMAND_PENDING)
		asm volatile("pause");
	apic_write(APIC_COMMAND_TO, to << 24);
	apic_write(APIC_COMMAND, what);
}

void apic_interrupt(u32 id, u8 vector)
{
	command(id, COMMAND_ASSERT | vector);
}

void apic_init_others(void)
{
	command(0, COMMAND_OTHERS | COMMAND_ASSERT | COMMAND_INIT);
}

void apic_start_others(u8 page)
{
	command(0, COMMAND_OTHERS | COMMAND_ASSERT | COMMAND_START | page);
}

/* Edge-triggered, to the first processor: its physical id is 0. */
s64 ioapic_route(u32 line, u8 vector)
{
	u32 version = ioapic_read(IOAPIC_VERSION);

	if (version == 0xffffffff || line > (version >> 16 & 0xff))
		return -EINVAL;
	ioapic_write(IOAPIC_LINES + 2 * line + 1, 0);
	ioapic_write(IOAPIC_LINES + 2 * line, vector ? vector : LINE_MASKED);
	return 0;
}
