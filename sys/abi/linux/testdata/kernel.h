// Headers of the kernel that stand alone: they do not go with the C library's.
#if __has_include(<linux/types.h>)
#include <linux/types.h>
#endif
#if __has_include(<linux/time.h>)
#include <linux/time.h>
#endif
#if __has_include(<linux/signal.h>)
#include <linux/signal.h>
#endif
#if __has_include(<asm/siginfo.h>)
#include <asm/siginfo.h>
#endif
#if __has_include(<linux/fcntl.h>)
#include <linux/fcntl.h>
#endif
#if __has_include(<linux/pidfd.h>)
#include <linux/pidfd.h>
#endif
#if __has_include(<asm/stat.h>)
#include <asm/stat.h>
#endif
#if __has_include(<asm/statfs.h>)
#include <asm/statfs.h>
#endif
#if __has_include(<linux/termios.h>)
#include <linux/termios.h>
#endif
#if __has_include(<linux/eventpoll.h>)
#include <linux/eventpoll.h>
#endif
#if __has_include(<linux/eventfd.h>)
#include <linux/eventfd.h>
#endif
#if __has_include(<linux/inotify.h>)
#include <linux/inotify.h>
#endif
#if __has_include(<linux/timerfd.h>)
#include <linux/timerfd.h>
#endif
#if __has_include(<linux/signalfd.h>)
#include <linux/signalfd.h>
#endif
#if __has_include(<linux/resource.h>)
#include <linux/resource.h>
#endif
#if __has_include(<linux/utsname.h>)
#include <linux/utsname.h>
#endif
#if __has_include(<linux/sysinfo.h>)
#include <linux/sysinfo.h>
#endif
#if __has_include(<linux/uio.h>)
#include <linux/uio.h>
#endif
#if __has_include(<linux/un.h>)
#include <linux/un.h>
#endif
#if __has_include(<linux/in.h>)
#include <linux/in.h>
#endif
#if __has_include(<linux/in6.h>)
#include <linux/in6.h>
#endif
#if __has_include(<linux/ip.h>)
#include <linux/ip.h>
#endif
#if __has_include(<linux/ipv6.h>)
#include <linux/ipv6.h>
#endif
#if __has_include(<linux/udp.h>)
#include <linux/udp.h>
#endif
#if __has_include(<linux/poll.h>)
#include <linux/poll.h>
#endif
#if __has_include(<linux/sem.h>)
#include <linux/sem.h>
#endif
#if __has_include(<linux/msg.h>)
#include <linux/msg.h>
#endif
#if __has_include(<linux/ipc.h>)
#include <linux/ipc.h>
#endif
#if __has_include(<linux/timex.h>)
#include <linux/timex.h>
#endif
#if __has_include(<linux/times.h>)
#include <linux/times.h>
#endif
#if __has_include(<linux/utime.h>)
#include <linux/utime.h>
#endif
#if __has_include(<linux/acct.h>)
#include <linux/acct.h>
#endif
#if __has_include(<linux/mman.h>)
#include <linux/mman.h>
#endif
#if __has_include(<linux/memfd.h>)
#include <linux/memfd.h>
#endif
#if __has_include(<linux/quota.h>)
#include <linux/quota.h>
#endif
#if __has_include(<linux/stat.h>)
#include <linux/stat.h>
#endif
#if __has_include(<linux/xattr.h>)
#include <linux/xattr.h>
#endif
#if __has_include(<linux/pkt_sched.h>)
#include <linux/pkt_sched.h>
#endif
#if __has_include(<linux/pkt_cls.h>)
#include <linux/pkt_cls.h>
#endif
#if __has_include(<linux/if_link.h>)
#include <linux/if_link.h>
#endif
#if __has_include(<linux/rtnetlink.h>)
#include <linux/rtnetlink.h>
#endif
#if __has_include(<linux/veth.h>)
#include <linux/veth.h>
#endif
#if __has_include(<linux/vt.h>)
#include <linux/vt.h>
#endif
#if __has_include(<linux/kd.h>)
#include <linux/kd.h>
#endif
#if __has_include(<linux/msdos_fs.h>)
#include <linux/msdos_fs.h>
#endif
#if __has_include(<linux/netfilter/nf_conntrack_common.h>)
#include <linux/netfilter/nf_conntrack_common.h>
#endif
#if __has_include(<linux/netfilter/nfnetlink_queue.h>)
#include <linux/netfilter/nfnetlink_queue.h>
#endif
#if __has_include(<linux/netfilter/nfnetlink_log.h>)
#include <linux/netfilter/nfnetlink_log.h>
#endif
#if __has_include(<linux/nf_nat.h>)
#include <linux/nf_nat.h>
#endif
#if __has_include(<linux/netfilter/nf_nat.h>)
#include <linux/netfilter/nf_nat.h>
#endif
#if __has_include(<linux/ipv6_route.h>)
#include <linux/ipv6_route.h>
#endif
#if __has_include(<linux/usbdevice_fs.h>)
#include <linux/usbdevice_fs.h>
#endif
#if __has_include(<linux/fb.h>)
#include <linux/fb.h>
#endif
#if __has_include(<linux/raw.h>)
#include <linux/raw.h>
#endif
#if __has_include(<linux/cdrom.h>)
#include <linux/cdrom.h>
#endif
#if __has_include(<linux/aio_abi.h>)
#include <linux/aio_abi.h>
#endif
#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#endif
#if __has_include(<linux/futex.h>)
#include <linux/futex.h>
#endif
#if __has_include(<linux/sched.h>)
#include <linux/sched.h>
#endif
#if __has_include(<linux/sockios.h>)
#include <linux/sockios.h>
#endif
#if __has_include(<linux/socket.h>)
#include <linux/socket.h>
#endif
#if __has_include(<asm/socket.h>)
#include <asm/socket.h>
#endif
#if __has_include(<asm/ioctls.h>)
#include <asm/ioctls.h>
#endif
#if __has_include(<linux/limits.h>)
#include <linux/limits.h>
#endif
#if __has_include(<linux/dn.h>)
#include <linux/dn.h>
#endif
#if __has_include(<linux/userfaultfd.h>)
#include <linux/userfaultfd.h>
#endif
#if __has_include(<linux/mroute.h>)
#include <linux/mroute.h>
#endif
#if __has_include(<linux/atm.h>)
#include <linux/atm.h>
#endif
#if __has_include(<linux/elf.h>)
#include <linux/elf.h>
#endif
#if __has_include(<linux/sched/types.h>)
#include <linux/sched/types.h>
#endif

// asm/socket.h's SO_RCVTIMEO is an expression with it.
typedef __kernel_old_time_t time_t;
