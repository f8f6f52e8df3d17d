/* Text for people, on the console. */
#include "shim.h"

struct line {
	char text[256];
	u32 n;
};

static void flush(struct line *l)
{
	console_write(l->text, l->n);
	l->n = 0;
}

static void put(struct line *l, char c)
{
	if (l->n == sizeof(l->text))
		flush(l);
	l->text[l->n++] = c;
}

static void put_string(struct line *l, const char *s)
{
	while (*s)
		put(l, *s++);
}

static void put_number(struct line *l, u64 v, u32 base)
{
	char digits[24];
	u32 n = 0;

	do
		digits[n++] = "0123456789abcdef"[v % base];
	while (v /= base);
	while (n)
		put(l, digits[--n]);
}

static void put_format(struct line *l, const char *f, va_list args)
{
	for (; *f; f++) {
		bool is_long = false;

		if (*f != '%') {
			put(l, *f);
			continue;
		}
		if (*++f == 'l') {
			is_long = true;
			f++;
		}
		switch (*f) {
		case 's':
			put_string(l, va_arg(args, const char *));
			break;
		case 'c':
			put(l, (char)va_arg(args, int));
			break;
		case 'd': {
			s64 v = is_long ? va_arg(args, s64) : va_arg(args, int);

			if (v < 0)
				put(l, '-');
			put_number(l, v < 0 ? -(u64)v : (u64)v, 10);
			break;
		}
		case 'u':
			put_number(l, is_long ? va_arg(args, u64) : va_arg(args, u32), 10);
			break;
		case 'x':
			put_number(l, is_long ? va_arg(args, u64) : va_arg(args, u32), 16);
			break;
		default:
			put(l, *f);
		}
	}
}

static void vprint(const char *format, va_list args)
{
	struct line l;

	l.n = 0;
	put_format(&l, format, args);
	flush(&l);
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprint(format, args);
	va_end(args);
}

NORETURN void refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("shim: ");
	vprint(format, args);
	print("\n");
	va_end(args);
	power_off(EXIT_REFUSED);
}

NORETURN void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("\nshim: ");
	vprint(format, args);
	va_end(args);
	panic_at(NULL, "");
}
