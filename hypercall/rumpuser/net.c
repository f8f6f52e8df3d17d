/*
 * The host halves of virtif, a network interface whose packets Go has; of
 * shmif, whose bus is a file that kernels share; and of ugenhc, which there is
 * none of.
 */
#define _GNU_SOURCE
#include "rumpuser.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "_cgo_export.h"

struct packet_piece { void *base; size_t len; };

struct nic_request {
	struct hyp_kernel *k;
	const char *name;
	void *sc;
	uint8_t *mac;
	uintptr_t nic;
	void *pieces;
	size_t n;
	int error;
};

static void
ask(void (*fn)(void *), struct nic_request *r)
{
	int nlocks = hyp_leave_cpu(r->k);

	hyp_host_call(fn, r);
	hyp_enter_cpu(r->k, nlocks);
}

static void
ask_create(void *arg)
{
	struct nic_request *r = arg;

	r->error = goAttach(r->k->handle, (char *)r->name, (uintptr_t)r->sc, r->mac, &r->nic);
}

int
rumpcomp_virt_create(const char *name, void *sc, uint8_t *mac, void **nicp)
{
	struct nic_request r = { .k = hyp_current()->kernel, .name = name, .sc = sc, .mac = mac };

	ask(ask_create, &r);
	if (r.error == 0)
		*nicp = (void *)r.nic;
	return r.error;
}

static void
ask_send(void *arg)
{
	struct nic_request *r = arg;

	goSend(r->k->handle, r->nic, r->pieces, r->n);
}

void
rumpcomp_virt_send(void *nic, void *pieces, size_t n)
{
	struct nic_request r = { .k = hyp_current()->kernel, .nic = (uintptr_t)nic, .pieces = pieces, .n = n };

	ask(ask_send, &r);
}

static void
ask_detach(void *arg)
{
	struct nic_request *r = arg;

	goDetach(r->k->handle, r->nic);
}

int
rumpcomp_virt_dying(void *nic)
{
	struct nic_request r = { .k = hyp_current()->kernel, .nic = (uintptr_t)nic };

	ask(ask_detach, &r);
	return 0;
}

void
rumpcomp_virt_destroy(void *nic)
{
	(void)nic; /* it is gone since it was dying */
}

/*
 * The driver of virtif does not say that it takes more than Ethernet's 1500
 * bytes, though it does: a frame is as long as its mbufs. So the kernel's own
 * check of a new MTU is passed over, for all of Ethernet.
 */
#define SIOCSIFMTU 0x8090697fUL
#define ETHERMTU 1500
#define MAX_MTU 32768 /* backends.MaxMTU */

struct mtu_request { char name[16]; int32_t mtu; }; /* the start of an ifreq */

int
hyp_ether_ioctl(void *ifp, unsigned long command, void *data)
{
	struct hyp_originals *orig = &hyp_current()->kernel->orig;
	struct mtu_request *r = data;
	int error;

	if (command != SIOCSIFMTU || orig->ifioctl_common == NULL || r->mtu <= ETHERMTU || r->mtu > MAX_MTU)
		return orig->ether_ioctl(ifp, command, data);
	error = orig->ifioctl_common(ifp, command, data);
	return error == NB_ENETRESET ? 0 : error; /* the driver keeps nothing that depends on it */
}

/*
 * The driver of virtif panics where a frame has more mbufs than this. m_defrag
 * fills them, 2 KiB each, so that a frame of MAX_MTU has half as many.
 */
#define MAX_MBUFS 32
#define NB_M_NOWAIT 1

static size_t
count_mbufs(void **m)
{
	size_t n = 0;

	for (; m != NULL; m = *m) /* m_next comes first */
		n++;
	return n;
}

int
hyp_ifq_enqueue(void *ifp, void *m, void *attributes)
{
	struct hyp_originals *orig = &hyp_current()->kernel->orig;
	void *shorter;

	if (count_mbufs(m) > MAX_MBUFS && orig->m_defrag != NULL && orig->m_freem != NULL) {
		shorter = orig->m_defrag(m, NB_M_NOWAIT);
		if (shorter == NULL) {
			orig->m_freem(m);
			return NB_ENOBUFS;
		}
		m = shorter;
	}
	return orig->ifq_enqueue(ifp, m, attributes);
}

/* The bus of shmif is a file of Go's; see files.go. */

struct shmif_request { struct hyp_kernel *k; int fd, watch; size_t len; void *mem; int error; };

static void
ask_watch(void *arg)
{
	struct shmif_request *r = arg;

	r->error = goWatch(r->k->handle, r->fd, r->watch);
}

int
rumpcomp_shmif_watchsetup(int *watch, int fd)
{
	struct hyp_kernel *k = hyp_current()->kernel;
	struct shmif_request r = { .k = k, .fd = fd, .watch = k->nwatches };

	if (k->nwatches == HYP_WATCHES)
		return NB_ENOMEM;
	k->nwatches++;
	hyp_host_call(ask_watch, &r);
	if (r.error == 0)
		*watch = r.watch;
	return r.error;
}

int
rumpcomp_shmif_watchwait(int watch)
{
	struct hyp_thread *t = hyp_current();
	struct hyp_watch *w;
	int nlocks;

	if (watch < 0 || watch >= t->kernel->nwatches)
		return NB_EINVAL;
	w = &t->kernel->watches[watch];
	nlocks = hyp_leave_cpu(t->kernel);
	hyp_lock(&w->queue.lock);
	while (w->seen == w->changes) {
		hyp_enqueue(&w->queue, t);
		hyp_unlock(&w->queue.lock);
		t->wait_for = "a file";
		hyp_park(&w->queue, HYP_NEVER, false);
		hyp_lock(&w->queue.lock);
	}
	w->seen = w->changes;
	hyp_unlock(&w->queue.lock);
	hyp_enter_cpu(t->kernel, nlocks);
	return 0;
}

/* A watched file changed. Called from outside of the kernel. */
void
hyp_changed(struct hyp_kernel *k, int watch)
{
	struct hyp_watch *w = &k->watches[watch];
	struct hyp_thread *t;

	hyp_lock(&w->queue.lock);
	w->changes++;
	t = hyp_dequeue(&w->queue);
	hyp_unlock(&w->queue.lock);
	if (t != NULL)
		hyp_unpark(t);
}

static void
ask_mmap(void *arg)
{
	struct shmif_request *r = arg;

	r->error = goMapFile(r->k->handle, r->fd, r->len, &r->mem);
}

int
rumpcomp_shmif_mmap(int fd, size_t len, void **memp)
{
	struct shmif_request r = { .k = hyp_current()->kernel, .fd = fd, .len = len };

	hyp_host_call(ask_mmap, &r);
	if (r.error == 0)
		*memp = r.mem;
	return r.error;
}

int
rumpcomp_ugenhc_ioctl(int fd, unsigned long command, void *data, int *ret)
{
	(void)fd, (void)command, (void)data, (void)ret;
	return NB_EOPNOTSUPP;
}
