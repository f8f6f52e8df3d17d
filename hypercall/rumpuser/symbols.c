/*
 * What a kernel's libraries find under a name. The first part is rumpuser(3)
 * and the host halves of components; the second takes the place of functions
 * of the kernel itself.
 */
#include "rumpuser.h"

#define HYPERCALLS(X) \
	X(rumpuser_init) \
	X(rumpuser_malloc) \
	X(rumpuser_free) \
	X(rumpuser_anonmmap) \
	X(rumpuser_unmap) \
	X(rumpuser_open) \
	X(rumpuser_close) \
	X(rumpuser_getfileinfo) \
	X(rumpuser_bio) \
	X(rumpuser_iovread) \
	X(rumpuser_iovwrite) \
	X(rumpuser_syncfd) \
	X(rumpuser_clock_gettime) \
	X(rumpuser_clock_sleep) \
	X(rumpuser_getparam) \
	X(rumpuser_seterrno) \
	X(rumpuser_kill) \
	X(rumpuser_exit) \
	X(rumpuser_putchar) \
	X(rumpuser_dprintf) \
	X(rumpuser_getrandom) \
	X(rumpuser_thread_create) \
	X(rumpuser_thread_exit) \
	X(rumpuser_thread_join) \
	X(rumpuser_curlwpop) \
	X(rumpuser_curlwp) \
	X(rumpuser_mutex_init) \
	X(rumpuser_mutex_enter) \
	X(rumpuser_mutex_enter_nowrap) \
	X(rumpuser_mutex_tryenter) \
	X(rumpuser_mutex_exit) \
	X(rumpuser_mutex_destroy) \
	X(rumpuser_mutex_owner) \
	X(rumpuser_rw_init) \
	X(rumpuser_rw_enter) \
	X(rumpuser_rw_tryenter) \
	X(rumpuser_rw_tryupgrade) \
	X(rumpuser_rw_downgrade) \
	X(rumpuser_rw_exit) \
	X(rumpuser_rw_destroy) \
	X(rumpuser_rw_held) \
	X(rumpuser_cv_init) \
	X(rumpuser_cv_destroy) \
	X(rumpuser_cv_wait) \
	X(rumpuser_cv_wait_nowrap) \
	X(rumpuser_cv_timedwait) \
	X(rumpuser_cv_signal) \
	X(rumpuser_cv_broadcast) \
	X(rumpuser_cv_has_waiters) \
	X(rumpuser_dl_bootstrap) \
	X(rumpuser_daemonize_begin) \
	X(rumpuser_daemonize_done) \
	X(rumpuser_sp_init) \
	X(rumpuser_sp_copyin) \
	X(rumpuser_sp_copyinstr) \
	X(rumpuser_sp_copyout) \
	X(rumpuser_sp_copyoutstr) \
	X(rumpuser_sp_anonmmap) \
	X(rumpuser_sp_raise) \
	X(rumpuser_sp_fini) \
	X(rumpuser_component_unschedule) \
	X(rumpuser_component_schedule) \
	X(rumpuser_component_kthread) \
	X(rumpuser_component_kthread_release) \
	X(rumpuser_component_curlwp) \
	X(rumpuser_component_switchlwp) \
	X(rumpuser_component_errtrans) \
	X(rumpcomp_virt_create) \
	X(rumpcomp_virt_dying) \
	X(rumpcomp_virt_destroy) \
	X(rumpcomp_virt_send) \
	X(rumpcomp_shmif_watchsetup) \
	X(rumpcomp_shmif_watchwait) \
	X(rumpcomp_shmif_mmap) \
	X(rumpcomp_ugenhc_ioctl)

#define REPLACEMENTS(X) \
	X(rumpns_copyin, hyp_copyin) \
	X(rumpns_copyout, hyp_copyout) \
	X(rumpns_copyinstr, hyp_copyinstr) \
	X(rumpns_copyoutstr, hyp_copyoutstr) \
	X(rumpns_cv_wait_sig, hyp_cv_wait_sig) \
	X(rumpns_cv_timedwait_sig, hyp_cv_timedwait_sig) \
	X(rumpns_cv_timedwait, hyp_cv_timedwait) \
	X(rumpns_sleepq_block, hyp_sleepq_block) \
	X(rumpns_kpause, hyp_kpause) \
	X(rumpns_tsleep, hyp_tsleep) \
	X(rumpns_mtsleep, hyp_mtsleep) \
	X(rumpns_cprng_fast32, hyp_cprng_fast32) \
	X(rumpns_ether_ioctl, hyp_ether_ioctl) \
	X(rumpns_ifq_enqueue, hyp_ifq_enqueue) \
	X(rumpns_x86_curlwp, rumpuser_curlwp) /* what it is in some builds, by way of __tls_get_addr in others */ \
	X(__tls_get_addr, hyp_tls_get_addr)

/* Only addresses are taken here: the types are where the functions are. */
#define DECLARE(name) extern char name##_[] __asm__(#name);
#define DECLARE2(name, ours) extern char ours##_[] __asm__(#ours);
HYPERCALLS(DECLARE)
REPLACEMENTS(DECLARE2)

#define ENTRY(name) { #name, name##_ },
#define ENTRY2(name, ours) { #name, ours##_ },

static const struct hyp_symbol symbols[] = {
	HYPERCALLS(ENTRY)
	REPLACEMENTS(ENTRY2)
};

const size_t hyp_nsymbols = sizeof symbols / sizeof *symbols;

const struct hyp_symbol *
hyp_symbol_table(void)
{
	return symbols;
}
