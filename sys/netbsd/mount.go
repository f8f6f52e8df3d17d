package netbsd

import (
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi/netbsd/fsargs"
)

// Mount attaches a file system at a directory; see mount(2). Its type is that
// of the arguments, which [fsargs] has for every file system:
//
//	err := netbsd.Mount(p, "/mnt", sys.MS_RDONLY, &fsargs.FFS{Device: "/dev/disk0"})
func Mount(p *sys.Process, dir string, flags sys.MountFlags, args fsargs.Args) error {
	if err := want(p, "mount"); err != nil {
		return err
	}
	b, refs := sys.MountRefs(p.Kernel().ABI(), args)
	return p.MountArgs(dir, args.Type(), flags, b, refs...)
}
