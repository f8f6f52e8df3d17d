// Package applets is a set of small programs over package sys, in the way of
// a busybox: ls, cp, ps, ip, ping, httpd and others. They run on any kernel,
// in this process, and touch nothing of the host but the streams they are
// given.
//
//	status := applets.Run(ctx, &applets.Env{Process: k.Init(), Stdout: os.Stdout}, "ls", "-l", "/")
//
// One applet prints the same on every kernel that holds the same. Messages
// name the applet and the operand, in the words of the kernel that refused.
//
// What may be in this room: applets, one file each, and what they share.
// What may not: a backend, and anything that another Go program would want
// as a library; that belongs in package sys.
package applets
