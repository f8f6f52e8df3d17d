package applets

// list is all applets.
var list = []*Applet{
	cat, chmod, cp, dd, env, falseApplet, find, grep, head, ln, ls, mkdir, mknod,
	mv, ps, rm, rmdir, sha256Sum, sleep, sortApplet, stat, sysctl, tail, tee, touch,
	trueApplet, wc,
}
