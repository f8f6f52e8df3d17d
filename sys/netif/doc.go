// Package netif configures network interfaces and routes, alike on every kernel:
// by netlink where the kernel is Linux's, by ioctls and a route socket where it
// is NetBSD's.
//
//	err := netif.Configure(p, "eth0", netif.Config{Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}})
//	err = netif.AddRoute(p, netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("10.0.0.254"))
//
// What may be in this room: what two kernels have in common. What may not: what
// one alone has; that is in the package of its OS, such as sys/linux/nl.
package netif
