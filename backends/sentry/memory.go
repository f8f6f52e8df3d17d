//go:build linux && (amd64 || arm64)

package sentry

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/sentry/pgalloc"
)

// A memory is what a kernel keeps pages of files and mappings in: one sparse
// memfd of the host.
type memory struct{ file *pgalloc.MemoryFile }

func newMemory() (*memory, error) {
	fd, err := unix.MemfdCreate("sentry", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory of the kernel: memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "sentry")
	mf, err := pgalloc.NewMemoryFile(f, pgalloc.MemoryFileOpts{
		DisableMemoryAccounting: true,
		DisableIMAWorkAround:    true,
	})
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("memory of the kernel: %w", err)
	}
	return &memory{file: mf}, nil
}
