/* The archive format of an image's files. */
#ifndef CPIO_H
#define CPIO_H

#include "files.h"

struct cpio {
	const u8 *data;
	u64 size, at;
};

enum cpio_result { CPIO_ENTRY, CPIO_END, CPIO_BAD };
/* Reads the next entry. Every size in the archive is checked against its end. */
enum cpio_result cpio_next(struct cpio *c, struct node *n);

#endif
