/* Memory objects: what memfd_create(2) makes, and mappings share. */
#ifndef OBJECT_H
#define OBJECT_H

#include "shim.h"

struct object {
	u32 references; /* open files and regions; 0: unused */
	u64 size;       /* in bytes */
	u64 pages;      /* that it has */
	void **root;    /* NULL: it has none */
};
#define MAX_OBJECT_SIZE (1ul << 47)

/* NULL: there are too many. */
struct object *object_new(void);
void object_hold(struct object *o);
void object_release(struct object *o);
/* The page that holds a byte, made where there is none; NULL: out of memory. */
void *object_page(struct object *o, u64 offset);
/* Like read(2) and write(2). A write makes the object larger. */
s64 object_read(const struct object *o, u64 addr, u64 n, u64 offset);
s64 object_write(struct object *o, u64 addr, u64 n, u64 offset);
s64 object_resize(struct object *o, u64 size);
/* Makes a range read as zero and gives its pages back, in all mappings. */
void object_punch(struct object *o, u64 start, u64 end);
/* Makes the pages of a range, so that no use of them fails later. */
s64 object_reserve(struct object *o, u64 start, u64 end);

#endif
