//go:build linux && (amd64 || arm64)

package sentry

import (
	"fmt"
	"io"
	"math"
	"sync"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/errors/linuxerr"
	"gvisor.dev/gvisor/pkg/hostarch"
	"gvisor.dev/gvisor/pkg/safemem"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
	"gvisor.dev/gvisor/pkg/usermem"

	"github.com/anykernel/anykernel/hypercall"
)

// A random is a kernel's own source of randomness: what its network stack
// draws, and what getrandom and the devices give.
//
// gVisor's one source per process remains in three places: AT_RANDOM of the
// auxiliary vector, boot_id and uuid in /proc, and the serial numbers of keys.
type random struct {
	major uint32 // of its devices

	mu sync.Mutex
	r  hypercall.Random
}

func (r *random) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return io.ReadFull(r.r, b)
}

// getrandom is getrandom(2) of kernels with a random source of their own, and
// gVisor's for the others.
func getrandom(gvisors kernel.SyscallFn) kernel.SyscallFn {
	return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
		k := kernelOf(t)
		if k == nil || k.random == nil {
			return gvisors(t, nr, args)
		}
		const flags = unix.GRND_NONBLOCK | unix.GRND_RANDOM | unix.GRND_INSECURE
		if args[2].Uint()&^flags != 0 {
			return 0, nil, linuxerr.EINVAL
		}
		dst, ok := args[0].Pointer().ToRange(min(args[1].Uint64(), math.MaxInt32))
		if !ok {
			return 0, nil, linuxerr.EFAULT
		}
		n, err := t.MemoryManager().CopyOutFrom(t, hostarch.AddrRangeSeqOf(dst), safemem.FromIOReader{Reader: k.random}, usermem.IOOpts{})
		if n > 0 {
			return uintptr(n), nil, nil
		}
		return 0, nil, err
	}
}

// register makes the devices of a kernel with a random source of its own.
// gVisor's have the numbers that Linux uses, so these have others.
func (r *random) register(v *vfs.VirtualFilesystem) error {
	var err error
	if r.major, err = v.GetDynamicCharDevMajor(); err != nil {
		return err
	}
	return v.RegisterDevice(vfs.CharDevice, r.major, 0, r, &vfs.RegisterDeviceOptions{GroupName: "random", FilePerms: 0o666})
}

// Open implements vfs.Device.
func (r *random) Open(ctx context.Context, mnt *vfs.Mount, d *vfs.Dentry, opts vfs.OpenOptions) (*vfs.FileDescription, error) {
	fd := &randomFD{random: r}
	return fd.open(ctx, fd, mnt, d, opts)
}

// A randomFD is an open random device.
type randomFD struct {
	deviceFD
	random *random
}

func (fd *randomFD) Read(ctx context.Context, dst usermem.IOSequence, _ vfs.ReadOptions) (int64, error) {
	n, err := dst.CopyOutFrom(ctx, safemem.FromIOReader{Reader: fd.random})
	if err != nil && n == 0 {
		ctx.Warningf("random source: %v", err)
		return 0, linuxerr.EIO
	}
	return n, nil
}

func (fd *randomFD) PRead(ctx context.Context, dst usermem.IOSequence, _ int64, opts vfs.ReadOptions) (int64, error) {
	return fd.Read(ctx, dst, opts)
}

// Write takes what is written and does nothing with it, as Linux does with
// entropy that nobody vouches for.
func (*randomFD) Write(_ context.Context, src usermem.IOSequence, _ vfs.WriteOptions) (int64, error) {
	return src.NumBytes(), nil
}

func (*randomFD) PWrite(_ context.Context, src usermem.IOSequence, _ int64, _ vfs.WriteOptions) (int64, error) {
	return src.NumBytes(), nil
}

// useRandom puts the kernel's own devices in the place of gVisor's.
func (r *rootfs) useRandom(k *Kernel) error {
	for _, name := range []string{"/dev/random", "/dev/urandom"} {
		if err := r.v.UnlinkAt(r.ctx, r.creds, r.at(name)); err != nil {
			return fmt.Errorf("unlink %s: %w", name, err)
		}
		if err := r.v.MknodAt(r.ctx, r.creds, r.at(name), &vfs.MknodOptions{Mode: linux.S_IFCHR | 0o666, DevMajor: k.random.major}); err != nil {
			return fmt.Errorf("mknod %s: %w", name, err)
		}
	}
	return nil
}
