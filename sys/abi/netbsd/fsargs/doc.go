// Package fsargs is the arguments that NetBSD's mount(2) takes, one structure
// for each kind of file system, as mount_ffs(8) and its siblings describe them.
//
// A type of this package has the members of the C structure in their order;
// [Encode] lays them out as C does. Made of text, as mount(8) has it:
//
//	args, err := fsargs.New("msdos", "/dev/disk0", "uid=1000,utf8")
//
// or typed:
//
//	args := &fsargs.MSDOS{Device: "/dev/disk0", UID: 1000, Flags: fsargs.MSDOSUTF8}
//
// What may be in this room: what mount(2) of NetBSD reads. What may not: calls,
// which are in sys/netbsd, and superblocks, which are in rump/fsprobe.
package fsargs
