/*
 * The console: Xen's ring, or the first serial port (a 16550, as QEMU has it).
 */
#include "shim.h"
#include "thread.h"
#include "xen.h"

enum uart {
	UART = 0x3f8,
	UART_DATA = UART,
	UART_INTERRUPTS = UART + 1,
	UART_LINE = UART + 3,
	UART_MODEM = UART + 4,
	UART_STATUS = UART + 5,

	STATUS_READABLE = 0x01,
	STATUS_WRITABLE = 0x20,
	UART_IRQ = 4,
};

/* Goes to Xen's own log, where that is switched on. */
enum { XEN_DEBUG_PORT = 0xe9 };

enum { GIVE_UP_NS = 1000000000 };

static volatile struct xen_console_ring *ring;
static u32 ring_port;
static bool has_uart, is_listening;

static struct {
	char data[256];
	u32 head, tail; /* free-running */
} typed;

/* What does not fit stays where it is until there is room. */
static bool has_room(void)
{
	return typed.head - typed.tail < sizeof(typed.data);
}

static void type(char c)
{
	typed.data[typed.head++ % sizeof(typed.data)] = c;
}

/* ---- serial port */

static void uart_write(const char *s, u64 n)
{
	for (; n; n--, s++) {
		while (!(inb(UART_STATUS) & STATUS_WRITABLE))
			;
		outb(UART_DATA, *s);
	}
}

static void uart_input(void)
{
	while (has_room() && inb(UART_STATUS) & STATUS_READABLE)
		type((char)inb(UART_DATA));
}

/* The FIFOs stay as they are: switching them would drop what was typed before we came. */
static void uart_init(void)
{
	outb(UART_INTERRUPTS, 0);
	outb(UART_LINE, 0x03); /* 8 bits, no parity */
	outb(UART_MODEM, 0x0b);
	has_uart = inb(UART_STATUS) != 0xff;
}

/* ---- Xen's ring (public/io/console.h) */

/* Waits for room. A console that nobody reads must not stop the guest for good. */
static bool ring_has_room(void)
{
	struct xen_sched_poll poll = {.ports = &ring_port, .count = 1};

	if (ring->out_producer - ring->out_consumer < sizeof(ring->out))
		return true;
	xen_notify(ring_port);
	poll.timeout = xen_shared ? xen_shared->vcpu[0].time.system_time + GIVE_UP_NS : 0;
	hypercall(HYPERCALL_SCHED, SCHED_POLL, (u64)&poll, 0, 0, 0);
	return ring->out_producer - ring->out_consumer < sizeof(ring->out);
}

static void ring_write(const char *s, u64 n)
{
	for (; n; n--, s++) {
		if (!ring_has_room())
			break;
		ring->out[ring->out_producer % sizeof(ring->out)] = *s;
		asm volatile("" : : : "memory");
		ring->out_producer++;
	}
	xen_notify(ring_port);
}

/* Takes the event, so that the next one interrupts again. */
static void ring_take_event(void)
{
	if (xen_shared)
		asm volatile("lock btr %1, %0" : "+m"(xen_shared->pending[ring_port / 64]) : "r"((u64)ring_port % 64) : "memory", "cc");
}

static void ring_input(void)
{
	bool any = false;

	ring_take_event();
	while (has_room() && ring->in_consumer != ring->in_producer) {
		type(ring->in[ring->in_consumer % sizeof(ring->in)]);
		asm volatile("" : : : "memory");
		ring->in_consumer++;
		any = true;
	}
	if (any)
		xen_notify(ring_port);
}

/* ---- either */

void console_init(void)
{
	if (!xen_present())
		uart_init();
}

/* Xen's ring is outside of RAM: it can be reached when paging.c is ready. */
void console_init_xen(void)
{
	u64 pfn, port;

	if (xen_param(PARAM_CONSOLE_PFN, &pfn) || xen_param(PARAM_CONSOLE_PORT, &port) || !pfn)
		return;
	ring = map_physical(pfn << PAGE_SHIFT, PAGE_SIZE, 0);
	ring_port = (u32)port;
}

/* In a new domain: the ring is where it was, and its event channel is another. */
void console_resume(void)
{
	u64 port;

	if (!ring || xen_param(PARAM_CONSOLE_PORT, &port))
		return;
	ring_port = (u32)port;
	console_listen();
}

void console_write(const char *s, u64 n)
{
	watchdog_progress();
	if (ring)
		ring_write(s, n);
	else if (has_uart)
		uart_write(s, n);
	else
		while (n--)
			outb(XEN_DEBUG_PORT, *s++);
}

/* Called when interrupts and all memory are there. */
void console_listen(void)
{
	if (ring) {
		hypercall(HYPERCALL_EVENT_CHANNEL, EVENT_UNMASK, (u64)&ring_port, 0, 0, 0);
		return;
	}
	if (has_uart && irq_bind_console(UART_IRQ) == 0) {
		outb(UART_INTERRUPTS, 0x01);
		is_listening = true;
	}
}

bool console_has_input(void)
{
	return ring || is_listening;
}

static void fetch(void)
{
	if (ring)
		ring_input();
	else if (has_uart)
		uart_input();
}

void console_input(void)
{
	u32 before = typed.head;

	fetch();
	if (typed.head == before)
		return;
	watchdog_progress();
	thread_wake_all(&descriptor_waiters);
}

bool console_readable(void)
{
	return typed.head != typed.tail;
}

u64 console_read(char *s, u64 n)
{
	u64 done = 0;

	while (done < n && console_readable())
		s[done++] = typed.data[typed.tail++ % sizeof(typed.data)];
	if (done)
		fetch(); /* for what did not fit: its interrupt came long ago */
	return done;
}
