/* The date from the real-time clock of a PC (Motorola MC146818). */
#include "shim.h"

enum {
	RTC_INDEX = 0x70,
	RTC_DATA = 0x71,

	RTC_SECOND = 0,
	RTC_MINUTE = 2,
	RTC_HOUR = 4,
	RTC_DAY = 7,
	RTC_MONTH = 8,
	RTC_YEAR = 9,
	RTC_STATUS_A = 10,
	RTC_STATUS_B = 11,

	UPDATING = 0x80,
	BINARY = 0x04,
	HOURS_24 = 0x02,
	PM = 0x80,
};

struct date {
	u8 second, minute, hour, day, month, year;
};

static u8 reg(u8 index)
{
	outb(RTC_INDEX, index);
	return inb(RTC_DATA);
}

static struct date read_registers(void)
{
	return (struct date){reg(RTC_SECOND), reg(RTC_MINUTE), reg(RTC_HOUR), reg(RTC_DAY), reg(RTC_MONTH), reg(RTC_YEAR)};
}

static u8 from_bcd(u8 v)
{
	return (u8)((v >> 4) * 10 + (v & 15));
}

static struct date decode(struct date d)
{
	u8 status = reg(RTC_STATUS_B);
	bool pm = !(status & HOURS_24) && d.hour & PM;

	d.hour &= (u8)~(status & HOURS_24 ? 0 : PM);
	if (!(status & BINARY))
		d = (struct date){from_bcd(d.second), from_bcd(d.minute), from_bcd(d.hour),
				  from_bcd(d.day), from_bcd(d.month), from_bcd(d.year)};
	if (!(status & HOURS_24))
		d.hour = (u8)(d.hour % 12 + (pm ? 12 : 0));
	return d;
}

/* Days since 1970-01-01, counting years from March so that leap days come last. */
static u64 days(u64 year, u64 month, u64 day)
{
	u64 y = month <= 2 ? year - 1 : year;
	u64 m = month <= 2 ? month + 9 : month - 3;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

u64 rtc_read(void)
{
	struct date d, again;

	if (reg(RTC_STATUS_A) == 0xff) /* nobody answers */
		return 0;
	do { /* until two readings agree, outside of an update */
		while (reg(RTC_STATUS_A) & UPDATING)
			;
		d = read_registers();
		again = read_registers();
	} while (memcmp(&d, &again, sizeof(d)) != 0);
	d = decode(d);
	return ((days(2000 + d.year, d.month, d.day) * 24 + d.hour) * 60 + d.minute) * 60 + d.second;
}
