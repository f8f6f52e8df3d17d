//go:build linux && (amd64 || arm64)

package sentry

import (
	"fmt"
	"io"
	"sync"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/errors/linuxerr"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
	"gvisor.dev/gvisor/pkg/usermem"

	"github.com/anykernel/anykernel/hypercall"
)

// A console is /dev/console: what is written to it goes to the program that
// opened the kernel. Nothing can be read from it.
type console struct {
	to hypercall.Console // may be nil

	mu  sync.Mutex
	end []byte
}

// tailSize is how much of the console's end is kept for a PanicError.
const tailSize = 4096

// maxConsoleWrite bounds what one write takes; a larger one is short.
const maxConsoleWrite = 64 << 10

func (c *console) write(b []byte) (int, error) {
	c.mu.Lock()
	c.end = append(c.end, b...)
	if n := len(c.end) - tailSize; n > tailSize {
		c.end = append(c.end[:0], c.end[n:]...)
	}
	c.mu.Unlock()
	if c.to == nil {
		return len(b), nil
	}
	if err := c.to.Print(b); err != nil {
		return 0, linuxerr.EIO
	}
	return len(b), nil
}

func (c *console) tail() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]byte(nil), c.end[max(0, len(c.end)-tailSize):]...)
}

// See Documentation/admin-guide/devices.txt of Linux.
const consoleMinor = 1

func (c *console) register(v *vfs.VirtualFilesystem) error {
	return v.RegisterDevice(vfs.CharDevice, linux.TTYAUX_MAJOR, consoleMinor, c, &vfs.RegisterDeviceOptions{
		GroupName: "console",
		Pathname:  "console",
		FilePerms: 0o600,
	})
}

// openConsole opens the console as standard input, output and error.
func (r *rootfs) openConsole(fds *kernel.FDTable) error {
	f, err := r.v.OpenAt(r.ctx, r.creds, r.at("/dev/console"), &vfs.OpenOptions{Flags: linux.O_RDWR})
	if err != nil {
		return fmt.Errorf("open console: %w", err)
	}
	defer f.DecRef(r.ctx)
	for fd := range int32(3) {
		if _, err := fds.NewFDAt(r.ctx, fd, f, kernel.FDFlags{}); err != nil {
			return fmt.Errorf("open console: %w", err)
		}
	}
	return nil
}

// Open implements vfs.Device.
func (c *console) Open(ctx context.Context, mnt *vfs.Mount, d *vfs.Dentry, opts vfs.OpenOptions) (*vfs.FileDescription, error) {
	fd := &consoleFD{console: c}
	return fd.open(ctx, fd, mnt, d, opts)
}

// A consoleFD is an open console.
type consoleFD struct {
	deviceFD
	console *console
}

func (*consoleFD) Read(context.Context, usermem.IOSequence, vfs.ReadOptions) (int64, error) {
	return 0, io.EOF
}

func (*consoleFD) PRead(context.Context, usermem.IOSequence, int64, vfs.ReadOptions) (int64, error) {
	return 0, io.EOF
}

func (fd *consoleFD) Write(ctx context.Context, src usermem.IOSequence, _ vfs.WriteOptions) (int64, error) {
	b := make([]byte, min(src.NumBytes(), maxConsoleWrite))
	n, err := src.CopyIn(ctx, b)
	if n == 0 {
		return 0, err
	}
	n, err = fd.console.write(b[:n])
	return int64(n), err
}

func (fd *consoleFD) PWrite(ctx context.Context, src usermem.IOSequence, _ int64, opts vfs.WriteOptions) (int64, error) {
	return fd.Write(ctx, src, opts)
}
