/* Descriptors, and the open files behind them. */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

#include "shim.h"

enum { MAX_DESCRIPTORS = 256, MAX_FILES = 256 };

/* poll(2) and epoll(7) have the same bits. */
enum events {
	EVENT_IN = 1 << 0,
	EVENT_OUT = 1 << 2,
	EVENT_ERROR = 1 << 3,
	EVENT_HANGUP = 1 << 4,
	EVENT_INVALID = 1 << 5,
	EVENT_ONE_SHOT = 1 << 30,
	EVENT_EDGE = 1u << 31,
};

enum open_flags {
	O_ACCMODE = 3,
	O_WRONLY = 1,
	O_RDWR = 2,
	O_CREAT = 0100,
	O_TRUNC = 01000,
	O_NONBLOCK = 04000,
	O_DIRECTORY = 0200000,
	O_NOFOLLOW = 0400000,
	O_CLOEXEC = 02000000,
};

enum mode {
	S_IFMT = 0170000,
	S_IFIFO = 0010000,
	S_IFCHR = 0020000,
	S_IFDIR = 0040000,
	S_IFREG = 0100000,
	S_IFLNK = 0120000,
};

struct file;
struct node;
struct interest;
struct object;
struct pipe;

/* What can be done to a kind of file. A missing function is EINVAL, or EPERM for epoll. */
struct file_type {
	u32 mode; /* for stat; 0: ask the node */
	/* Give -EAGAIN where the caller would have to wait. */
	s64 (*read)(struct file *f, u64 addr, u64 n);
	s64 (*write)(struct file *f, u64 addr, u64 n);
	u32 (*ready)(const struct file *f);
	void (*close)(struct file *f);
};

struct file {
	const struct file_type *type; /* NULL: unused */
	u32 references, flags;
	u32 changes; /* how often it became ready: an edge for epoll */
	u64 position;
	union {
		const struct node *node;
		struct object *object;
		struct pipe *pipe;
		struct {
			u64 count;
			bool semaphore;
			u8 vector; /* bound to an interrupt; 0: none */
		} event;
		struct interest *interests;
	};
};

void descriptors_init(void);
/* Opens the lowest free descriptor on a new file; -EMFILE. */
s64 descriptor_open(const struct file_type *type, u32 flags, struct file **f);
/* The file; NULL: not open. */
struct file *descriptor_file(u64 fd);
/* Closes an open descriptor. */
void descriptor_close(u64 fd);
/* Whether one of these events of f may come from outside of the program. f may be NULL. */
bool file_from_outside(const struct file *f, u32 events);
/* Says that f may have become ready. */
void file_changed(struct file *f);
/* Forgets a closed file's descriptor in every epoll (epoll.c). */
void epoll_forget(u64 fd);

extern const struct file_type console_type, null_type, zero_type, random_type, memory_file_type, directory_type,
	eventfd_type, epoll_type, memfd_type;

#endif
