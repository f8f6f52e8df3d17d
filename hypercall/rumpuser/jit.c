/*
 * gdb's JIT interface: a debugger stops at __jit_debug_register_code and reads
 * the list that __jit_debug_descriptor begins, also when it attaches later.
 * Names and layouts are gdb's.
 */
#include "rumpuser.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { JIT_NOACTION, JIT_REGISTER, JIT_UNREGISTER };

struct jit_code_entry {
	struct jit_code_entry *next_entry, *prev_entry;
	const char *symfile_addr;
	uint64_t symfile_size;
};

struct jit_descriptor {
	uint32_t version, action_flag;
	struct jit_code_entry *relevant_entry, *first_entry;
};

struct jit_descriptor __jit_debug_descriptor = { 1, JIT_NOACTION, NULL, NULL };

void __jit_debug_register_code(void);

__attribute__((noinline, used)) void
__jit_debug_register_code(void)
{
	__asm__ volatile("" ::: "memory");
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
tell(uint32_t action, struct jit_code_entry *e)
{
	__jit_debug_descriptor.action_flag = action;
	__jit_debug_descriptor.relevant_entry = e;
	__jit_debug_register_code();
	__jit_debug_descriptor.action_flag = JIT_NOACTION;
	__jit_debug_descriptor.relevant_entry = NULL;
}

/* Tells debuggers of an object file, which is copied. NULL without memory. */
void *
hyp_debug_register(const void *object, size_t size)
{
	struct jit_code_entry *e = malloc(sizeof *e + size);

	if (e == NULL)
		return NULL;
	memcpy(e + 1, object, size);
	e->symfile_addr = (const char *)(e + 1);
	e->symfile_size = size;
	e->prev_entry = NULL;
	pthread_mutex_lock(&lock);
	e->next_entry = __jit_debug_descriptor.first_entry;
	if (e->next_entry != NULL)
		e->next_entry->prev_entry = e;
	__jit_debug_descriptor.first_entry = e;
	tell(JIT_REGISTER, e);
	pthread_mutex_unlock(&lock);
	return e;
}

/* Takes back what hyp_debug_register gave. */
void
hyp_debug_unregister(void *entry)
{
	struct jit_code_entry *e = entry;

	pthread_mutex_lock(&lock);
	if (e->prev_entry != NULL)
		e->prev_entry->next_entry = e->next_entry;
	else
		__jit_debug_descriptor.first_entry = e->next_entry;
	if (e->next_entry != NULL)
		e->next_entry->prev_entry = e->prev_entry;
	tell(JIT_UNREGISTER, e);
	pthread_mutex_unlock(&lock);
	free(e);
}
