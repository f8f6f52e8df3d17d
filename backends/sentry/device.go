//go:build linux && (amd64 || arm64)

package sentry

import (
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/sentry/kernel/auth"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
)

// A deviceFD is what every open device of ours has. The type of a device
// embeds it and adds what can be done.
type deviceFD struct {
	vfsfd vfs.FileDescription
	vfs.FileDescriptionDefaultImpl
	vfs.DentryMetadataFileDescriptionImpl
	vfs.NoLockFD
}

// Release implements vfs.FileDescriptionImpl.
func (*deviceFD) Release(context.Context) {}

// open opens the device at d. impl is what embeds fd.
func (fd *deviceFD) open(ctx context.Context, impl vfs.FileDescriptionImpl, mnt *vfs.Mount, d *vfs.Dentry, opts vfs.OpenOptions) (*vfs.FileDescription, error) {
	if err := fd.vfsfd.Init(impl, opts.Flags, auth.CredentialsFromContext(ctx), mnt, d, &vfs.FileDescriptionOptions{
		UseDentryMetadata: true,
		SpecialFile:       true,
	}); err != nil {
		return nil, err
	}
	return &fd.vfsfd, nil
}
