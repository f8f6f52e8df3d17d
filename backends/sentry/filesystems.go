//go:build linux && (amd64 || arm64)

package sentry

import (
	"gvisor.dev/gvisor/pkg/sentry/devices/memdev"
	"gvisor.dev/gvisor/pkg/sentry/devices/ttydev"
	"gvisor.dev/gvisor/pkg/sentry/devices/tundev"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/cgroup2fs"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/cgroupfs"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/devpts"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/devtmpfs"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/fuse"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/host"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/mqfs"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/overlay"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/proc"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/sys"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/tmpfs"
	"gvisor.dev/gvisor/pkg/sentry/vfs"

	// Socket families register themselves.
	_ "gvisor.dev/gvisor/pkg/sentry/socket/netlink"
	_ "gvisor.dev/gvisor/pkg/sentry/socket/netlink/netfilter"
	_ "gvisor.dev/gvisor/pkg/sentry/socket/netlink/route"
	_ "gvisor.dev/gvisor/pkg/sentry/socket/netlink/uevent"
	_ "gvisor.dev/gvisor/pkg/sentry/socket/netstack/packetmmap"
	_ "gvisor.dev/gvisor/pkg/sentry/socket/unix"
)

// fileSystems are the file systems that may be mounted.
func fileSystems() map[string]vfs.FilesystemType {
	return map[string]vfs.FilesystemType{
		tmpfs.Name:     &tmpfs.FilesystemType{},
		proc.Name:      &proc.FilesystemType{},
		sys.Name:       &sys.FilesystemType{},
		devtmpfs.Name:  &devtmpfs.FilesystemType{},
		devpts.Name:    &devpts.FilesystemType{},
		overlay.Name:   &overlay.FilesystemType{},
		fuse.Name:      &fuse.FilesystemType{},
		mqfs.Name:      &mqfs.FilesystemType{},
		cgroupfs.Name:  &cgroupfs.FilesystemType{},
		cgroup2fs.Name: &cgroup2fs.FilesystemType{},
	}
}

// registerFileSystems tells the kernel of its file systems and devices.
func (k *Kernel) registerFileSystems() error {
	v := k.gv.VFS()
	for name, t := range fileSystems() {
		if err := v.RegisterFilesystemType(name, t, &vfs.RegisterFilesystemTypeOptions{
			AllowUserMount: true,
			AllowUserList:  true,
			RequiresDevice: name == fuse.Name, // as in /proc/filesystems: no nodev
		}); err != nil {
			return err
		}
	}
	if err := v.RegisterFilesystemType(iofsName, &iofsType{}, &vfs.RegisterFilesystemTypeOptions{}); err != nil {
		return err
	}
	for _, register := range []func(*vfs.VirtualFilesystem) error{
		memdev.Register, ttydev.Register, tundev.Register, fuse.Register, k.console.register,
	} {
		if err := register(v); err != nil {
			return err
		}
	}
	if k.random != nil {
		if err := k.random.register(v); err != nil {
			return err
		}
	}
	hostFS, err := host.NewFilesystem(v)
	if err != nil {
		return err
	}
	defer hostFS.DecRef(k.gv.SupervisorContext())
	k.gv.SetHostMount(v.NewDisconnectedMount(hostFS, nil, &vfs.MountOptions{}))
	return nil
}
