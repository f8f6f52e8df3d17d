// Package shell is a shell on a kernel: the POSIX and Bash language of
// mvdan.cc/sh, with the programs of package applets. Paths in redirections,
// tests, cd and globs are the kernel's; nothing is run on the host.
//
//	sh, err := shell.New(&applets.Env{Process: k.Init(), Stdout: os.Stdout})
//	status, err := sh.Run(ctx, "hello", strings.NewReader("echo hello >/tmp/f; wc -c </tmp/f"))
//
// What may be in this room: what ties the interpreter to a kernel. What may
// not: applets, terminals, and a backend.
package shell
