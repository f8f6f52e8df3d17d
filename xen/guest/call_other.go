//go:build !(linux && amd64)

package guest

import (
	"os"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

func present() bool { return false }

func call(op, a, b, c, d uintptr) (uintptr, error) { return 0, ErrNotGuest }

func alloc(size int) (shm.Region, error) { return shm.Region{}, ErrNotGuest }

func mapPhysical(physical uint64, size int, cached bool) (shm.Region, error) {
	return shm.Region{}, ErrNotGuest
}

func sharedInfo() (shm.Region, error) { return shm.Region{}, ErrNotGuest }

func interrupt(source int) (*os.File, byte, error) { return nil, 0, ErrNotGuest }

func hypercall(nr uint64, args []uint64) (int64, error) { return 0, ErrNotGuest }

func pointer(r shm.Region) uint64 { return 0 }
