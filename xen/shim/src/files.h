/* The read-only file system: what is in the image, and a few files that programs look for. */
#ifndef FILES_H
#define FILES_H

#include "shim.h"

enum { MAX_PATH = 4096, MAX_LINKS = 8 };

struct node {
	const char *path; /* from the root, without a slash in front or behind; "" is the root */
	const u8 *data;   /* of a file; of a link, where it leads */
	u64 size;
	u32 mode, mtime;
};

void files_init(void);
/*
 * The node of a path, which starts at the descriptor's directory where it is
 * relative. `follow` says whether to follow a link at its end.
 */
s64 node_find(u64 dirfd, u64 user_path, bool follow, const struct node **n);
/* The program that the image names; NULL: none. */
const struct node *node_program(void);
const char *working_directory(void);
void set_working_directory(const struct node *n);
u32 node_count(void);
const struct node *node_at(u64 i);
s64 node_read(const struct node *n, u64 addr, u64 size, u64 offset);
/* node NULL: what is no file of ours, with that mode. */
s64 stat_to_user(u64 addr, const struct node *n, u32 mode);
struct object;
s64 stat_object_to_user(u64 addr, const struct object *o, u32 mode);

#define AT_FDCWD ((u32)-100)

#endif
