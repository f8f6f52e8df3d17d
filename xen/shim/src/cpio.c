/* cpio in the "newc" format (linux/Documentation/driver-api/early-userspace/buffer-format.rst). */
#include "cpio.h"

enum {
	MAGIC_SIZE = 6,
	FIELD = 8,
	HEADER_SIZE = MAGIC_SIZE + 13 * FIELD,
	/* fields, in order of their place */
	MODE = 1,
	MTIME = 5,
	FILE_SIZE = 6,
	NAME_SIZE = 11,
};

static bool number(const u8 *header, u32 field, u32 *v)
{
	const u8 *s = header + MAGIC_SIZE + field * FIELD;

	*v = 0;
	for (u32 i = 0; i < FIELD; i++) {
		u8 c = s[i] | 0x20;

		if (c >= '0' && c <= '9')
			*v = *v << 4 | (u32)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*v = *v << 4 | (u32)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* Names as "./a/b", "/a/b" or "a/b/" are one. The archive is memory of ours: it is cut in place. */
static const char *clean(char *name, u64 n)
{
	while (n > 1 && name[n - 2] == '/')
		name[--n - 1] = 0;
	while (name[0] == '/' || (name[0] == '.' && (name[1] == '/' || !name[1])))
		name++;
	return name;
}

enum cpio_result cpio_next(struct cpio *c, struct node *n)
{
	const u8 *header = c->data + c->at;
	u64 left = c->size - c->at, name_end, data_end;
	u32 file_size, name_size;

	if (left < HEADER_SIZE || memcmp(header, "07070", 5) || (header[5] != '1' && header[5] != '2'))
		return CPIO_BAD;
	if (!number(header, MODE, &n->mode) || !number(header, MTIME, &n->mtime) ||
	    !number(header, FILE_SIZE, &file_size) || !number(header, NAME_SIZE, &name_size))
		return CPIO_BAD;
	name_end = (HEADER_SIZE + (u64)name_size + 3) & ~3ul;
	data_end = name_end + (((u64)file_size + 3) & ~3ul);
	if (!name_size || name_size > MAX_PATH || data_end > left || header[HEADER_SIZE + name_size - 1])
		return CPIO_BAD;
	n->path = (const char *)header + HEADER_SIZE;
	if (streq(n->path, "TRAILER!!!"))
		return CPIO_END;
	n->path = clean((char *)header + HEADER_SIZE, name_size);
	n->data = header + name_end;
	n->size = file_size;
	c->at += data_end;
	return CPIO_ENTRY;
}
