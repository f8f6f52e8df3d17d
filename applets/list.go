package applets

// list is all applets.
var list = []*Applet{
	cat, chmod, cp, date, dd, df, dhcpApplet, dmesg, env, falseApplet, fetch, find, grep, head,
	hostname, httpd, id, ifconfig, ip, kill, ln, ls, mkdir, mknod, mount, mv, nc, ping, ps,
	rm, rmdir, sha256Sum, sleep, sortApplet, stat, syncApplet, sysctl, tail, tee, touch,
	trueApplet, umount, uname, wc,
}
