/*
 * Reading and writing the program's memory. A range is checked to be below
 * USER_TOP; whether it is mapped shows in the copy itself, which brings pages
 * in like the program's own access would, or stops with -EFAULT.
 */
#include "shim.h"

bool user_range(u64 addr, u64 size)
{
	return addr <= USER_TOP && size <= USER_TOP - addr;
}

s64 from_user(void *dst, u64 src, u64 n)
{
	return user_range(src, n) ? user_copy(dst, (const void *)src, n) : -EFAULT;
}

s64 to_user(u64 dst, const void *src, u64 n)
{
	return user_range(dst, n) ? user_copy((void *)dst, src, n) : -EFAULT;
}

/* By pieces that end with a page, so that the string may end just before a hole. */
s64 string_from_user(char *dst, u64 src, u64 size)
{
	u64 done = 0;

	while (done < size) {
		u64 piece = min(size - done, PAGE_SIZE - (src + done) % PAGE_SIZE), n;

		if (from_user(dst + done, src + done, piece))
			return -EFAULT;
		n = strnlen(dst + done, piece);
		done += n;
		if (n < piece)
			return (s64)done;
	}
	return -ENAMETOOLONG;
}
