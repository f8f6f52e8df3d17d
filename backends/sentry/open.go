//go:build linux && (amd64 || arm64)

package sentry

import (
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/errors/linuxerr"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
)

// gVisor follows a symbolic link at the end of a path in spite of O_NOFOLLOW
// where O_DIRECTORY is given as well. Whoever walks a tree that others may
// change depends on these two together, so that combination is done here: the
// file is opened without O_DIRECTORY, and must then be a directory.
const onlyDirectory = linux.O_DIRECTORY | linux.O_NOFOLLOW

// openDirectory is open or openat, whose flags are argument i.
func openDirectory(i int) func(kernel.SyscallFn) kernel.SyscallFn {
	return func(gvisors kernel.SyscallFn) kernel.SyscallFn {
		return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
			flags := args[i].Uint()
			if flags&onlyDirectory != onlyDirectory || flags&(linux.O_CREAT|linux.O_PATH) != 0 {
				return gvisors(t, nr, args)
			}
			// A FIFO must not block the call before it is refused.
			args[i].Value = uintptr(flags&^linux.O_DIRECTORY | linux.O_NONBLOCK)
			fd, ctrl, err := gvisors(t, nr, args)
			if err != nil {
				return fd, ctrl, err
			}
			if err := checkDirectory(t, int32(fd), flags); err != nil {
				if f := t.FDTable().Remove(t, int32(fd)); f != nil {
					f.DecRef(t)
				}
				return 0, nil, err
			}
			return fd, nil, nil
		}
	}
}

// checkDirectory fails where fd is no directory, and gives it the flags that
// were asked for.
func checkDirectory(t *kernel.Task, fd int32, flags uint32) error {
	f := t.GetFile(fd)
	if f == nil {
		return linuxerr.EBADF
	}
	defer f.DecRef(t)
	st, err := f.Stat(t, vfs.StatOptions{Mask: linux.STATX_TYPE})
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return linuxerr.ENOTDIR
	}
	return f.SetStatusFlags(t, t.Credentials(), flags)
}
