/* Files in memory: memfd_create(2), and the calls that only such files have. */
#include "calls.h"
#include "descriptor.h"
#include "object.h"

enum memfd_flags { MFD_CLOEXEC = 1, MFD_ALLOW_SEALING = 2, MFD_NOEXEC_SEAL = 8, MFD_EXEC = 0x10 };
enum fallocate_mode { FALLOC_FL_KEEP_SIZE = 1, FALLOC_FL_PUNCH_HOLE = 2 };
enum { MAX_MEMFD_NAME = 250 };

static s64 memfd_read(struct file *f, u64 addr, u64 n)
{
	s64 r = object_read(f->object, addr, n, f->position);

	if (r > 0)
		f->position += (u64)r;
	return r;
}

static s64 memfd_write(struct file *f, u64 addr, u64 n)
{
	s64 r = object_write(f->object, addr, n, f->position);

	if (r > 0)
		f->position += (u64)r;
	return r;
}

static void memfd_close(struct file *f)
{
	object_release(f->object);
}

const struct file_type memfd_type = {S_IFREG | 0777, memfd_read, memfd_write, NULL, memfd_close};

/* There are no seals: a file that may have some starts with F_SEAL_SEAL, as others do. */
s64 call_memfd_create(const u64 *a)
{
	static char name[MAX_MEMFD_NAME];
	struct object *o;
	struct file *f;
	s64 r;

	if (a[1] & ~(u64)(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;
	r = string_from_user(name, a[0], sizeof(name));
	if (r < 0)
		return r == -ENAMETOOLONG ? -EINVAL : r;
	o = object_new();
	if (!o)
		return -ENFILE;
	r = descriptor_open(&memfd_type, O_RDWR | (a[1] & MFD_CLOEXEC ? O_CLOEXEC : 0), &f);
	if (r < 0)
		object_release(o);
	else
		f->object = o;
	return r;
}

s64 call_ftruncate(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);

	if (!f)
		return -EBADF;
	if (f->type != &memfd_type || (s64)a[1] < 0)
		return -EINVAL;
	return object_resize(f->object, a[1]);
}

s64 call_fallocate(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);
	u64 mode = a[1], start = a[2], size = a[3], end = start + size;
	s64 r;

	if (!f)
		return -EBADF;
	if (f->type != &memfd_type)
		return -ENODEV;
	if ((s64)start < 0 || (s64)size <= 0)
		return -EINVAL;
	if (end > MAX_OBJECT_SIZE)
		return -EFBIG;
	switch (mode) {
	case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
		object_punch(f->object, start, end);
		return 0;
	case FALLOC_FL_KEEP_SIZE: /* pages behind the end are not kept here */
		end = min(end, f->object->size);
		return start < end ? object_reserve(f->object, start, end) : 0;
	case 0:
		r = object_reserve(f->object, start, end);
		if (!r)
			f->object->size = max(f->object->size, end);
		else
			object_punch(f->object, f->object->size, end);
		return r;
	}
	return -EOPNOTSUPP;
}

s64 call_pwrite64(const u64 *a)
{
	struct file *f = descriptor_file(a[0]);

	if (!f)
		return -EBADF;
	if (f->type == &memory_file_type || f->type == &directory_type)
		return -EBADF; /* open for reading alone */
	if (f->type != &memfd_type)
		return -ESPIPE;
	if ((s64)a[3] < 0)
		return -EINVAL;
	return user_range(a[1], a[2]) ? object_write(f->object, a[1], a[2], a[3]) : -EFAULT;
}
